package dev.rebootless.fleet.staging;

import dev.rebootless.fleet.rollout.RolloutEngine;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/**
 * Which module hosts of a ring are told to take out. It is asked at every report, so what was read
 * counts for some seconds: a host that hears of it a report later is no worse off than one that
 * asked a moment before.
 */
final class Reversals {
    private static final Duration REMEMBERED = Duration.ofSeconds(5);

    private final Supplier<List<Rollout>> newest;
    private volatile Read last = new Read(Instant.MIN, List.of());

    private record Read(Instant at, List<Rollout> rollouts) {}

    Reversals(Supplier<List<Rollout>> newest) {
        this.newest = newest;
    }

    Optional<String> of(String buildId, String ring, Instant now) {
        Read known = last;
        if (known.at().equals(Instant.MIN)
                || now.isBefore(known.at())
                || now.isAfter(known.at().plus(REMEMBERED))) {
            known = new Read(now, newest.get());
            last = known;
        }
        // Of a livepatch only the newest rollout counts: what was taken back once may be tried
        // again.
        Set<String> seen = new HashSet<>();
        return known.rollouts().stream()
                .filter(r -> r.plan().livepatch().buildId().equals(buildId))
                .filter(r -> seen.add(r.plan().livepatch().sha256()))
                .flatMap(r -> RolloutEngine.toBeTakenOut(r.plan(), r.state(), ring).stream())
                .findFirst();
    }
}
