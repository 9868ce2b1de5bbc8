package dev.rebootless.fleet.agent;

import dev.rebootless.fleet.store.AttemptStore;
import dev.rebootless.fleet.store.Membership;
import java.time.Instant;
import java.util.Optional;
import java.util.UUID;
import org.jdbi.v3.core.Handle;

/** Decides what a host may do to its kernel, and when. */
public interface AttemptPolicy {
    /**
     * What a host asks for.
     *
     * @param host that asks
     * @param membership of it
     * @param wanted what it wants to do
     * @param now when
     */
    record Asked(UUID host, Membership membership, AttemptStore.Wanted wanted, Instant now) {}

    /**
     * May this host make this attempt now?
     *
     * @param handle of the transaction that writes the attempt down, in which the host's row is
     *     locked; what must hold of several hosts at once (how many are in transition) needs a lock
     *     of its own in it
     */
    AttemptStore.Verdict decide(Handle handle, Asked asked);

    /**
     * The module that a host should take out, if any. It is asked at each report, and must not take
     * long.
     *
     * @param buildId of its kernel
     * @return its SHA-256 in hexadecimal
     */
    Optional<String> reversal(
            UUID host, Membership membership, Optional<String> buildId, Instant now);
}
