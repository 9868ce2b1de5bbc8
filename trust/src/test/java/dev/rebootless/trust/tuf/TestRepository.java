package dev.rebootless.trust.tuf;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * A repository as Rebootless has it: root and targets need two of three, whose keys are elsewhere;
 * snapshot and timestamp are signed by the server; what hosts should run is left to a role of its
 * own. Each field may be changed between publications.
 */
final class TestRepository {
    static final Instant NOW = Instant.parse("2026-11-28T09:00:00Z");
    static final String MODULE = "modules/livepatch-fix.ko";
    static final String STATE = "state/0123abcd/canary.json";

    final Path folder;
    final TufRepository files;
    List<Signer> root = three();
    List<Signer> targets = three();
    int targetsThreshold = 2;
    List<Signer> state = three();
    Signer snapshot = Signer.generated();
    Signer timestamp = Signer.generated();

    int rootVersion = 1;
    int targetsVersion = 1;
    int stateVersion = 1;
    int snapshotVersion = 1;
    int timestampVersion = 1;

    Instant rootEnd = NOW.plus(Duration.ofDays(365));
    Instant targetsEnd = NOW.plus(Duration.ofDays(90));
    Instant stateEnd = NOW.plus(Duration.ofDays(14));
    Instant snapshotEnd = NOW.plus(Duration.ofDays(7));
    Instant timestampEnd = NOW.plus(Duration.ofDays(1));

    final SortedMap<String, FileFacts> released = new TreeMap<>();
    final SortedMap<String, FileFacts> wanted = new TreeMap<>();
    List<String> leftToState = List.of("state/*/*.json");

    TestRepository(Path folder) {
        this.folder = folder;
        this.files = new TufRepository(folder);
        released.put(MODULE, files.addTarget(MODULE, bytes("module 1")));
        wanted.put(STATE, files.addTarget(STATE, bytes("load fix 1")));
    }

    static List<Signer> three() {
        return List.of(Signer.generated(), Signer.generated(), Signer.generated());
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static RoleKeys roleKeys(List<Signer> signers, int threshold) {
        SortedSet<String> ids = new TreeSet<>();
        signers.forEach(s -> ids.add(s.key().id()));
        return new RoleKeys(ids, threshold);
    }

    static SortedMap<String, PublicKey> keys(List<Signer> signers) {
        SortedMap<String, PublicKey> keys = new TreeMap<>();
        signers.forEach(s -> keys.put(s.key().id(), s.key()));
        return keys;
    }

    Metadata.Root rootMetadata() {
        List<Signer> all = new ArrayList<>(root);
        all.addAll(targets);
        all.add(snapshot);
        all.add(timestamp);
        SortedMap<TufRole, RoleKeys> roles = new TreeMap<>();
        roles.put(TufRole.ROOT, roleKeys(root, 2));
        roles.put(TufRole.TARGETS, roleKeys(targets, targetsThreshold));
        roles.put(TufRole.SNAPSHOT, roleKeys(List.of(snapshot), 1));
        roles.put(TufRole.TIMESTAMP, roleKeys(List.of(timestamp), 1));
        return new Metadata.Root(rootVersion, rootEnd, keys(all), roles);
    }

    Metadata.Targets targetsMetadata() {
        return new Metadata.Targets(
                "targets",
                targetsVersion,
                targetsEnd,
                released,
                keys(state),
                List.of(new Delegation("state", roleKeys(state, 2), leftToState, true)));
    }

    Metadata.Targets stateMetadata() {
        return new Metadata.Targets(
                "state", stateVersion, stateEnd, wanted, new TreeMap<>(), List.of());
    }

    SignedMetadata signedRoot(List<Signer> signers) {
        return SignedMetadata.of(rootMetadata(), signers);
    }

    /** Publishes a root, signed by two. */
    void publishRoot() {
        publishRoot(signedRoot(root.subList(0, 2)));
    }

    /** Publishes all but the root, signed by as many as must. */
    void publish() {
        publish(
                SignedMetadata.of(targetsMetadata(), targets.subList(0, 2)),
                SignedMetadata.of(stateMetadata(), state.subList(1, 3)));
    }

    /** What a server does with metadata that others have signed. */
    void publish(SignedMetadata signedTargets, SignedMetadata signedState) {
        SortedMap<String, Metadata.Snapshot.Listed> meta = new TreeMap<>();
        meta.put("targets", publishTargets("targets", signedTargets));
        meta.put("state", publishTargets("state", signedState));
        publish(meta);
    }

    void publish(SortedMap<String, Metadata.Snapshot.Listed> meta) {
        remove(snapshotVersion + ".snapshot");
        Metadata.Snapshot.Listed listed =
                files.publishSnapshot(
                        SignedMetadata.of(
                                new Metadata.Snapshot(snapshotVersion, snapshotEnd, meta),
                                List.of(snapshot)));
        publishTimestamp(listed);
    }

    void publishTimestamp(Metadata.Snapshot.Listed listed) {
        files.publishTimestamp(
                SignedMetadata.of(
                        new Metadata.Timestamp(
                                timestampVersion, timestampEnd, listed.version(), listed.facts()),
                        List.of(timestamp)));
    }

    /** All that a new publication counts up. */
    void next() {
        targetsVersion++;
        stateVersion++;
        snapshotVersion++;
        timestampVersion++;
    }

    /** For the next root. */
    void replaceServersKeys() {
        rootVersion++;
        timestamp = Signer.generated();
        snapshot = Signer.generated();
    }

    /** What a captured server can sign: a new snapshot and timestamp of what was withdrawn. */
    void publishTheFirstStateAsTheNewest() {
        stateVersion = 1;
        wanted.put(STATE, FileFacts.of(bytes("load fix 1")));
        snapshotVersion++;
        timestampVersion++;
        publish();
    }

    /** Also over what was published before, as an attacker may. */
    void publishRoot(SignedMetadata signed) {
        remove(signed.metadata().version() + ".root");
        files.publishRoot(signed);
    }

    /** Also over what was published before, as an attacker may. */
    Metadata.Snapshot.Listed publishTargets(String role, SignedMetadata signed) {
        remove(signed.metadata().version() + "." + role);
        return files.publishTargets(role, signed);
    }

    private void remove(String name) {
        try {
            Files.deleteIfExists(folder.resolve("metadata").resolve(name + ".json"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
