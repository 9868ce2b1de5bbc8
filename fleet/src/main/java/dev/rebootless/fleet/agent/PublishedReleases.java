package dev.rebootless.fleet.agent;

import dev.rebootless.base.Hashes;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.fleet.store.AttemptStore;
import dev.rebootless.fleet.store.Membership;
import dev.rebootless.release.DesiredState;
import dev.rebootless.trust.tuf.RepositoryReader;
import dev.rebootless.trust.tuf.TufClient;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jdbi.v3.core.Handle;

/**
 * Allows what the published state of a host's ring and kernel build wants, at any time, and nothing
 * else. The repository is read as a host reads it, through a client that verifies it: what a host
 * would refuse is not allowed here either.
 */
public final class PublishedReleases implements AttemptPolicy {
    /** docs/contract-fleet.md, "POST /agent/v1/attempts". */
    private static final Duration LIMIT = Duration.ofMinutes(15);

    /** As long as what was read counts, unless another timestamp was published. */
    private static final Duration REMEMBERED = Duration.ofMinutes(1);

    private static final Pattern ROOT = Pattern.compile("([1-9][0-9]{0,8})\\.root\\.json");
    private static final int LARGEST_ROOT = 512 << 10;

    private final Path repository;
    private final Path trusted;
    private final Clock clock;
    private final Map<String, Optional<DesiredState>> states = new HashMap<>();
    private String publication = "";
    private Instant read = Instant.EPOCH;

    /**
     * Reads a repository.
     *
     * @param repository its folder
     * @param trusted a folder for what was believed last
     */
    public PublishedReleases(Path repository, Path trusted, Clock clock) {
        this.repository = repository;
        this.trusted = trusted;
        this.clock = clock;
    }

    /** The newest root, with which a new host begins; empty when nothing was published yet. */
    public Optional<byte[]> newestRoot() {
        Path metadata = repository.resolve("metadata");
        if (!Files.isDirectory(metadata)) {
            return Optional.empty();
        }
        try (Stream<Path> files = Files.list(metadata)) {
            Optional<Path> newest =
                    files.filter(f -> version(f).isPresent())
                            .max(Comparator.comparing(f -> version(f).orElse(0)));
            if (newest.isEmpty() || Files.size(newest.get()) > LARGEST_ROOT) {
                return Optional.empty();
            }
            return Optional.of(Files.readAllBytes(newest.get()));
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    private static Optional<Integer> version(Path file) {
        Matcher matcher = ROOT.matcher(String.valueOf(file.getFileName()));
        return matcher.matches()
                ? Optional.of(Integer.parseInt(matcher.group(1)))
                : Optional.empty();
    }

    @Override
    public AttemptStore.Verdict decide(Handle handle, Asked asked) {
        Optional<DesiredState> state;
        try {
            state = state(asked.wanted().buildId(), asked.membership().ring());
        } catch (RebootlessException e) {
            return new AttemptStore.MayNot(
                    "the repository cannot be believed: " + e.problems().getFirst().message());
        }
        if (state.isEmpty()) {
            return new AttemptStore.MayNot(
                    "nothing is published for this kernel build in the ring "
                            + asked.membership().ring());
        }
        if (state.get().version() != asked.wanted().stateVersion()) {
            return new AttemptStore.MayNot(
                    "the state has version %d, and not %d"
                            .formatted(state.get().version(), asked.wanted().stateVersion()));
        }
        return wants(state.get(), asked)
                ? new AttemptStore.May(LIMIT)
                : new AttemptStore.MayNot("the published state does not want this");
    }

    private static boolean wants(DesiredState state, Asked asked) {
        AttemptStore.Wanted wanted = asked.wanted();
        return switch (wanted.action()) {
            case "load" ->
                    state.load()
                            .filter(l ->
                                    l.sha256().equals(wanted.sha256())
                                            && l.name().equals(wanted.livepatch()))
                            .isPresent();
            case "unload" ->
                    state.unload()
                            .contains(new DesiredState.Unload(wanted.livepatch(), wanted.sha256()));
            case "reverse" ->
                    state.reversible().stream()
                            .anyMatch(r ->
                                    r.sha256().equals(wanted.sha256())
                                            && r.until().isAfter(asked.now()));
            default -> false;
        };
    }

    @Override
    public Optional<String> reversal(
            UUID host, Membership membership, Optional<String> buildId, Instant now) {
        return Optional.empty();
    }

    /** What is published for a kernel build and ring. */
    public synchronized Optional<DesiredState> state(String buildId, String ring) {
        String path = DesiredState.path(buildId, ring);
        String current = publication();
        if (!current.equals(publication) || !clock.instant().isBefore(read.plus(REMEMBERED))) {
            states.clear();
            publication = current;
            read = clock.instant();
        }
        Optional<DesiredState> known = states.get(path);
        if (known == null) {
            known = fetch(path);
            states.put(path, known);
        }
        return known;
    }

    private Optional<DesiredState> fetch(String path) {
        Optional<byte[]> root = newestRoot();
        if (root.isEmpty()) {
            return Optional.empty();
        }
        if (!Files.exists(trusted.resolve("root.json"))) {
            TufClient.trust(trusted, root.get());
        }
        return new TufClient(trusted, RepositoryReader.of(repository), clock)
                .target(path, DesiredState.MAX_BYTES)
                .map(bytes -> DesiredState.read(bytes, path));
    }

    private String publication() {
        try {
            byte[] timestamp = Files.readAllBytes(repository.resolve("metadata/timestamp.json"));
            return Hashes.sha256(Arrays.copyOf(timestamp, timestamp.length));
        } catch (IOException e) {
            return "";
        }
    }
}
