package dev.rebootless.base;

import java.util.List;

/**
 * Ends an operation with problems for the user. It is thrown where the operation cannot go on and
 * caught where the command turns it into text and an exit status; the message is never empty and
 * needs no stack trace.
 */
public class RebootlessException extends RuntimeException {
    private final transient List<Problem> problems;
    private final ExitStatus status;

    public RebootlessException(ExitStatus status, Problem problem) {
        this(status, List.of(problem), null);
    }

    public RebootlessException(ExitStatus status, List<Problem> problems) {
        this(status, problems, null);
    }

    public RebootlessException(
            ExitStatus status,
            List<Problem> problems,
            @org.jspecify.annotations.Nullable Throwable cause) {
        super(problems.isEmpty() ? status.toString() : problems.getFirst().text(), cause);
        if (problems.isEmpty()) {
            throw new IllegalArgumentException("an exception needs at least one problem");
        }
        this.status = status;
        this.problems = List.copyOf(problems);
    }

    /** A refusal (exit status 4). */
    public static RebootlessException refused(
            String code, String place, String message, String remedy) {
        return new RebootlessException(
                ExitStatus.REFUSED, new Problem(code, place, message, remedy));
    }

    /** Something that the environment lacks (exit status 5). */
    public static RebootlessException environment(
            String code, String place, String message, String remedy) {
        return new RebootlessException(
                ExitStatus.ENVIRONMENT, new Problem(code, place, message, remedy));
    }

    /** A fault in how the command was called or in what it was given (exit status 2). */
    public static RebootlessException usage(
            String code, String place, String message, String remedy) {
        return new RebootlessException(ExitStatus.USAGE, new Problem(code, place, message, remedy));
    }

    /**
     * The work was interrupted (exit status 130); marks the calling thread as interrupted again, as
     * whoever catches an InterruptedException must.
     */
    public static RebootlessException interrupted(String place, InterruptedException cause) {
        Thread.currentThread().interrupt();
        return new RebootlessException(
                ExitStatus.INTERRUPTED,
                List.of(new Problem("RBL-INTERRUPTED", place, "interrupted", "run it again")),
                cause);
    }

    public List<Problem> problems() {
        return problems;
    }

    public ExitStatus status() {
        return status;
    }
}
