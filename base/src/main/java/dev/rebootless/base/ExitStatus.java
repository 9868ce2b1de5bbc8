package dev.rebootless.base;

/**
 * What the process tells its caller: the exit statuses of the command's contract ({@code
 * docs/contract-command.md}). Of several problems in one run the first in {@link
 * #MOST_SERIOUS_FIRST} is the one that is reported.
 */
public enum ExitStatus {
    DONE(0),
    /** A fault of ours; it asks for a report. */
    INTERNAL(1),
    USAGE(2),
    UNCHANGED(3),
    /** A patch, or a host's preflight, was refused. */
    REFUSED(4),
    /** The environment lacks something; the problem says what, and how to get it. */
    ENVIRONMENT(5),
    PROOF_FAILED(6),
    /** The kernel or a server said no, or a transition timed out and was cancelled. */
    KERNEL_SAID_NO(7),
    FAIL_ON_MET(8),
    /** As a shell reports a process ended by SIGINT: 128 + 2. */
    INTERRUPTED(130);

    private static final java.util.List<ExitStatus> MOST_SERIOUS_FIRST =
            java.util.List.of(
                    INTERNAL,
                    KERNEL_SAID_NO,
                    PROOF_FAILED,
                    REFUSED,
                    ENVIRONMENT,
                    USAGE,
                    INTERRUPTED,
                    FAIL_ON_MET,
                    UNCHANGED,
                    DONE);

    private final int code;

    ExitStatus(int code) {
        this.code = code;
    }

    /** The number the process exits with, 0 to 130. */
    public int code() {
        return code;
    }

    /** The more serious of the two, by the contract's order 1, 7, 6, 4, 5. */
    public ExitStatus orWorse(ExitStatus other) {
        return MOST_SERIOUS_FIRST.indexOf(this) <= MOST_SERIOUS_FIRST.indexOf(other) ? this : other;
    }
}
