package dev.rebootless.fleet.rollout;

import java.util.ArrayList;
import java.util.List;

/** Holds what went wrong against the thresholds. */
final class HaltCheck {
    private HaltCheck() {}

    static List<Evidence> evidence(RolloutPlan plan, RolloutState state, RolloutFacts facts) {
        List<Evidence> all = new ArrayList<>();
        plan.rings().forEach(ring -> all.addAll(evidence(ring, state, facts.of(ring.ring()))));
        return all;
    }

    static List<Evidence> evidence(PlannedRing ring, RolloutState state, RingFacts facts) {
        List<Evidence> found = new ArrayList<>();
        for (Cause cause : Cause.values()) {
            int all = facts.count(cause.standing());
            int accepted = Math.min(all, state.accepted(ring.ring(), cause));
            Threshold threshold = ring.halt().of(cause);
            if (threshold.isMet(all - accepted, facts.acted())) {
                found.add(
                        new Evidence(
                                ring.ring(),
                                cause,
                                all - accepted,
                                accepted,
                                facts.acted(),
                                threshold));
            }
        }
        return found;
    }
}
