package dev.rebootless.fleet.store;

import java.time.Instant;
import java.util.UUID;

/**
 * A system in a list.
 *
 * @param facts without its CVE states
 * @param seen when it reported last, or was enrolled
 * @param silent whether it has not reported for too long
 * @param reported whether it ever reported its facts
 */
public record SystemRow(
        UUID id,
        String hostname,
        Membership membership,
        SystemFacts facts,
        Instant seen,
        boolean silent,
        boolean reported) {}
