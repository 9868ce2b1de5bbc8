package dev.rebootless.fleet.rollout;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * How a livepatch goes through the rings. A plan that is there is sound: its parts are looked at
 * together when it is made.
 *
 * @param name of the rollout: letters, digits and {@code ._-}
 * @param livepatch what is rolled out
 * @param rings in order
 * @param notBefore when the first ring may begin
 * @param pace how often hosts are heard of
 * @param emergency whether holes are being exploited
 */
public record RolloutPlan(
        String name,
        Livepatch livepatch,
        List<PlannedRing> rings,
        Instant notBefore,
        Pace pace,
        Optional<Emergency> emergency) {
    /**
     * @throws RebootlessException {@code RBL-ROLLOUT-…}, a problem for each field that is not sound
     */
    public RolloutPlan {
        rings = List.copyOf(rings);
        List<Problem> problems =
                new PlanRules(pace).problems(name, livepatch, rings, notBefore, emergency);
        if (!problems.isEmpty()) {
            throw new RebootlessException(ExitStatus.USAGE, problems);
        }
    }

    /** The place of a ring in the order, from 0; empty if the plan has none of that name. */
    public Optional<Integer> indexOf(String ring) {
        for (int i = 0; i < rings.size(); i++) {
            if (rings.get(i).ring().equals(ring)) {
                return Optional.of(i);
            }
        }
        return Optional.empty();
    }

    /** The windows that count for a ring: none in an emergency, which means always. */
    public List<MaintenanceWindow> windowsOf(int ring) {
        return emergency.isPresent() ? List.of() : rings.get(ring).windows();
    }

    /** How long a ring soaks: in an emergency no longer than that allows. */
    public Duration soakOf(int ring) {
        Duration usual = rings.get(ring).soak();
        return emergency.map(Emergency::soak).filter(s -> s.compareTo(usual) < 0).orElse(usual);
    }
}
