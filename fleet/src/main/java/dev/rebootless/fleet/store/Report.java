package dev.rebootless.fleet.store;

import java.util.Optional;
import java.util.UUID;

/**
 * An authentic report, ready to be written.
 *
 * @param host that sent it
 * @param sequence of the message
 * @param content what it says
 */
public record Report(UUID host, long sequence, Content content) {
    /** What a report says. */
    public sealed interface Content {
        /**
         * @return SHA-256 of the body of the last report with facts: this one, or an earlier one
         */
        byte[] sha256();
    }

    /**
     * Facts.
     *
     * @param sha256 of the body
     * @param deflated the body
     * @param hostname as the host calls itself
     * @param boot the id of its boot (random/boot_id of proc(5))
     * @param facts what is counted and filtered by
     */
    public record Whole(
            byte[] sha256,
            byte[] deflated,
            String hostname,
            Optional<String> boot,
            SystemFacts facts)
            implements Content {}

    /**
     * That the facts are as they were.
     *
     * @param sha256 of the body that had them
     */
    public record Unchanged(byte[] sha256) implements Content {}

    /** What became of it. */
    public sealed interface Outcome {}

    /**
     * It is on the disk.
     *
     * @param membership of the host
     * @param buildId of its kernel, as it was reported last
     * @param whole whether the facts are wanted
     */
    public record Acknowledged(Membership membership, Optional<String> buildId, boolean whole)
            implements Outcome {}

    /**
     * It is not newer than what was written before.
     *
     * @param last the highest sequence that was
     */
    public record Replayed(long last) implements Outcome {}

    /** Nobody enrolled this host, or it was removed. */
    public record UnknownHost() implements Outcome {}
}
