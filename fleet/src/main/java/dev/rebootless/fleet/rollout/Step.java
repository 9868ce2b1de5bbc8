package dev.rebootless.fleet.rollout;

import java.util.List;

/**
 * What came of deciding.
 *
 * @param state to be kept, with the decisions, in one transaction
 * @param decisions in order; none if all is as it was
 */
public record Step(RolloutState state, List<Decision> decisions) {
    public Step {
        decisions = List.copyOf(decisions);
    }
}
