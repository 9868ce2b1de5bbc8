package dev.rebootless.trust.tuf;

import dev.rebootless.base.RebootlessException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/**
 * The detailed client workflow (specification, section 5): from a root that is trusted to the bytes
 * of a target, whoever hands them out. What was believed last is kept in a folder, so that a
 * captured server can delay, and go back to nothing.
 */
public final class TufClient {
    /** Root files that one update may go through (section 5.3.2, "Y"). */
    private static final int MAX_ROOTS = 256;

    /** Sections 5.3.2 to 5.6; whoever signs a length may sign a length without end. */
    private static final long MAX_ROOT_BYTES = 512 << 10;

    private static final long MAX_TIMESTAMP_BYTES = 16 << 10;

    private static final long MAX_SNAPSHOT_BYTES = 1 << 20;

    private static final long MAX_TARGETS_BYTES = 8 << 20;

    /** Section 5.6.7.1. */
    private static final int MAX_DELEGATIONS = 32;

    private static final String ROOT = "root.json";
    private static final String TIMESTAMP = "timestamp.json";
    private static final String SNAPSHOT = "snapshot.json";

    private final Path trusted;
    private final RepositoryReader repository;
    private final Clock clock;

    /**
     * A client.
     *
     * @param trusted the folder of what was believed last. It is this process's user's or root's,
     *     nobody else may write to it, and it is no symbolic link; it has a {@code root.json} by
     *     {@link #trust}
     */
    public TufClient(Path trusted, RepositoryReader repository, Clock clock) {
        this.trusted = trusted;
        this.repository = repository;
        this.clock = clock;
    }

    /**
     * Begins to trust a root: the one decision that no metadata can make for a host. It is made
     * once; another root comes by way of the one before.
     *
     * @param folder made, for this user alone, where there is none
     * @param root as it came with the agent, or over another way
     * @throws RebootlessException exit status 4: as {@link TufFault} where it is no root that signs
     *     itself; {@code RBL-TUF-TRUSTED} where another is trusted; and as {@link #with} of the
     *     folder
     */
    public static void trust(Path folder, byte[] root) {
        selfSigned(root, ROOT);
        try (TrustedFolder trusted = TrustedFolder.open(folder)) {
            Optional<byte[]> before = trusted.read(ROOT);
            if (before.isPresent() && !Arrays.equals(before.get(), root)) {
                throw RebootlessException.refused(
                        "RBL-TUF-TRUSTED",
                        folder.toString(),
                        "another root is trusted already, and an older one would bring back keys that were lost",
                        "keep it; to start anew, remove the folder");
            }
            trusted.keep(ROOT, root);
        }
    }

    /**
     * What a repository holds at one moment. All that is asked of it is of one publication, so that
     * an instruction, a manifest and a module fit together.
     */
    public final class Session {
        private final Instant now;
        private final TrustedFolder folder;
        private final Metadata.Root root;
        private final Metadata.Timestamp timestamp;
        private final Metadata.Snapshot snapshot;
        private final Metadata.Targets targets;
        private final Map<Asked, Metadata.Targets> delegated = new HashMap<>();

        private Session(
                Instant now,
                TrustedFolder folder,
                Metadata.Root root,
                Metadata.Timestamp timestamp,
                Metadata.Snapshot snapshot,
                Metadata.Targets targets) {
            this.now = now;
            this.folder = folder;
            this.root = root;
            this.timestamp = timestamp;
            this.snapshot = snapshot;
            this.targets = targets;
        }

        /** Who signs for each role. */
        public Metadata.Root root() {
            return root;
        }

        /** The newest timestamp. */
        public Metadata.Timestamp timestamp() {
            return timestamp;
        }

        /** The snapshot that it names. */
        public Metadata.Snapshot snapshot() {
            return snapshot;
        }

        /** What the role {@code targets} has. */
        public Metadata.Targets targets() {
            return targets;
        }

        /**
         * What a role has to which {@code targets} leaves some paths.
         *
         * @throws TufFault when it leaves none to a role of that name, or its metadata are not to
         *     be believed
         */
        public Metadata.Targets delegated(String role) {
            return delegated(asked(role));
        }

        /**
         * Metadata of targets that somebody brings, if enough of those who sign for the role did
         * sign them.
         *
         * @param role {@code targets}, or one to which it leaves some paths
         * @param place for messages
         * @throws TufFault {@code RBL-TUF-FORMAT}, {@code RBL-TUF-SIGNATURES}; {@code
         *     RBL-TUF-MIXED} for those of another role
         */
        public Metadata.Targets verified(String role, byte[] file, String place) {
            SignedMetadata.Verifier verifier =
                    role.equals(TufRole.TARGETS.word())
                            ? TufClient.verifier(root, TufRole.TARGETS)
                            : asked(role).verifier();
            return targetsOf(role, file, place, verifier);
        }

