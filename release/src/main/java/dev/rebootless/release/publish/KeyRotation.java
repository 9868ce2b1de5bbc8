package dev.rebootless.release.publish;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.release.Keyring;
import dev.rebootless.trust.tuf.Metadata;
import dev.rebootless.trust.tuf.PublicKey;
import dev.rebootless.trust.tuf.RepositoryReader;
import dev.rebootless.trust.tuf.RoleKeys;
import dev.rebootless.trust.tuf.SignedMetadata;
import dev.rebootless.trust.tuf.Signer;
import dev.rebootless.trust.tuf.TufClient;
import dev.rebootless.trust.tuf.TufRepository;
import dev.rebootless.trust.tuf.TufRole;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Replaces the keys of a role: because one was lost, or may be in other hands. The new root is
 * signed by those who sign for the old one and, where these are replaced, by the new ones too
 * (specification, section 6.1).
 *
 * @param repository its folder
 * @param trusted the folder of what the signer believed last
 * @param keys at hand: root's, enough of them; and those of snapshot and timestamp
 */
public record KeyRotation(Path repository, Path trusted, Keyring keys) {
    /** Whose keys can be replaced: those of targets and state are the same. */
    public enum Replaced {
        ROOT(TufRole.ROOT),
        RELEASE(TufRole.TARGETS),
        SNAPSHOT(TufRole.SNAPSHOT),
        TIMESTAMP(TufRole.TIMESTAMP);

        private final TufRole role;

        Replaced(TufRole role) {
            this.role = role;
        }
    }

    /**
     * Makes new keys and has them believed.
     *
     * @param replaced whose
     * @param folder in which the new keys' files go; must not have files of these names
     * @return the version of the new root
     * @throws RebootlessException exit status 4 {@code RBL-KEYS-MISSING}, {@code RBL-KEY-EXISTS}
     */
    public int rotate(Replaced replaced, Path folder, Clock clock) {
        RepositoryReader reader = RepositoryReader.of(repository);
        TufClient client =
                new TufClient(trusted, reader, Clock.fixed(Instant.EPOCH, ZoneOffset.UTC));
        return client.with(session -> {
            Metadata.Root root = session.root();
            List<Signer> old = keys.requireFor(root.signersOf(TufRole.ROOT), "root");
            // All that is needed is there before a key is made.
            for (TufRole online : List.of(TufRole.SNAPSHOT, TufRole.TIMESTAMP)) {
                if (online != replaced.role) {
                    var _ = keys.requireFor(root.signersOf(online), online.word());
                }
            }
            RoleKeys before = root.signersOf(replaced.role);
            KeySet made =
                    KeySet.create(
                            folder,
                            replaced.name().toLowerCase(java.util.Locale.ROOT),
                            before.keys().size(),
                            before.threshold());
            Keyring all = keys.with(Keyring.of(made.signers()));
            Metadata.Root next = next(root, replaced, made, clock.instant());
            List<Signer> signers = new ArrayList<>(old);
            if (replaced == Replaced.ROOT) {
                signers.addAll(made.signers());
            }
            publish(
                    Standing.read(session, reader),
                    SignedMetadata.of(next, signers),
                    replaced == Replaced.RELEASE ? made.signers() : List.of(),
                    all.signersFor(next.signersOf(TufRole.SNAPSHOT)),
                    all.signersFor(next.signersOf(TufRole.TIMESTAMP)),
                    clock.instant());
            return next.version();
        });
    }

    private static Metadata.Root next(
            Metadata.Root root, Replaced replaced, KeySet made, Instant now) {
        SortedMap<TufRole, RoleKeys> roles = new TreeMap<>();
        for (TufRole role : TufRole.values()) {
            roles.put(role, role == replaced.role ? made.role() : root.signersOf(role));
        }
        SortedMap<String, PublicKey> keys = new TreeMap<>(root.keys());
        keys.putAll(made.keys());
        SortedSet<String> used = new TreeSet<>();
        roles.values().forEach(role -> used.addAll(role.keys()));
        keys.keySet().retainAll(used);
        return new Metadata.Root(
                Standing.after(root.version()), Validity.ROOT.end(now), keys, roles);
    }

    /**
     * In a copy of the metadata, which takes their place when it is whole: a root whose keys have
     * signed nothing yet would be the end of the repository. Whoever reads between the two renames
     * finds nothing, and is right a moment later.
     */
    private void publish(
            Standing standing,
            SignedMetadata root,
            List<Signer> release,
            List<Signer> snapshotSigners,
            List<Signer> timestampSigners,
            Instant now) {
        MetadataCopy copy = MetadataCopy.of(repository);
        TufRepository files = new TufRepository(copy.folder());
        TufClient.Session session = standing.session();
        Map<String, Metadata.Snapshot.Listed> fresh = new LinkedHashMap<>();
        if (!release.isEmpty()) {
            for (String role : Standing.ROLES) {
                fresh.put(
                        role,
                        files.publishTargets(
                                role,
                                SignedMetadata.of(
                                        resigned(standing.of(role), release, now), release)));
            }
        }
        SortedMap<String, Metadata.Snapshot.Listed> meta = new TreeMap<>(session.snapshot().meta());
        meta.putAll(fresh);
        Metadata.Snapshot.Listed listed =
                files.publishSnapshot(
                        SignedMetadata.of(
                                new Metadata.Snapshot(
                                        Publisher.nextSnapshot(
                                                RepositoryReader.of(repository),
                                                session.snapshot().version()),
                                        Validity.SNAPSHOT.end(now),
                                        meta),
                                snapshotSigners));
        files.publishRoot(root);
        files.publishTimestamp(
                SignedMetadata.of(
                        new Metadata.Timestamp(
                                Standing.after(session.timestamp().version()),
                                Validity.TIMESTAMP.end(now),
                                listed.version(),
                                listed.facts()),
                        timestampSigners));
        copy.takePlace();
    }

    private static Metadata.Targets resigned(
            Metadata.Targets before, List<Signer> release, Instant now) {
        SortedMap<String, PublicKey> keys = new TreeMap<>();
        release.forEach(s -> keys.put(s.key().id(), s.key()));
        return new Metadata.Targets(
                before.role(),
                Standing.after(before.version()),
                Validity.ofTargets(before.role()).end(now),
                before.targets(),
                before.delegations().isEmpty() ? new TreeMap<>() : keys,
                before.delegations().stream()
                        .map(d ->
                                NewRepository.leftToState(
                                        new RoleKeys(
                                                new TreeSet<>(keys.keySet()),
                                                d.keys().threshold())))
                        .toList());
    }
}
