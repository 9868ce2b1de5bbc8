package dev.rebootless.fleet.rollout;

import java.time.Duration;
import java.util.List;

/**
 * How a ring gets the livepatch.
 *
 * @param ring its name
 * @param windows in which its hosts may act; none: always
 * @param soak how long the ring is watched before the next one begins
 * @param limit on hosts in transition at once
 * @param completePercent the soak begins when so many of a hundred of the hosts that can be reached
 *     have acted, 1 to 100
 * @param halt what halts the rollout
 * @param reverseOnHalt whether the livepatch is taken out of the ring's hosts when they halt it
 */
public record PlannedRing(
        String ring,
        List<MaintenanceWindow> windows,
        Duration soak,
        Limit limit,
        int completePercent,
        HaltRules halt,
        boolean reverseOnHalt) {
    public PlannedRing {
        windows = List.copyOf(windows);
    }
}
