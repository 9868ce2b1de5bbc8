package dev.rebootless.fleet.rollout;

import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/**
 * What is known of a host in a rollout, by the server's clock. A host that has acted is counted in
 * its rollout until that ends, whatever kernel it boots.
 *
 * @param lastReport when it was heard of last
 * @param attempt the last one that it was allowed
 * @param bootedAgain when it first reported another boot than that of the attempt
 */
public record HostProgress(
        Instant lastReport, Optional<Attempt> attempt, Optional<Instant> bootedAgain) {
    /** What a host was allowed to do. */
    public enum Action {
        /** Load the livepatch. */
        LOAD,
        /** Take it out. */
        REVERSE
    }

    /** What came of it, as in docs/contract-fleet.md. */
    public enum Outcome {
        /** It was done. */
        DONE,
        /** Nothing was touched. */
        REFUSED,
        /** It was not possible; what was before is in force. */
        FAILED,
        /** It was in force, and was taken out again because of an oops. */
        REVERSED
    }

    /**
     * What a host was allowed.
     *
     * @param granted when
     * @param ended what came of it, if that is known
     */
    public record Attempt(Action action, Instant granted, Optional<Ended> ended) {}

    /** An outcome, and when the server had it. */
    public record Ended(Outcome outcome, Instant at) {}

    /**
     * How it stands now.
     *
     * @param pace of the plan
     * @param soak of its ring ({@link RolloutPlan#soakOf})
     */
    public HostStanding standing(Pace pace, Duration soak, Instant now) {
        boolean heardOf = !lastReport.plus(pace.silence()).isBefore(now);
        return attempt.map(a ->
                        a.ended()
                                .map(e -> standing(a.action(), e, soak, heardOf))
                                .orElseGet(() -> standing(a, pace, now)))
                .orElse(heardOf ? HostStanding.WAITING : HostStanding.OFFLINE);
    }

    private static HostStanding standing(Attempt open, Pace pace, Instant now) {
        if (now.isAfter(open.granted().plus(pace.attemptLimit()))) {
            return HostStanding.FAILED;
        }
        return switch (open.action()) {
            case LOAD -> HostStanding.IN_TRANSITION;
            case REVERSE -> HostStanding.REVERSING;
        };
    }

    private HostStanding standing(Action action, Ended ended, Duration soak, boolean heardOf) {
        return switch (ended.outcome()) {
            case FAILED -> HostStanding.FAILED;
            case REVERSED -> HostStanding.OOPSED;
            case DONE ->
                    switch (action) {
                        case LOAD -> inForce(ended.at().plus(soak), heardOf);
                        case REVERSE -> HostStanding.REVERSED;
                    };
            case REFUSED ->
                    switch (action) {
                        case LOAD -> heardOf ? HostStanding.REFUSED : HostStanding.OFFLINE;
                        case REVERSE -> inForce(ended.at().plus(soak), heardOf);
                    };
        };
    }

    /**
     * A host is watched for its soak time; whoever switches it off later says nothing with that.
     */
    private HostStanding inForce(Instant watchedUntil, boolean heardOf) {
        if (bootedAgain.filter(watchedUntil::isAfter).isPresent()) {
            return HostStanding.FAILED;
        }
        if (heardOf) {
            return HostStanding.DONE;
        }
        return lastReport.isBefore(watchedUntil) ? HostStanding.SILENT : HostStanding.AWAY;
    }
}
