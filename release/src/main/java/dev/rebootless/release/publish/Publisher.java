package dev.rebootless.release.publish;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.release.DesiredState;
import dev.rebootless.release.Keyring;
import dev.rebootless.trust.tuf.FileFacts;
import dev.rebootless.trust.tuf.Metadata;
import dev.rebootless.trust.tuf.RepositoryReader;
import dev.rebootless.trust.tuf.RoleKeys;
import dev.rebootless.trust.tuf.SignedMetadata;
import dev.rebootless.trust.tuf.TufClient;
import dev.rebootless.trust.tuf.TufRepository;
import dev.rebootless.trust.tuf.TufRole;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.BiFunction;

/**
 * Signs and writes what is released and what rings should run. It believes of the repository what a
 * client would, from the root that its own folder trusts: a captured server must not get a
 * signature under what it slipped in, or back to what was withdrawn. Only that metadata have
 * expired does not keep it from signing newer ones.
 *
 * <p>Where the keys of snapshot and timestamp are not at hand, what was signed waits for the
 * server, whose {@link #refresh} makes it visible.
 */
public final class Publisher {
    /** Before any metadata can have expired. */
    private static final Clock NEVER_EXPIRED = Clock.fixed(Instant.EPOCH, ZoneOffset.UTC);

    private final TufRepository repository;
    private final RepositoryReader reader;
    private final TufClient client;
    private final SignedVersions signed;
    private final Keyring keys;
    private final Clock clock;

    /**
     * A publisher.
     *
     * @param repository its folder
     * @param trusted the folder of what this publisher believed last (see {@link TufClient})
     * @param keys at hand
     */
    public Publisher(Path repository, Path trusted, Keyring keys, Clock clock) {
        this.repository = new TufRepository(repository);
        this.reader = RepositoryReader.of(repository);
        this.client = new TufClient(trusted, reader, NEVER_EXPIRED);
        this.signed = new SignedVersions(trusted);
        this.keys = keys;
        this.clock = clock;
    }

    /**
     * What came of it.
     *
     * @param changed whether anything had to be signed
     * @param visible whether clients see it: false when it waits for the server's keys
     * @param states of rings that were written
     */
    public record Result(boolean changed, boolean visible, List<DesiredState> states) {
        public Result {
            states = List.copyOf(states);
        }
    }

    /**
     * What is to be changed.
     *
     * @param released targets of the role {@code targets} as they should be
     * @param states to be written
     */
    record Change(SortedMap<String, FileFacts> released, List<DesiredState> states) {}

    /** What is there now, also what waits for the server's keys. */
    public Catalog catalog() {
        return client.with(session -> Standing.read(session, reader).catalog(reader));
    }

    /**
     * Releases a livepatch. It runs nowhere by that: {@link #promote} says where.
     *
     * @throws RebootlessException exit status 4: {@code RBL-KEYS-MISSING}; {@code
     *     RBL-RELEASE-EXISTS} when another module is released under the name; as a client's when
     *     the repository is not to be believed
     */
    public Result publish(ReleaseFiles files) {
        return change((standing, catalog) -> {
            Release release = files.release();
            SortedMap<String, FileFacts> released =
                    new TreeMap<>(standing.of(TufRole.TARGETS.word()).targets());
            FileFacts there = released.get(release.path());
            if (there != null && !there.equals(release.module())) {
                throw RebootlessException.refused(
                        "RBL-RELEASE-EXISTS",
                        release.name(),
                        "another module is released under this name for this kernel build",
                        "build it with another --name; hosts tell livepatches apart by their names");
            }
            // Whoever may not sign should not leave files behind either.
            require(standing, TufRole.TARGETS.word());
            files.targets()
                    .forEach((path, content) ->
                            released.put(path, repository.addTarget(path, content)));
            return new Change(released, List.of());
        });
    }

    /**
     * Says that rings should run a livepatch.
     *
     * @throws RebootlessException exit status 4 {@code RBL-PROMOTE-REGRESSION} when it lacks what
     *     the ring has now; 2 {@code RBL-RELEASE-UNKNOWN}; as {@link #publish}
     */
    public Result promote(Promotion promotion) {
        return change((standing, catalog) ->
                new Change(
                        standing.of(TufRole.TARGETS.word()).targets(),
                        promotion.states(catalog, clock.instant())));
    }

    /**
     * Takes a release back: nobody can load it any more, and the rings that should run it unload
     * it.
     *
     * @throws RebootlessException as {@link #promote}
     */
    public Result withdraw(Withdrawal withdrawal) {
        return change((standing, catalog) -> {
            SortedMap<String, FileFacts> released =
                    new TreeMap<>(standing.of(TufRole.TARGETS.word()).targets());
            for (Release release : withdrawal.releases(catalog)) {
                released.keySet()
                        .removeIf(p -> p.startsWith(Release.folder(release.manifest()) + "/"));
            }
            return new Change(released, withdrawal.states(catalog));
        });
    }

    /**
     * Signs anew what soon expires, and makes visible what waits, as far as keys are at hand. A
     * server does so once an hour.
     */
    public Result refresh() {
        return change((standing, catalog) ->
                new Change(standing.of(TufRole.TARGETS.word()).targets(), List.of()));
    }

