package dev.rebootless.fleet.rollout;

import java.time.Instant;

/** How far a ring is from being rid of a livepatch. */
final class Reversal {
    private Reversal() {}

    /** How many hosts have it, may have it, or are about to. */
    static int have(RingFacts ring) {
        return ring.count(HostStanding.DONE)
                + ring.count(HostStanding.AWAY)
                + ring.count(HostStanding.SILENT)
                + ring.inTransition();
    }

    /** Whether no host that can be reached has it, or none may be told any more. */
    static boolean isOver(RingFacts ring, Instant now) {
        boolean nobodyActs = ring.inTransition() == 0;
        return nobodyActs && (ring.count(HostStanding.DONE) == 0 || !ring.isReversible(now));
    }
}
