package dev.rebootless.host.agent;

import dev.rebootless.base.Hashes;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.release.DesiredState;
import dev.rebootless.trust.tuf.TufClient;
import java.util.Optional;

/** The signed states and released files that this host reads. */
final class Wanted {
    /** As large as a module may be for {@code load}. */
    private static final long MAX_MODULE = 32L << 20;

    /** As large as a manifest may be for {@code load}, with the proof. */
    private static final long MAX_PROOF = 16L << 20;

    private Wanted() {}

    /**
     * A released livepatch.
     *
     * @param module the bytes of the {@code .ko}
     * @param proof the JSON beside it
     */
    record Released(byte[] module, byte[] proof) {}

    /**
     * The state of a ring for a kernel build; empty where none is published.
     *
     * @throws RebootlessException exit status 4 {@code RBL-AGENT-STATE}
     */
    static Optional<DesiredState> state(
            TufClient.Session session, String release, String buildId, String ring) {
        String path = DesiredState.path(buildId, ring);
        Optional<DesiredState> state =
                session.target(path, DesiredState.MAX_BYTES)
                        .map(bytes -> DesiredState.read(bytes, path));
        state.filter(s ->
                        !s.buildId().equals(buildId)
                                || !s.ring().equals(ring)
                                || !s.release().equals(release))
                .ifPresent(s -> {
                    throw unfit(path, "it says that it is of another kernel build or ring");
                });
        return state;
    }

    /**
     * The files of a livepatch.
     *
     * @throws RebootlessException exit status 4 {@code RBL-AGENT-STATE}
     */
    static Released released(TufClient.Session session, DesiredState.Load wanted) {
        String path = wanted.path();
        byte[] module =
                session.target(path, MAX_MODULE)
                        .orElseThrow(
                                () -> unfit(path, "the state names it, and it is not released"));
        if (!Hashes.sha256(module).equals(wanted.sha256())) {
            throw unfit(path, "it was released with other bytes than the state names");
        }
        String beside =
                (path.endsWith(".ko") ? path.substring(0, path.length() - 3) : path) + ".json";
        byte[] proof =
                session.target(beside, MAX_PROOF)
                        .orElseThrow(() -> unfit(beside, "no proof was released with the module"));
        return new Released(module, proof);
    }

    private static RebootlessException unfit(String path, String why) {
        return RebootlessException.refused(
                "RBL-AGENT-STATE",
                path,
                why,
                "whoever publishes has to sign a state that fits what is released");
    }
}
