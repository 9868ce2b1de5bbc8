package dev.rebootless.fleet.rollout;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Estimates how long it takes until enough hosts of a ring have asked and were let. */
final class Spreading {
    /** More windows than in four years of a daily one: nobody plans for longer. */
    private static final int MAX_SPANS = 1500;

    /** More report periods than in four years of half hours. */
    private static final int MAX_PERIODS = 70_000;

    /** Below this a share of hosts is none. */
    private static final double NONE = 1e-9;

    private final Duration period;
    private final Duration attemptLimit;
    private final Duration attempt;
    private final List<MaintenanceWindow> windows;
    private final int limit;

    Spreading(Pace pace, List<MaintenanceWindow> windows, int limit, Duration attempt) {
        this.period = pace.reportPeriod();
        this.attemptLimit = pace.attemptLimit();
        this.attempt = attempt.compareTo(attemptLimit) < 0 ? attempt : attemptLimit;
        this.windows = windows;
        this.limit = limit;
    }

    /**
     * When hosts act; the last span ends when enough have.
     *
     * @param waiting hosts that ask
     * @param needed how many of them are enough; none if it is less than one
     * @return empty if it would take years
     */
    List<TimeSpan> spans(int waiting, long needed, Instant from) {
        List<TimeSpan> spans = new ArrayList<>();
        double left = waiting;
        double missing = needed;
        int periods = 0;
        Instant at = from;
        while (spans.size() < MAX_SPANS) {
            Optional<TimeSpan> next = Windows.next(windows, at, attemptLimit);
            if (next.isEmpty()) {
                return List.of();
            }
            at = next.get().from();
            Instant lastGrant = next.get().to().minus(attemptLimit);
            while (at.isBefore(lastGrant)) {
                Duration chunk = shorter(period, Duration.between(at, lastGrant));
                double asking = left * ratio(chunk, period);
                double let = asking * (1 - blocked(left * ratio(attempt, period)));
                // Half a host is none: this rounds.
                if (let >= missing - 0.5) {
                    double share = missing <= 0 ? 0 : missing / let;
                    Instant ends = at.plus(part(chunk, share)).plus(attempt);
                    spans.add(new TimeSpan(next.get().from(), ends));
                    return spans;
                }
                left -= let;
                missing -= let;
                at = at.plus(chunk);
                if (++periods > MAX_PERIODS) {
                    return List.of();
                }
            }
            spans.add(next.get());
            at = next.get().to();
        }
        return List.of();
    }

    /**
     * The share of those who ask that find no room, when they come at random: Erlang's B formula
     * (ITU-T E.501), by its recursion over the number of places.
     *
     * @param load how many would be in transition at once if all were let
     */
    private double blocked(double load) {
        if (load < NONE) {
            return 0;
        }
        double share = 1;
        for (int places = 1; places <= limit && share > NONE; places++) {
            share = load * share / (places + load * share);
        }
        return share;
    }

    private static double ratio(Duration part, Duration whole) {
        return (double) part.toNanos() / whole.toNanos();
    }

    private static Duration part(Duration whole, double share) {
        return Duration.ofMillis(Math.round(whole.toMillis() * Math.clamp(share, 0, 1)));
    }

    private static Duration shorter(Duration one, Duration other) {
        return one.compareTo(other) < 0 ? one : other;
    }
}
