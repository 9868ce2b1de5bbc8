package dev.rebootless.fleet;

import dev.rebootless.base.Hashes;
import dev.rebootless.release.DesiredState;
import dev.rebootless.trust.tuf.Delegation;
import dev.rebootless.trust.tuf.FileFacts;
import dev.rebootless.trust.tuf.Metadata;
import dev.rebootless.trust.tuf.RoleKeys;
import dev.rebootless.trust.tuf.SignedMetadata;
import dev.rebootless.trust.tuf.Signer;
import dev.rebootless.trust.tuf.TufRepository;
import dev.rebootless.trust.tuf.TufRole;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/** A repository with one release, which the canary ring of one kernel build should load. */
final class TestRelease {
    static final String BUILD_ID = "0123456789abcdef0123456789abcdef01234567";
    static final String OTHER_BUILD_ID = "ff23456789abcdef0123456789abcdef01234567";
    static final String NAME = "livepatch_fix";
    static final byte[] MODULE = "the bytes of a module".getBytes(StandardCharsets.UTF_8);
    static final String SHA256 = Hashes.sha256(MODULE);
    static final String OLD_SHA256 = "ab".repeat(32);
    static final int STATE_VERSION = 3;

    private TestRelease() {}

    static void publish(Path folder) {
        publish(folder, List.of("canary"));
    }

    /** The same for other rings. */
    static void publish(Path folder, List<String> rings) {
        Signer signer = Signer.generated();
        RoleKeys keys = new RoleKeys(new TreeSet<>(List.of(signer.key().id())), 1);
        Instant end = Instant.now().plus(Duration.ofDays(30));
        SortedMap<String, dev.rebootless.trust.tuf.PublicKey> known = new TreeMap<>();
        known.put(signer.key().id(), signer.key());
        SortedMap<TufRole, RoleKeys> roles = new TreeMap<>();
        for (TufRole role : TufRole.values()) {
            roles.put(role, keys);
        }
        TufRepository repository = new TufRepository(folder);
        List<Signer> signers = List.of(signer);
        repository.publishRoot(SignedMetadata.of(new Metadata.Root(1, end, known, roles), signers));
        SortedMap<String, FileFacts> modules = new TreeMap<>();
        String path = "releases/" + BUILD_ID + "/" + NAME + "/livepatch.ko";
        modules.put(path, repository.addTarget(path, MODULE));
        SortedMap<String, FileFacts> states = new TreeMap<>();
        for (String ring : rings) {
            DesiredState state = state(ring, path);
            states.put(state.path(), repository.addTarget(state.path(), state.bytes()));
        }
        SortedMap<String, Metadata.Snapshot.Listed> meta = new TreeMap<>();
        meta.put(
                "targets",
                repository.publishTargets(
                        "targets",
                        SignedMetadata.of(
                                new Metadata.Targets(
                                        "targets",
                                        1,
                                        end,
                                        modules,
                                        known,
                                        List.of(
                                                new Delegation(
                                                        "state",
                                                        keys,
                                                        List.of("state/*/*.json"),
                                                        true))),
                                signers)));
        meta.put(
                "state",
                repository.publishTargets(
                        "state",
                        SignedMetadata.of(
                                new Metadata.Targets(
                                        "state", 1, end, states, new TreeMap<>(), List.of()),
                                signers)));
        Metadata.Snapshot.Listed snapshot =
                repository.publishSnapshot(
                        SignedMetadata.of(new Metadata.Snapshot(1, end, meta), signers));
        repository.publishTimestamp(
                SignedMetadata.of(
                        new Metadata.Timestamp(1, end, snapshot.version(), snapshot.facts()),
                        signers));
    }

    private static DesiredState state(String ring, String path) {
        return new DesiredState(
                BUILD_ID,
                "6.1.0-56-cloud-amd64",
                ring,
                STATE_VERSION,
                Optional.of(new DesiredState.Load(NAME, path, SHA256, List.of("CVE-2026-0001"))),
                List.of(new DesiredState.Unload("livepatch_old", OLD_SHA256)),
                List.of(
                        new DesiredState.Reversible(
                                SHA256, Instant.now().plus(Duration.ofHours(1)))));
    }
}
