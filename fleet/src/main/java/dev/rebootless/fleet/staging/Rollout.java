package dev.rebootless.fleet.staging;

import dev.rebootless.fleet.rollout.Phase;
import dev.rebootless.fleet.rollout.RolloutPlan;
import dev.rebootless.fleet.rollout.RolloutState;
import java.time.Instant;

/**
 * A rollout as it is kept.
 *
 * @param revision counts the changes of its state, from 1
 * @param created when it was ordered
 * @param by whom
 */
public record Rollout(
        RolloutPlan plan, RolloutState state, int revision, Instant created, String by) {
    /** By which it is told from others. */
    public String name() {
        return plan.name();
    }

    /** Whether it may still tell hosts to load something. */
    public boolean isGoing() {
        return isGoing(state);
    }

    static boolean isGoing(RolloutState state) {
        return !(state.phase() instanceof Phase.Over);
    }

    /** The same in another state. */
    Rollout with(RolloutState next) {
        return new Rollout(plan, next, revision + 1, created, by);
    }
}