        private Asked asked(String role) {
            return targets.delegations().stream()
                    .filter(d -> d.name().equals(role))
                    .findFirst()
                    .map(d -> Asked.of(d, targets))
                    .orElseThrow(() ->
                            TufFault.Attack.MISSING.of(
                                    role, "no path is left to a role of this name"));
        }

        /**
         * The bytes of a target.
         *
         * @param path of the target
         * @param most as many bytes as the caller can take
         * @return empty when no role that may says that there is such a target
         * @throws TufFault when what the repository hands out is not to be believed
         */
        public Optional<byte[]> target(String path, long most) {
            TargetPath.require(path);
            return find(path).map(facts -> fetch(path, facts, most));
        }

        /** Section 5.6.7: depth first, in the order of the delegations; the first that has it. */
        private Optional<FileFacts> find(String path) {
            FileFacts own = targets.targets().get(path);
            if (own != null) {
                return Optional.of(own);
            }
            Deque<Asked> toAsk = new ArrayDeque<>();
            push(targets, path, toAsk);
            Set<String> asked = new HashSet<>();
            while (!toAsk.isEmpty()) {
                Asked next = toAsk.pop();
                if (!asked.add(next.name())) {
                    continue;
                }
                if (asked.size() > MAX_DELEGATIONS) {
                    throw TufFault.Attack.ENDLESS_DATA.of(
                            path, "more than " + MAX_DELEGATIONS + " roles would have to be asked");
                }
                Metadata.Targets theirs = delegated(next);
                FileFacts found = theirs.targets().get(path);
                if (found != null) {
                    return Optional.of(found);
                }
                push(theirs, path, toAsk);
            }
            return Optional.empty();
        }

        private Metadata.Targets delegated(Asked role) {
            Metadata.Targets known = delegated.get(role);
            if (known == null) {
                known = TufClient.this.targets(folder, role.name(), role.verifier(), snapshot, now);
                delegated.put(role, known);
            }
            return known;
        }
    }

    /**
     * Looks what there is now, and hands it to an action. Nobody else updates the same folder
     * meanwhile.
     *
     * @throws TufFault when what the repository hands out is not to be believed; what was believed
     *     before stays
     * @throws RebootlessException {@code RBL-TUF-BUSY} (exit status 5) when another update works
     *     with the folder for more than two minutes; {@code RBL-TUF-STORE-RIGHTS} (4) when others
     *     may write to it; {@code RBL-TUF-STORE} (5) when it cannot be read or written
     * @throws IllegalStateException when called by an action of an update of the same folder
     */
    public <T> T with(Function<Session, T> action) {
        try (TrustedFolder folder = TrustedFolder.open(trusted)) {
            // Section 5.1; the wait for another update is no part of this one.
            Instant now = clock.instant();
            Metadata.Root root = updateRoot(folder, now);
            Metadata.Timestamp timestamp = updateTimestamp(folder, root, now);
            Metadata.Snapshot snapshot = updateSnapshot(folder, root, timestamp, now);
            Metadata.Targets targets =
                    targets(
                            folder,
                            TufRole.TARGETS.word(),
                            verifier(root, TufRole.TARGETS),
                            snapshot,
                            now);
            return action.apply(new Session(now, folder, root, timestamp, snapshot, targets));
        }
    }

    /** The bytes of one target as it is now; as {@link #with} and {@link Session#target}. */
    public Optional<byte[]> target(String path, long most) {
        TargetPath.require(path);
        return with(session -> session.target(path, most));
    }

    // ---- section 5.3: the root ----

    private Metadata.Root updateRoot(TrustedFolder folder, Instant now) {
        Metadata.Root root = trustedRoot(folder);
        for (int i = 0; i < MAX_ROOTS; i++) {
            String name = "metadata/" + (root.version() + 1) + ".root.json";
            Optional<byte[]> file = bounded(name, MAX_ROOT_BYTES);
            if (file.isEmpty()) {
                break;
            }
            // 5.3.4: by those who sign for the old one, and by those who sign for the new one.
            Metadata.Root next = selfSigned(file.get(), name);
            SignedMetadata.verified(file.get(), name, TufRole.ROOT, verifier(root, TufRole.ROOT));
            // 5.3.5.
            if (next.version() != root.version() + 1) {
                throw TufFault.Attack.ROLLBACK.of(
                        name,
                        "it is version %d, and %d was to come"
                                .formatted(next.version(), root.version() + 1));
            }
            folder.keep(ROOT, file.get());
            root = next;
        }
        requireFresh(root, ROOT, now);
        return root;
    }

