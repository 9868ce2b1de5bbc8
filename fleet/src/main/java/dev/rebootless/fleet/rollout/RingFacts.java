package dev.rebootless.fleet.rollout;

import java.time.Instant;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;

/**
 * A ring as it stands, in numbers.
 *
 * @param ring its name
 * @param hosts all hosts that are in it
 * @param standings how many of those that the livepatch is for stand how; a standing that is not
 *     there has none
 * @param offlineSince the last report of the host that is offline longest
 * @param allowed whether the ring's signed state names the livepatch: without that no host loads it
 * @param reversibleUntil until when the signed state lets a server have it taken out
 */
public record RingFacts(
        String ring,
        int hosts,
        Map<HostStanding, Integer> standings,
        Optional<Instant> offlineSince,
        boolean allowed,
        Optional<Instant> reversibleUntil) {
    /**
     * @throws IllegalArgumentException for numbers that do not add up
     */
    public RingFacts {
        standings = Map.copyOf(standings);
        long sum = 0;
        for (int count : standings.values()) {
            if (count < 0) {
                throw new IllegalArgumentException("fewer than no hosts in ring " + ring);
            }
            sum += count;
        }
        if (sum > hosts) {
            throw new IllegalArgumentException(
                    "ring "
                            + ring
                            + " has "
                            + hosts
                            + " hosts, of which "
                            + sum
                            + " stand somehow");
        }
    }

    /** Of a ring whose state is signed, from how each of its hosts stands. */
    public static RingFacts of(
            String ring,
            int hosts,
            Iterable<HostStanding> standings,
            Optional<Instant> reversibleUntil) {
        Map<HostStanding, Integer> counts = new EnumMap<>(HostStanding.class);
        standings.forEach(standing -> counts.merge(standing, 1, Integer::sum));
        return new RingFacts(ring, hosts, counts, Optional.empty(), true, reversibleUntil);
    }

    /** How many hosts stand so. */
    public int count(HostStanding standing) {
        return standings.getOrDefault(standing, 0);
    }

    /** How many hosts the livepatch is for. */
    public int eligible() {
        return standings.values().stream().mapToInt(Integer::intValue).sum();
    }

    /** How many of them can do something now: not those offline, and not those that refused. */
    public int reachable() {
        return eligible() - count(HostStanding.OFFLINE) - count(HostStanding.REFUSED);
    }

    /** Of how many it is known how the livepatch did. */
    public int acted() {
        return standings.entrySet().stream()
                .filter(e -> e.getKey().hasActed())
                .mapToInt(Map.Entry::getValue)
                .sum();
    }

    /** How many kernels may be between the old code and the new. */
    public int inTransition() {
        return count(HostStanding.IN_TRANSITION) + count(HostStanding.REVERSING);
    }

    /** Whether a server may have the livepatch taken out now. */
    boolean isReversible(Instant now) {
        return reversibleUntil.filter(now::isBefore).isPresent();
    }
}
