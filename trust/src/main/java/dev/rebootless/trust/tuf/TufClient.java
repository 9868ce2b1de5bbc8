package dev.rebootless.trust.tuf;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.FileFaults;
import dev.rebootless.base.RebootlessException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The detailed client workflow (specification, section 5): from a root that is trusted to the bytes
 * of a target, whoever hands them out. What was believed last is kept in a folder, so that a
 * captured server can delay, and go back to nothing.
 */
public final class TufClient {
    /** Root files that one update may go through (section 5.3.2, "Y"). */
    private static final int MAX_ROOTS = 256;

    /** Section 5.3.2 to 5.6: upper bounds where no signed length is known. */
    private static final long MAX_ROOT_BYTES = 512 << 10;

    private static final long MAX_TIMESTAMP_BYTES = 16 << 10;

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
     * @param trusted the folder of what was believed last, which nobody else may write to; it has a
     *     {@code root.json}, which came with the agent or by {@link #trust}
     */
    public TufClient(Path trusted, RepositoryReader repository, Clock clock) {
        this.trusted = trusted;
        this.repository = repository;
        this.clock = clock;
    }

    /**
     * Begins to trust a root: the one decision that no metadata can make for a host.
     *
     * @param root as it came with the agent, or over another way
     * @throws TufFault where it is no root that signs itself
     */
    public static void trust(Path folder, byte[] root) {
        Metadata.Root unverified =
                (Metadata.Root) SignedMetadata.read(root, ROOT, TufRole.ROOT).metadata();
        SignedMetadata.verified(
                root, ROOT, TufRole.ROOT, List.of(verifier(unverified, TufRole.ROOT)));
        keep(folder, ROOT, root);
    }

    /**
     * What a repository holds now.
     *
     * @param targets of the top level
     */
    private record Current(
            Metadata.Root root, Metadata.Snapshot snapshot, Metadata.Targets targets) {}

    /**
     * The bytes of a target as it is now.
     *
     * @param path of the target
     * @param most as many bytes as the caller can take
     * @return empty when no role that may says that there is such a target
     * @throws TufFault when what the repository hands out is not to be believed; what was believed
     *     before stays
     */
    public Optional<byte[]> target(String path, long most) {
        TargetPath.require(path);
        Instant now = clock.instant();
        Current current = update(now);
        Optional<FileFacts> found = find(path, current, now);
        return found.map(facts -> fetch(path, facts, most));
    }

    private Current update(Instant now) {
        Metadata.Root root = updateRoot(now);
        Metadata.Timestamp timestamp = updateTimestamp(root, now);
        Metadata.Snapshot snapshot = updateSnapshot(root, timestamp, now);
        Metadata.Targets targets =
                targets(TufRole.TARGETS.word(), verifier(root, TufRole.TARGETS), snapshot, now);
        return new Current(root, snapshot, targets);
    }

    // ---- section 5.3: the root ----

    private Metadata.Root updateRoot(Instant now) {
        Metadata.Root first = trustedRoot();
        Metadata.Root root = first;
        for (int i = 0; i < MAX_ROOTS; i++) {
            String name = "metadata/" + (root.version() + 1) + ".root.json";
            Optional<byte[]> file = bounded(name, MAX_ROOT_BYTES);
            if (file.isEmpty()) {
                break;
            }
            // 5.3.4: by those who sign for the old one, and by those who sign for the new one.
            Metadata.Root unverified =
                    (Metadata.Root) SignedMetadata.read(file.get(), name, TufRole.ROOT).metadata();
            Metadata.Root next =
                    (Metadata.Root)
                            SignedMetadata.verified(
                                            file.get(),
                                            name,
                                            TufRole.ROOT,
                                            List.of(
                                                    verifier(root, TufRole.ROOT),
                                                    verifier(unverified, TufRole.ROOT)))
                                    .metadata();
            // 5.3.5.
            if (next.version() != root.version() + 1) {
                throw TufFault.Attack.ROLLBACK.of(
                        name,
                        "it is version %d, and %d was to come"
                                .formatted(next.version(), root.version() + 1));
            }
            keep(trusted, ROOT, file.get());
            root = next;
        }
        requireFresh(root, ROOT, now);
        // 5.3.11: whoever lost a key may have signed versions far ahead with it.
        if (differ(first, root, TufRole.TIMESTAMP) || differ(first, root, TufRole.SNAPSHOT)) {
            forget(TIMESTAMP);
            forget(SNAPSHOT);
        }
        return root;
    }

    private static boolean differ(Metadata.Root before, Metadata.Root after, TufRole role) {
        return !before.signersOf(role).equals(after.signersOf(role));
    }

    private Metadata.Root trustedRoot() {
        byte[] file =
                kept(ROOT)
                        .orElseThrow(() ->
                                TufFault.Attack.MISSING.of(
                                        trusted.resolve(ROOT).toString(),
                                        "this machine trusts no root yet"));
        // It was verified when it was kept, and nobody else writes there.
        return (Metadata.Root) SignedMetadata.read(file, ROOT, TufRole.ROOT).metadata();
    }

    // ---- section 5.4: the timestamp ----

    private Metadata.Timestamp updateTimestamp(Metadata.Root root, Instant now) {
        String name = "metadata/" + TIMESTAMP;
        byte[] file = required(name, MAX_TIMESTAMP_BYTES);
        SignedMetadata.Verifier verifier = verifier(root, TufRole.TIMESTAMP);
        Metadata.Timestamp next =
                (Metadata.Timestamp)
                        SignedMetadata.verified(file, name, TufRole.TIMESTAMP, List.of(verifier))
                                .metadata();
        Optional<Metadata.Timestamp> before =
                kept(TIMESTAMP)
                        .map(b -> (Metadata.Timestamp) read(b, TIMESTAMP, TufRole.TIMESTAMP));
        if (before.isPresent()) {
            requireNotOlder(name, before.get().version(), next.version());
            requireNotOlder(name, before.get().snapshotVersion(), next.snapshotVersion());
        }
        requireFresh(next, name, now);
        keep(trusted, TIMESTAMP, file);
        return next;
    }

    // ---- section 5.5: the snapshot ----

    private Metadata.Snapshot updateSnapshot(
            Metadata.Root root, Metadata.Timestamp timestamp, Instant now) {
        String name = "metadata/" + timestamp.snapshotVersion() + ".snapshot.json";
        byte[] file = signedLength(name, timestamp.snapshot());
        Metadata.Snapshot next =
                (Metadata.Snapshot)
                        SignedMetadata.verified(
                                        file,
                                        name,
                                        TufRole.SNAPSHOT,
                                        List.of(verifier(root, TufRole.SNAPSHOT)))
                                .metadata();
        requireVersion(name, timestamp.snapshotVersion(), next.version());
        Optional<Metadata.Snapshot> before =
                kept(SNAPSHOT).map(b -> (Metadata.Snapshot) read(b, SNAPSHOT, TufRole.SNAPSHOT));
        if (before.isPresent()) {
            for (Map.Entry<String, Metadata.Snapshot.Listed> each :
                    before.get().meta().entrySet()) {
                Metadata.Snapshot.Listed listed = next.meta().get(each.getKey());
                if (listed == null) {
                    throw TufFault.Attack.ROLLBACK.of(
                            name, "it lists no metadata of " + each.getKey() + " any more");
                }
                requireNotOlder(
                        name + ", " + each.getKey(), each.getValue().version(), listed.version());
            }
        }
        requireFresh(next, name, now);
        keep(trusted, SNAPSHOT, file);
        return next;
    }

    // ---- section 5.6: targets, and those to whom they are left ----

    private Metadata.Targets targets(
            String role,
            SignedMetadata.Verifier verifier,
            Metadata.Snapshot snapshot,
            Instant now) {
        Metadata.Snapshot.Listed listed = snapshot.meta().get(role);
        if (listed == null) {
            throw TufFault.Attack.MIX_AND_MATCH.of(role, "the snapshot does not list it");
        }
        String name = "metadata/" + listed.version() + "." + role + ".json";
        byte[] file = signedLength(name, listed.facts());
        Metadata.Targets found =
                (Metadata.Targets)
                        SignedMetadata.verified(file, name, TufRole.TARGETS, List.of(verifier))
                                .metadata();
        requireVersion(name, listed.version(), found.version());
        requireFresh(found, name, now);
        return found;
    }

    private record Asked(String name, SignedMetadata.Verifier verifier) {}

    /**
     * Section 5.6.7: depth first, in the order of the delegations; the first that has it is right.
     */
    private Optional<FileFacts> find(String path, Current current, Instant now) {
        FileFacts own = current.targets().targets().get(path);
        if (own != null) {
            return Optional.of(own);
        }
        Deque<Asked> toAsk = new ArrayDeque<>();
        push(current.targets(), path, toAsk);
        Set<String> asked = new HashSet<>();
        while (!toAsk.isEmpty() && asked.size() < MAX_DELEGATIONS) {
            Asked next = toAsk.pop();
            if (!asked.add(next.name())) {
                continue;
            }
            Metadata.Targets delegated =
                    targets(next.name(), next.verifier(), current.snapshot(), now);
            FileFacts theirs = delegated.targets().get(path);
            if (theirs != null) {
                return Optional.of(theirs);
            }
            push(delegated, path, toAsk);
        }
        return Optional.empty();
    }

    private static void push(Metadata.Targets from, String path, Deque<Asked> toAsk) {
        Deque<Asked> found = new ArrayDeque<>();
        for (Delegation delegation : from.delegations()) {
            if (!delegation.covers(path)) {
                continue;
            }
            found.push(
                    new Asked(
                            delegation.name(),
                            new SignedMetadata.Verifier(delegation.keys(), from.keys())));
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
        if (facts.length() > most) {
            throw TufFault.Attack.ENDLESS_DATA.of(
                    path,
                    facts.length() + " bytes are more than the " + most + " that it may have");
        }
        int slash = path.lastIndexOf('/') + 1;
        String name =
                "targets/"
                        + path.substring(0, slash)
                        + facts.sha256()
                        + "."
                        + path.substring(slash);
        return signedLength(name, facts);
    }

    // ---- what all of them need ----

    private static SignedMetadata.Verifier verifier(Metadata.Root root, TufRole role) {
        return new SignedMetadata.Verifier(root.signersOf(role), root.keys());
    }

    private static Metadata read(byte[] file, String place, TufRole type) {
        return SignedMetadata.read(file, place, type).metadata();
    }

    private static void requireNotOlder(String place, int before, int now) {
        if (now < before) {
            throw TufFault.Attack.ROLLBACK.of(
                    place, "version %d is older than %d, which is known".formatted(now, before));
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

    private byte[] signedLength(String name, FileFacts facts) {
        byte[] file = required(name, facts.length());
        facts.require(file, name);
        return file;
    }

    private Optional<byte[]> kept(String name) {
        Path file = trusted.resolve(name);
        try {
            return Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)
                    ? Optional.of(Files.readAllBytes(file))
                    : Optional.empty();
        } catch (IOException e) {
            throw storeFault(file, e);
        }
    }

    private static void keep(Path folder, String name, byte[] content) {
        Path file = folder.resolve(name);
        try {
            Files.createDirectories(folder);
            AtomicFiles.write(file, content);
        } catch (IOException e) {
            throw storeFault(file, e);
        }
    }

    private void forget(String name) {
        Path file = trusted.resolve(name);
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            throw storeFault(file, e);
        }
    }

    private static RebootlessException storeFault(Path file, IOException e) {
        return RebootlessException.environment(
                "RBL-TUF-STORE",
                file.toString(),
                "what is trusted cannot be kept: " + FileFaults.reason(e),
                "free some space there, and see that this user may write to it");
    }
}
