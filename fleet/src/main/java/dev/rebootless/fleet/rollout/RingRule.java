package dev.rebootless.fleet.rollout;

import java.util.Set;

/** What takes a host into a ring. */
public sealed interface RingRule {
    /**
     * Hosts by name.
     *
     * @param hosts their ids, UUIDs in lower case
     */
    record Listed(Set<String> hosts) implements RingRule {
        public Listed {
            hosts = Set.copyOf(hosts);
        }
    }

    /** Hosts that have a tag. */
    record Tagged(String tag) implements RingRule {}

    /**
     * A share of the hosts that no ring before has taken. Which ones is a matter of the host's id
     * and the ring's name alone: a host stays when others come, go or are asked in another order,
     * and a larger share keeps all that the smaller one had.
     *
     * @param permille how many of a thousand, 1 to 999
     */
    record Share(int permille) implements RingRule {}

    /** All hosts that no ring before has taken. */
    record Rest() implements RingRule {}
}
