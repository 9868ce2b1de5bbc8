package dev.rebootless.fleet.rollout;

import java.time.Duration;

/**
 * How often hosts are heard of.
 *
 * @param reportPeriod between two reports of a host, 1 second to 1 day
 * @param silentAfter a host that has not reported for longer than so many periods is not there, 1
 *     to 100
 * @param attemptLimit how long a host may take for an attempt, 1 second to 1 day
 */
public record Pace(Duration reportPeriod, int silentAfter, Duration attemptLimit) {
    /**
     * As agents are installed: every half hour, three misses, a quarter of an hour for an attempt.
     */
    public static final Pace USUAL = new Pace(Duration.ofMinutes(30), 3, Duration.ofMinutes(15));

    /** A host that was not heard of for longer is not there. */
    public Duration silence() {
        return reportPeriod.multipliedBy(silentAfter);
    }
}
