package dev.rebootless.host;

import dev.rebootless.base.Hashes;
import dev.rebootless.manifest.Manifest;
import dev.rebootless.release.DesiredState;
import dev.rebootless.trust.tuf.Delegation;
import dev.rebootless.trust.tuf.FileFacts;
import dev.rebootless.trust.tuf.Metadata;
import dev.rebootless.trust.tuf.PublicKey;
import dev.rebootless.trust.tuf.RoleKeys;
import dev.rebootless.trust.tuf.SignedMetadata;
import dev.rebootless.trust.tuf.Signer;
import dev.rebootless.trust.tuf.TufRepository;
import dev.rebootless.trust.tuf.TufRole;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/** A real repository of releases and states, with all keys at hand. */
final class TestReleases {
    final Path folder;
    private final TufRepository files;
    List<Signer> root = three();
    private final List<Signer> targets = three();
    private final List<Signer> state = three();
    private Signer snapshot = Signer.generated();
    private Signer timestamp = Signer.generated();
    private final SortedMap<String, FileFacts> released = new TreeMap<>();
    private final SortedMap<String, FileFacts> states = new TreeMap<>();
    int rootVersion = 1;
    int version;
    Instant now;
    Duration life = Duration.ofDays(1);

    TestReleases(Path folder, Instant now) {
        this.folder = folder;
        this.files = new TufRepository(folder);
        this.now = now;
        publishRoot(List.of());
        publish();
    }

    private static List<Signer> three() {
        return List.of(Signer.generated(), Signer.generated(), Signer.generated());
    }

    private static RoleKeys keys(List<Signer> signers, int threshold) {
        TreeSet<String> ids = new TreeSet<>();
        signers.forEach(s -> ids.add(s.key().id()));
        return new RoleKeys(ids, threshold);
    }

    private static SortedMap<String, PublicKey> named(List<Signer> signers) {
        SortedMap<String, PublicKey> keys = new TreeMap<>();
        signers.forEach(s -> keys.put(s.key().id(), s.key()));
        return keys;
    }

    private void publishRoot(List<Signer> also) {
        List<Signer> all = new ArrayList<>(root);
        all.addAll(targets);
        all.add(snapshot);
        all.add(timestamp);
        SortedMap<TufRole, RoleKeys> roles = new TreeMap<>();
        roles.put(TufRole.ROOT, keys(root, 2));
        roles.put(TufRole.TARGETS, keys(targets, 2));
        roles.put(TufRole.SNAPSHOT, keys(List.of(snapshot), 1));
        roles.put(TufRole.TIMESTAMP, keys(List.of(timestamp), 1));
        List<Signer> signers = new ArrayList<>(root.subList(0, 2));
        signers.addAll(also);
        files.publishRoot(
                SignedMetadata.of(
                        new Metadata.Root(
                                rootVersion, now.plus(Duration.ofDays(365)), named(all), roles),
                        signers));
    }

    /** New keys of root and server: a new root, signed by the old ones as well. */
    void rotate() {
        List<Signer> before = root.subList(0, 2);
        root = three();
        snapshot = Signer.generated();
        timestamp = Signer.generated();
        rootVersion++;
        publishRoot(before);
    }

    byte[] firstRoot() {
        return file("metadata/1.root.json");
    }

    byte[] file(String name) {
        try {
            return Files.readAllBytes(folder.resolve(name));
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    /** A livepatch, as {@code publish} would release it. */
    DesiredState.Load release(Path scratch, Manifest manifest) throws IOException {
        byte[] module = Files.readAllBytes(TestModules.write(scratch, manifest));
        String hash = Hashes.sha256(module);
        String path =
                "releases/" + manifest.kernel().buildId() + "/" + manifest.name() + "/livepatch";
        released.put(path + ".ko", files.addTarget(path + ".ko", module));
        byte[] proof =
                ("{\"moduleSha256\":\"" + hash + "\",\"status\":\"proven\"}")
                        .getBytes(StandardCharsets.UTF_8);
        released.put(path + ".json", files.addTarget(path + ".json", proof));
        return new DesiredState.Load(manifest.module(), path + ".ko", hash, List.of());
    }

    /** What a ring should run, in the next publication. */
    void want(DesiredState wanted) {
        states.put(wanted.path(), files.addTarget(wanted.path(), wanted.bytes()));
    }

    /** Publishes all that was released and wanted. */
    void publish() {
        version++;
        Metadata.Targets top =
                new Metadata.Targets(
                        "targets",
                        version,
                        now.plus(Duration.ofDays(90)),
                        released,
                        named(state),
                        List.of(
                                new Delegation(
                                        "state", keys(state, 2), List.of("state/*/*.json"), true)));
        Metadata.Targets left =
                new Metadata.Targets(
                        "state",
                        version,
                        now.plus(Duration.ofDays(14)),
                        states,
                        new TreeMap<>(),
                        List.of());
        SortedMap<String, Metadata.Snapshot.Listed> meta = new TreeMap<>();
        meta.put(
                "targets",
                files.publishTargets("targets", SignedMetadata.of(top, targets.subList(0, 2))));
        meta.put(
                "state",
                files.publishTargets("state", SignedMetadata.of(left, state.subList(0, 2))));
        Metadata.Snapshot.Listed listed =
                files.publishSnapshot(
                        SignedMetadata.of(
                                new Metadata.Snapshot(version, now.plus(Duration.ofDays(7)), meta),
                                List.of(snapshot)));
        files.publishTimestamp(
                SignedMetadata.of(
                        new Metadata.Timestamp(
                                version, now.plus(life), listed.version(), listed.facts()),
                        List.of(timestamp)));
    }
}
