package dev.rebootless.fleet.rollout;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What a rollout would do, and when, if nothing goes wrong. Estimated from numbers alone: hosts ask
 * once in a report period, spread evenly; where as many as may be are in transition, whoever asks
 * is told to ask again in a period.
 *
 * @param rings in order
 * @param done when the last one has soaked, if it comes to that
 */
public record DryRun(List<Forecast> rings, Optional<Instant> done) {
    /** How long a transition and what goes with it take on a host, as a rule. */
    public static final Duration USUAL_ATTEMPT = Duration.ofMinutes(1);

    public DryRun {
        rings = List.copyOf(rings);
    }

    /**
     * Of a plan that has not begun.
     *
     * @param attempt how long a host takes, more than nothing; at most the limit of the plan counts
     */
    public static DryRun of(RolloutPlan plan, RolloutFacts facts, Duration attempt, Instant now) {
        List<Forecast> rings = new ArrayList<>();
        Instant at = now.isBefore(plan.notBefore()) ? plan.notBefore() : now;
        boolean reached = true;
        for (int i = 0; i < plan.rings().size(); i++) {
            RingFacts ring = facts.of(plan.rings().get(i).ring());
            Forecast forecast =
                    reached
                            ? forecast(plan, i, ring, attempt, at)
                            : new Forecast.NotReached(ring.ring());
            rings.add(forecast);
            switch (forecast) {
                case Forecast.Acts acts -> at = acts.soakUntil();
                case Forecast.PassedOver _ -> {}
                case Forecast.Stuck stuck -> reached = false;
                case Forecast.NotReached _ -> {}
            }
        }
        return new DryRun(rings, reached ? Optional.of(at) : Optional.empty());
    }

    /** As lines. */
    public List<String> lines() {
        List<String> lines = new ArrayList<>(rings.stream().map(Forecast::sentence).toList());
        lines.add(done.map(at -> "done: " + at).orElse("it would not be done"));
        return lines;
    }

    private static Forecast forecast(
            RolloutPlan plan, int index, RingFacts ring, Duration attempt, Instant at) {
        if (ring.eligible() == 0) {
            return new Forecast.PassedOver(ring.ring(), ring.hosts());
        }
        if (ring.reachable() == 0) {
            return new Forecast.Stuck(
                    ring.ring(), "none of its hosts can be reached, or all of them refuse");
        }
        PlannedRing planned = plan.rings().get(index);
        int limit = planned.limit().of(ring.eligible());
        int waiting = ring.reachable() - ring.acted();
        // Rounded up: that many of a hundred, or more.
        long enough = (planned.completePercent() * (long) ring.reachable() + 99) / 100;
        long needed = Math.max(enough, 1) - ring.acted();
        List<TimeSpan> spans =
                new Spreading(plan.pace(), plan.windowsOf(index), limit, attempt)
                        .spans(waiting, needed, at);
        if (spans.isEmpty()) {
            return new Forecast.Stuck(
                    ring.ring(), "its windows are too short, or its limit is too low");
        }
        return new Forecast.Acts(
                ring.ring(),
                waiting,
                ring.count(HostStanding.OFFLINE),
                limit,
                spans,
                spans.getLast().to().plus(plan.soakOf(index)),
                ring.allowed());
    }
}
