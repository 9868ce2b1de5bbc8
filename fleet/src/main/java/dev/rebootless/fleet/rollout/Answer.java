package dev.rebootless.fleet.rollout;

import java.time.Duration;

/** What a host is told that asks whether it may act. */
public sealed interface Answer {
    /**
     * It may load.
     *
     * @param limitSeconds an attempt without an outcome by then is a failed one
     */
    record Granted(long limitSeconds) implements Answer {}

    /**
     * It may not, now.
     *
     * @param why a sentence
     * @param retryAfter before which asking again is of no use, at least a second
     */
    record Wait(WaitCode code, String why, Duration retryAfter) implements Answer {}

    /**
     * It is to take the livepatch out, and may.
     *
     * @param sha256 of the module
     * @param limitSeconds an attempt without an outcome by then is a failed one
     */
    record Reverse(String sha256, long limitSeconds) implements Answer {}
}