    private static Metadata.Root selfSigned(byte[] file, String place) {
        Metadata.Root unverified =
                (Metadata.Root) SignedMetadata.read(file, place, TufRole.ROOT).metadata();
        SignedMetadata.verified(file, place, TufRole.ROOT, verifier(unverified, TufRole.ROOT));
        return unverified;
    }

    private static Metadata.Root trustedRoot(TrustedFolder folder) {
        byte[] file =
                folder.read(ROOT)
                        .orElseThrow(() ->
                                TufFault.Attack.MISSING.of(
                                        folder.toString(), "this machine trusts no root yet"));
        try {
            return selfSigned(file, folder.toString());
        } catch (TufFault e) {
            throw TrustedFolder.damaged(folder + "/" + ROOT, e);
        }
    }

    /**
     * What was believed last of a role, if those who sign for it now did sign it. Otherwise it is
     * of no use, and harmful: whoever lost a key may have signed versions far ahead with it
     * (5.3.11). That is asked each time, so that no interruption can keep it from being forgotten.
     */
    private static Optional<Metadata> believed(
            TrustedFolder folder, String name, TufRole type, SignedMetadata.Verifier verifier) {
        Optional<byte[]> file = folder.read(name);
        if (file.isEmpty()) {
            return Optional.empty();
        }
        try {
            return Optional.of(SignedMetadata.verified(file.get(), name, type, verifier));
        } catch (TufFault e) {
            if (e.attack() == TufFault.Attack.ARBITRARY_SOFTWARE) {
                return Optional.empty();
            }
            throw TrustedFolder.damaged(folder + "/" + name, e);
        }
    }

    // ---- section 5.4: the timestamp ----

    private Metadata.Timestamp updateTimestamp(
            TrustedFolder folder, Metadata.Root root, Instant now) {
        String name = "metadata/" + TIMESTAMP;
        byte[] file = required(name, MAX_TIMESTAMP_BYTES);
        SignedMetadata.Verifier verifier = verifier(root, TufRole.TIMESTAMP);
        Metadata.Timestamp next =
                (Metadata.Timestamp)
                        SignedMetadata.verified(file, name, TufRole.TIMESTAMP, verifier);
        Optional<Metadata> before = believed(folder, TIMESTAMP, TufRole.TIMESTAMP, verifier);
        if (before.isPresent() && before.get() instanceof Metadata.Timestamp known) {
            requireNotOlder(name, known.version(), next.version());
            // 5.4.3.1: of one version there is one, and that another is served is no error.
            next = known.version() == next.version() ? known : next;
            requireNotOlder(name, known.snapshotVersion(), next.snapshotVersion());
        }
        requireFresh(next, name, now);
        if (before.isEmpty() || !before.get().equals(next)) {
            folder.keep(TIMESTAMP, file);
        }
        return next;
    }

    // ---- section 5.5: the snapshot ----

    private Metadata.Snapshot updateSnapshot(
            TrustedFolder folder, Metadata.Root root, Metadata.Timestamp timestamp, Instant now) {
        String name = "metadata/" + timestamp.snapshotVersion() + ".snapshot.json";
        byte[] file = signedLength(name, timestamp.snapshot(), MAX_SNAPSHOT_BYTES);
        SignedMetadata.Verifier verifier = verifier(root, TufRole.SNAPSHOT);
        Metadata.Snapshot next =
                (Metadata.Snapshot) SignedMetadata.verified(file, name, TufRole.SNAPSHOT, verifier);
        requireVersion(name, timestamp.snapshotVersion(), next.version());
        Optional<Metadata> before = believed(folder, SNAPSHOT, TufRole.SNAPSHOT, verifier);
        if (before.isPresent() && before.get() instanceof Metadata.Snapshot known) {
            requireNoOther(name, known, next);
            known.meta()
                    .forEach((role, was) -> {
                        Metadata.Snapshot.Listed is = next.meta().get(role);
                        if (is == null) {
                            throw TufFault.Attack.ROLLBACK.of(
                                    name, "it lists no metadata of " + role + " any more");
                        }
                        requireNotOlder(name + ", " + role, was.version(), is.version());
                    });
        }
        requireFresh(next, name, now);
        folder.keep(SNAPSHOT, file);
        return next;
    }

