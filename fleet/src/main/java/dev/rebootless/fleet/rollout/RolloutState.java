package dev.rebootless.fleet.rollout;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/**
 * A rollout as it stands, with all that has to be kept of it.
 *
 * @param phase where it is
 * @param decided when something was decided last; nothing is decided at an earlier moment
 * @param accepted what went wrong and halts it no more
 */
public record RolloutState(Phase phase, Instant decided, List<Accepted> accepted) {
    public RolloutState {
        accepted = List.copyOf(accepted);
    }

    /** Of a rollout that was just ordered. */
    public static RolloutState initial(Instant now) {
        return new RolloutState(new Phase.Waiting(0, now), now, List.of());
    }

    /** Clocks go back, and several servers have several: decisions do not. */
    Instant notBefore(Instant now) {
        return now.isBefore(decided) ? decided : now;
    }

    RolloutState with(Phase next, Instant at) {
        return new RolloutState(next, at, accepted);
    }

    int accepted(String ring, Cause cause) {
        return accepted.stream()
                .filter(a -> a.ring().equals(ring) && a.cause() == cause)
                .mapToInt(Accepted::hosts)
                .findFirst()
                .orElse(0);
    }

    /** Everything that is wrong now is accepted. */
    RolloutState accepting(RolloutFacts facts) {
        List<Accepted> all = new ArrayList<>();
        for (RingFacts ring : facts.rings()) {
            for (Cause cause : Cause.values()) {
                int hosts = ring.count(cause.standing());
                if (hosts > 0) {
                    all.add(new Accepted(ring.ring(), cause, hosts));
                }
            }
        }
        return new RolloutState(phase, decided, all);
    }

    /** What was accepted and is well again counts when it goes wrong once more. */
    RolloutState forgetting(RolloutFacts facts) {
        List<Accepted> still =
                accepted.stream()
                        .map(a ->
                                new Accepted(
                                        a.ring(),
                                        a.cause(),
                                        Math.min(
                                                a.hosts(),
                                                facts.of(a.ring()).count(a.cause().standing()))))
                        .filter(a -> a.hosts() > 0)
                        .toList();
        return new RolloutState(phase, decided, still);
    }
}
