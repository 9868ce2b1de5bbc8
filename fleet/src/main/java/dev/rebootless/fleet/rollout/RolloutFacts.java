package dev.rebootless.fleet.rollout;

import java.util.List;

/** All rings of a plan as they stand, in numbers. */
public record RolloutFacts(List<RingFacts> rings) {
    public RolloutFacts {
        rings = List.copyOf(rings);
    }

    /**
     * Of one ring.
     *
     * @throws IllegalArgumentException if they are not there
     */
    public RingFacts of(String ring) {
        return rings.stream()
                .filter(r -> r.ring().equals(ring))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("no facts of ring " + ring));
    }
}