    // ---- section 5.6: targets, and those to whom they are left ----

    private Metadata.Targets targets(
            TrustedFolder folder,
            String role,
            SignedMetadata.Verifier verifier,
            Metadata.Snapshot snapshot,
            Instant now) {
        Metadata.Snapshot.Listed listed = snapshot.meta().get(role);
        if (listed == null) {
            throw TufFault.Attack.MIX_AND_MATCH.of(role, "the snapshot does not list it");
        }
        String name = "metadata/" + listed.version() + "." + role + ".json";
        byte[] file = signedLength(name, listed.facts(), MAX_TARGETS_BYTES);
        Metadata.Targets found = targetsOf(role, file, name, verifier);
        requireVersion(name, listed.version(), found.version());
        // The snapshot's keys are the server's. That this role does not go back holds without them.
        String kept = role + ".json";
        believed(folder, kept, TufRole.TARGETS, verifier)
                .ifPresent(known -> {
                    requireNotOlder(name, known.version(), found.version());
                    requireNoOther(name, known, found);
                });
        requireFresh(found, name, now);
        folder.keep(kept, file);
        return found;
    }

    private static Metadata.Targets targetsOf(
            String role, byte[] file, String place, SignedMetadata.Verifier verifier) {
        Metadata.Targets found =
                (Metadata.Targets) SignedMetadata.verified(file, place, TufRole.TARGETS, verifier);
        if (!found.role().equals(role)) {
            throw TufFault.Attack.MIX_AND_MATCH.of(
                    place, "it is the metadata of the role " + found.role());
        }
        return found;
    }

    private record Asked(String name, SignedMetadata.Verifier verifier) {
        static Asked of(Delegation delegation, Metadata.Targets by) {
            return new Asked(
                    delegation.name(), new SignedMetadata.Verifier(delegation.keys(), by.keys()));
        }
    }

    private static void push(Metadata.Targets from, String path, Deque<Asked> toAsk) {
        Deque<Asked> found = new ArrayDeque<>();
        for (Delegation delegation : from.delegations()) {
            if (!delegation.covers(path)) {
                continue;
            }
            found.push(Asked.of(delegation, from));
            if (delegation.terminating()) {
                // Nobody after it is asked, nor what was still to be asked.
                toAsk.clear();
                break;
            }
        }
        found.forEach(toAsk::push);
    }

    // ---- section 5.7: the target ----

    private byte[] fetch(String path, FileFacts facts, long most) {
        return signedLength(TargetPath.file(path, facts), facts, most);
    }

    // ---- what all of them need ----

    private static SignedMetadata.Verifier verifier(Metadata.Root root, TufRole role) {
        return new SignedMetadata.Verifier(root.signersOf(role), root.keys());
    }

    private static void requireNotOlder(String place, int before, int now) {
        if (now < before) {
            throw TufFault.Attack.ROLLBACK.of(
                    place, "version %d is older than %d, which is known".formatted(now, before));
        }
    }

    /** Between two of one version, a host could be sent to and fro. */
    private static void requireNoOther(String place, Metadata known, Metadata next) {
        if (known.version() == next.version() && !known.equals(next)) {
            throw TufFault.Attack.ROLLBACK.of(
                    place, "it is another version %d than is known".formatted(next.version()));
        }
    }

    private static void requireVersion(String place, int listed, int is) {
        if (listed != is) {
            throw TufFault.Attack.MIX_AND_MATCH.of(
                    place, "it is version %d, and %d was published".formatted(is, listed));
        }
    }

    private static void requireFresh(Metadata metadata, String place, Instant now) {
        if (!now.isBefore(metadata.expires())) {
            throw TufFault.Attack.FREEZE.of(place, "it has expired, at " + metadata.expires());
        }
    }

    private byte[] required(String name, long most) {
        return bounded(name, most)
                .orElseThrow(
                        () -> TufFault.Attack.MISSING.of(name, "the repository does not have it"));
    }

    private Optional<byte[]> bounded(String name, long most) {
        Optional<byte[]> file = repository.read(name, most);
        if (file.isPresent() && file.get().length > most) {
            throw TufFault.Attack.ENDLESS_DATA.of(name, "it has more than " + most + " bytes");
        }
        return file;
    }

    private byte[] signedLength(String name, FileFacts facts, long most) {
        if (facts.length() > most) {
            throw TufFault.Attack.ENDLESS_DATA.of(
                    name, facts.length() + " bytes are more than the " + most + " it may have");
        }
        byte[] file = required(name, facts.length());
        facts.require(file, name);
        return file;
    }
}