    private Result change(BiFunction<Standing, Catalog, Change> decide) {
        return client.with(session -> {
            Standing standing = Standing.read(session, reader);
            signed.requireIn(standing);
            Change change = decide.apply(standing, standing.catalog(reader));
            SortedMap<String, FileFacts> wanted =
                    new TreeMap<>(standing.of(Catalog.STATE).targets());
            boolean targetsChange =
                    !change.released().equals(standing.of(TufRole.TARGETS.word()).targets());
            // All keys that are needed are there before the first byte is written.
            if (targetsChange) {
                require(standing, TufRole.TARGETS.word());
            }
            if (!change.states().isEmpty()) {
                require(standing, Catalog.STATE);
            }
            for (DesiredState state : change.states()) {
                wanted.put(state.path(), repository.addTarget(state.path(), state.bytes()));
            }
            Map<String, Metadata.Snapshot.Listed> fresh = new LinkedHashMap<>();
            standing.files()
                    .forEach((role, file) ->
                            fresh.put(
                                    role,
                                    new Metadata.Snapshot.Listed(
                                            standing.of(role).version(), FileFacts.of(file))));
            sign(standing, TufRole.TARGETS.word(), change.released(), targetsChange, fresh);
            sign(standing, Catalog.STATE, wanted, !change.states().isEmpty(), fresh);
            boolean online = publishOnline(session, fresh);
            return new Result(
                    targetsChange || !change.states().isEmpty() || !fresh.isEmpty(),
                    online || fresh.isEmpty(),
                    change.states());
        });
    }

    private void require(Standing standing, String role) {
        var _ = keys.requireFor(signers(standing, role), role);
    }

    private static RoleKeys signers(Standing standing, String role) {
        if (role.equals(TufRole.TARGETS.word())) {
            return standing.session().root().signersOf(TufRole.TARGETS);
        }
        return standing.of(TufRole.TARGETS.word()).delegations().stream()
                .filter(d -> d.name().equals(role))
                .findFirst()
                .orElseThrow()
                .keys();
    }

    /** The next version of a role, if anything changed, or half its time is over. */
    private void sign(
            Standing standing,
            String role,
            SortedMap<String, FileFacts> targets,
            boolean changed,
            Map<String, Metadata.Snapshot.Listed> fresh) {
        Metadata.Targets before = standing.of(role);
        Instant now = clock.instant();
        RoleKeys signers = signers(standing, role);
        Validity validity = Validity.ofTargets(role);
        boolean renewed = validity.isHalfOver(before.expires(), now) && keys.canSign(signers);
        if (changed || renewed) {
            Metadata.Targets next =
                    new Metadata.Targets(
                            role,
                            Standing.after(before.version()),
                            validity.end(now),
                            targets,
                            before.keys(),
                            before.delegations());
            fresh.put(
                    role,
                    repository.publishTargets(
                            role, SignedMetadata.of(next, keys.requireFor(signers, role))));
            signed.keep(next);
        }
    }

    /** Snapshot and timestamp, where their keys are at hand. */
    private boolean publishOnline(
            TufClient.Session session, Map<String, Metadata.Snapshot.Listed> fresh) {
        RoleKeys snapshotKeys = session.root().signersOf(TufRole.SNAPSHOT);
        RoleKeys timestampKeys = session.root().signersOf(TufRole.TIMESTAMP);
        if (!keys.canSign(snapshotKeys) || !keys.canSign(timestampKeys)) {
            return false;
        }
        Instant now = clock.instant();
        Metadata.Snapshot snapshot = session.snapshot();
        Metadata.Snapshot.Listed listed =
                new Metadata.Snapshot.Listed(snapshot.version(), session.timestamp().snapshot());
        boolean newSnapshot =
                !fresh.isEmpty() || Validity.SNAPSHOT.isHalfOver(snapshot.expires(), now);
        if (newSnapshot) {
            SortedMap<String, Metadata.Snapshot.Listed> meta = new TreeMap<>(snapshot.meta());
            meta.putAll(fresh);
            listed =
                    repository.publishSnapshot(
                            SignedMetadata.of(
                                    new Metadata.Snapshot(
                                            nextSnapshot(reader, snapshot.version()),
                                            Validity.SNAPSHOT.end(now),
                                            meta),
                                    keys.requireFor(snapshotKeys, TufRole.SNAPSHOT.word())));
        }
        if (newSnapshot || Validity.TIMESTAMP.isHalfOver(session.timestamp().expires(), now)) {
            repository.publishTimestamp(
                    SignedMetadata.of(
                            new Metadata.Timestamp(
                                    Standing.after(session.timestamp().version()),
                                    Validity.TIMESTAMP.end(now),
                                    listed.version(),
                                    listed.facts()),
                            keys.requireFor(timestampKeys, TufRole.TIMESTAMP.word())));
        }
        return true;
    }

    /** One that was written and not named by a timestamp, since its writer was killed, is left. */
    static int nextSnapshot(RepositoryReader reader, int published) {
        int next = Standing.after(published);
        while (reader.read("metadata/" + next + ".snapshot.json", 0).isPresent()) {
            next = Standing.after(next);
        }
        return next;
    }
}
