package dev.rebootless.fleet.rollout;

import java.time.Duration;
import java.util.List;

/**
 * Holes are being exploited: windows do not count, and soak times are cut. Limits and halts stay.
 *
 * @param knownExploited the CVEs of the livepatch for which this is so, at least one
 * @param soak no ring soaks longer
 */
public record Emergency(List<String> knownExploited, Duration soak) {
    public Emergency {
        knownExploited = List.copyOf(knownExploited);
    }
}
