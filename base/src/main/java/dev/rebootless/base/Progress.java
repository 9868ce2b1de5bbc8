package dev.rebootless.base;

/**
 * Where a long operation says what it is doing. Implementations are safe for use by several
 * threads.
 */
@FunctionalInterface
public interface Progress {
    /** Says nothing. */
    Progress SILENT = message -> {};

    /**
     * Reports one step in a plain line without a line end, such as {@code unpacking
     * linux-source-6.1}.
     */
    void step(String message);
}
