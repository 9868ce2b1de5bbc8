package dev.rebootless.release.publish;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.trust.tuf.Delegation;
import dev.rebootless.trust.tuf.Metadata;
import dev.rebootless.trust.tuf.PublicKey;
import dev.rebootless.trust.tuf.RoleKeys;
import dev.rebootless.trust.tuf.SignedMetadata;
import dev.rebootless.trust.tuf.TufClient;
import dev.rebootless.trust.tuf.TufRepository;
import dev.rebootless.trust.tuf.TufRole;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * A repository that is begun: keys for all roles, and their first metadata, which release nothing.
 *
 * @param repository its folder
 * @param keys where the folders {@code root} and {@code release} go, with keys that belong on no
 *     server
 * @param online where the keys of snapshot and timestamp go, which the server needs
 * @param count how many keys root and release have each, from 1
 * @param threshold how many of these must sign, from 1 to count
 */
public record NewRepository(Path repository, Path keys, Path online, int count, int threshold) {
    /** In the folders of keys: what whoever signs with them believed last. */
    public static final String TRUSTED = "trusted";

    /** A list of those who sign that is longer is none that anybody keeps. */
    private static final int MAX_KEYS = 16;

    /** Which paths are left to the role {@code state}: {@code state/BUILDID/RING.json}. */
    static final List<String> STATE_PATHS = List.of("state/*/*.json");

    /** As {@link #create} says. */
    public NewRepository {
        if (count < 1 || count > MAX_KEYS || threshold < 1 || threshold > count) {
            throw RebootlessException.usage(
                    "RBL-USAGE",
                    "--threshold",
                    threshold + " of " + count + " keys cannot sign",
                    "of at most " + MAX_KEYS + " keys, at least one and at most all must sign");
        }
    }

    /**
     * Makes all of it.
     *
     * @throws RebootlessException exit status 4 {@code RBL-KEY-EXISTS}, {@code RBL-TUF-PUBLISHED}
     *     where something is there already; 5 where it cannot be written
     */
    public void create(Clock clock) {
        if (Files.exists(repository.resolve("metadata"))) {
            throw RebootlessException.refused(
                    "RBL-TUF-PUBLISHED",
                    repository.toString(),
                    "is a repository already, and hosts may trust its root",
                    "give another folder, or replace keys with `rebootless keys rotate`");
        }
        Instant now = clock.instant();
        Path rootFolder = keys.resolve("root");
        Path releaseFolder = keys.resolve("release");
        KeySet root = KeySet.create(rootFolder, "root", count, threshold);
        KeySet release = KeySet.create(releaseFolder, "release", count, threshold);
        KeySet snapshot = KeySet.create(online, "snapshot", 1, 1);
        KeySet timestamp = KeySet.create(online, "timestamp", 1, 1);
        SortedMap<String, PublicKey> all = new TreeMap<>(root.keys());
        all.putAll(release.keys());
        all.putAll(snapshot.keys());
        all.putAll(timestamp.keys());
        SortedMap<TufRole, RoleKeys> roles = new TreeMap<>();
        roles.put(TufRole.ROOT, root.role());
        roles.put(TufRole.TARGETS, release.role());
        roles.put(TufRole.SNAPSHOT, snapshot.role());
        roles.put(TufRole.TIMESTAMP, timestamp.role());
        SignedMetadata first =
                SignedMetadata.of(
                        new Metadata.Root(1, Validity.ROOT.end(now), all, roles), root.signers());
        TufRepository files = new TufRepository(repository);
        SortedMap<String, Metadata.Snapshot.Listed> meta = new TreeMap<>();
        meta.put(
                TufRole.TARGETS.word(),
                files.publishTargets(
                        TufRole.TARGETS.word(),
                        SignedMetadata.of(
                                new Metadata.Targets(
                                        TufRole.TARGETS.word(),
                                        1,
                                        Validity.TARGETS.end(now),
                                        new TreeMap<>(),
                                        release.keys(),
                                        List.of(leftToState(release.role()))),
                                release.signers())));
        meta.put(
                Catalog.STATE,
                files.publishTargets(
                        Catalog.STATE,
                        SignedMetadata.of(
                                new Metadata.Targets(
                                        Catalog.STATE,
                                        1,
                                        Validity.STATE.end(now),
                                        new TreeMap<>(),
                                        new TreeMap<>(),
                                        List.of()),
                                release.signers())));
        Metadata.Snapshot.Listed listed =
                files.publishSnapshot(
                        SignedMetadata.of(
                                new Metadata.Snapshot(1, Validity.SNAPSHOT.end(now), meta),
                                snapshot.signers()));
        files.publishRoot(first);
        files.publishTimestamp(
                SignedMetadata.of(
                        new Metadata.Timestamp(
                                1, Validity.TIMESTAMP.end(now), listed.version(), listed.facts()),
                        timestamp.signers()));
        for (Path folder : List.of(rootFolder, releaseFolder, online)) {
            TufClient.trust(folder.resolve(TRUSTED), first.bytes());
        }
    }

    /** Nobody else is asked for these paths. */
    static Delegation leftToState(RoleKeys release) {
        return new Delegation(Catalog.STATE, release, STATE_PATHS, true);
    }
}
