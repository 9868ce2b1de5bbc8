package dev.rebootless.fleet.agent;

import dev.rebootless.base.Problem;
import dev.rebootless.fleet.web.HttpFault;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * How often a host may speak: a burst, and then once a second. An honest one has a handful of
 * messages in half an hour; one that changes its facts each time would fill tables that others look
 * at. Each process counts for itself: it is a bound, and nothing that must be exact.
 */
final class HostLimits {
    private static final int BURST = 60;
    private static final Duration ONE = Duration.ofSeconds(1);

    /** Those that spoke last; one that was forgotten has its burst again. */
    private static final int REMEMBERED = 50_000;

    /** When each would have its whole burst back. */
    private final Map<UUID, Instant> full =
            new LinkedHashMap<>(64, 0.75f, true) {
                @Override
                protected boolean removeEldestEntry(Map.@Nullable Entry<UUID, Instant> eldest) {
                    return size() > REMEMBERED;
                }
            };

    /**
     * Counts a message of a host.
     *
     * @throws HttpFault 429 {@code RBL-FLEET-LIMIT}
     */
    synchronized void count(UUID host, Instant now) {
        Instant before = full.getOrDefault(host, now);
        Instant after = (before.isBefore(now) ? now : before).plus(ONE);
        if (after.isAfter(now.plus(ONE.multipliedBy(BURST)))) {
            throw new HttpFault(
                    HttpFault.Status.TOO_MANY,
                    new Problem(
                            "RBL-FLEET-LIMIT",
                            host.toString(),
                            "this host sends more than a message each second",
                            "wait a minute; the agent reports once in its interval"));
        }
        full.put(host, after);
    }
}
