package dev.rebootless.fleet.rollout;

import java.time.Duration;
import java.time.Instant;

/**
 * A stretch of time.
 *
 * @param from its first moment
 * @param to the first moment after it
 */
public record TimeSpan(Instant from, Instant to) {
    public TimeSpan {
        if (!from.isBefore(to)) {
            throw new IllegalArgumentException("a span that ends before it begins");
        }
    }

    boolean has(Instant moment) {
        return !moment.isBefore(from) && moment.isBefore(to);
    }

    /** How long it lasts. */
    public Duration length() {
        return Duration.between(from, to);
    }
}
