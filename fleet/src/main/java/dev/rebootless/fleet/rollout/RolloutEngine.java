package dev.rebootless.fleet.rollout;

import dev.rebootless.base.RebootlessException;
import java.time.Instant;
import java.util.Optional;

/**
 * Decides when hosts may act. Every function here is one of values: the same values give the same
 * answer, on whichever server.
 */
public final class RolloutEngine {
    private RolloutEngine() {}

    /**
     * What follows from how the fleet stands: a ring begins, soaks, has soaked; a halt; a reversal.
     * To be called whenever hosts have said something, and at least once in a report period.
     *
     * @param state as it was kept last
     * @param facts of all rings of the plan
     */
    public static Step decide(
            RolloutPlan plan, RolloutState state, RolloutFacts facts, Instant now) {
        return new Deciding(plan, state, facts, now).step();
    }

    /**
     * Whether a host of a ring may act, for a host that may ({@link HostStanding#mayLoad}). The
     * facts must be those of the moment: who answers counts the host as in transition before
     * anybody else is answered (one transaction that locks the ring).
     *
     * @param ring its name
     * @param ringFacts of this ring
     */
    public static Answer mayAct(
            RolloutPlan plan, RolloutState state, String ring, RingFacts ringFacts, Instant now) {
        if (!ring.equals(ringFacts.ring())) {
            throw new IllegalArgumentException("facts of ring " + ringFacts.ring());
        }
        return new Gate(plan, state, ringFacts, now).answer();
    }

    /**
     * What hosts of a ring are told in the answer to a report: the SHA-256 of the module that is to
     * be taken out where it is loaded.
     */
    public static Optional<String> toBeTakenOut(RolloutPlan plan, RolloutState state, String ring) {
        boolean out =
                switch (state.phase()) {
                    case Phase.Reversing reversing -> reversing.rings().contains(ring);
                    case Phase.Reversed reversed -> reversed.rings().contains(ring);
                    case Phase.Going _ -> false;
                    case Phase.Paused _ -> false;
                    case Phase.Halted _ -> false;
                    case Phase.Aborted _ -> false;
                    case Phase.Superseded _ -> false;
                };
        return out ? Optional.of(plan.livepatch().sha256()) : Optional.empty();
    }

    /**
     * What follows from a person's order.
     *
     * @throws RebootlessException {@code RBL-ROLLOUT-PHASE} where it cannot be obeyed now, {@code
     *     RBL-ROLLOUT-ROLE} for a role that may not order it, {@code RBL-ROLLOUT-REASON} without a
     *     reason, {@code RBL-ROLLOUT-CONSENT} where no signature allows to take the livepatch out
     */
    public static Step apply(
            RolloutPlan plan,
            RolloutState state,
            RolloutEvent event,
            RolloutFacts facts,
            Instant now) {
        return new Ordering(plan, state, facts, now).step(event);
    }
}
