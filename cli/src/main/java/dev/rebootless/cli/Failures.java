package dev.rebootless.cli;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.FileFaults;
import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.build.Build;
import dev.rebootless.source.kit.Kits;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import picocli.CommandLine;

/** Turns whatever ended a command into text, at most one JSON document, and an exit status. */
final class Failures {
    /**
     * Ctrl-C in a terminal reaches our children as well, and one of them may end, and be complained
     * of, before the signal has reached us.
     */
    private static final long SIGNAL_GRACE_MILLIS = 100;

    /** How the C library words ENOSPC and EDQUOT (errno(3)); Java knows them by their text only. */
    private static final List<String> DISK_FULL =
            List.of("No space left on device", "Disk quota exceeded");

    /** A chain of causes longer than this is a circle. */
    private static final int MAX_CAUSES = 50;

    private final Console console;
    private final Main.Interruption interruption;
    private final boolean json;
    private final boolean debug;

    Failures(Console console, Main.Interruption interruption, boolean json, boolean debug) {
        this.console = console;
        this.interruption = interruption;
        this.json = json;
        this.debug = debug;
    }

    /** What was ended, and how. */
    private record Verdict(ExitStatus status, List<Problem> problems) {}

    /** A command line that is none. */
    ExitStatus usage(CommandLine.ParameterException e) {
        String command = e.getCommandLine().getCommandSpec().qualifiedName();
        String message =
                e instanceof CommandLine.UnmatchedArgumentException unmatched
                                && !unmatched.isUnknownOption()
                        ? "does not know '" + unmatched.getUnmatched().getFirst() + "'"
                        : String.valueOf(e.getMessage());
        return say(
                new Verdict(
                        ExitStatus.USAGE,
                        List.of(
                                new Problem(
                                        "RBL-USAGE",
                                        command,
                                        message,
                                        "see `" + command + " --help`"))));
    }

    /** A command whose {@code --json} has words of its own for a refusal. */
    interface Refusing {
        /** The document in which the command says so. */
        Documents.Document refused(List<Problem> problems);
    }

    /**
     * Anything that a command ended with.
     *
     * @param command the picocli command object
     */
    ExitStatus report(Throwable failure, Object command) {
        if (!interruption.requested()) {
            try {
                Thread.sleep(SIGNAL_GRACE_MILLIS);
            } catch (InterruptedException e) {
                // The signal came just now.
            }
        }
        if (debug) {
            console.stackTrace(failure);
        }
        Verdict verdict = verdict(failure);
        return verdict.status() == ExitStatus.REFUSED && command instanceof Refusing refusing
                ? say(verdict, refusing.refused(verdict.problems()))
                : say(verdict);
    }

    private Verdict verdict(Throwable failure) {
        if (interruption.requested()) {
            return new Verdict(
                    ExitStatus.INTERRUPTED,
                    List.of(
                            new Problem(
                                    "RBL-INTERRUPTED",
                                    "",
                                    "interrupted; nothing unfinished is left under a final name",
                                    "run it again")));
        }
        if (isDiskFull(failure)) {
            return new Verdict(
                    ExitStatus.ENVIRONMENT,
                    List.of(
                            new Problem(
                                    "RBL-DISK",
                                    "",
                                    "the disk is full: " + firstLine(failure),
                                    "make room in the output folder, in "
                                            + System.getProperty("java.io.tmpdir")
                                            + " (or let TMPDIR name another folder) and in the cache"
                                            + " (`rebootless kit list`, `kit remove`)")));
        }
        if (failure instanceof RebootlessException known) {
            return new Verdict(known.status(), known.problems());
        }
        Optional<FileSystemException> file = fileFault(failure);
        if (file.isPresent()) {
            return new Verdict(ExitStatus.ENVIRONMENT, List.of(problem(file.get())));
        }
        String what = failure.getClass().getSimpleName() + ": " + firstLine(failure);
        return new Verdict(
                ExitStatus.INTERNAL,
                List.of(
                        new Problem(
                                "RBL-INTERNAL",
                                "",
                                "a fault of Rebootless itself (" + Build.TOOL + "): " + what,
                                "report it with the command, its inputs and the output of the same"
                                        + " command with --debug")));
    }

    private ExitStatus say(Verdict verdict) {
        return say(verdict, Documents.Failure.of(verdict.status(), verdict.problems()));
    }

    private ExitStatus say(Verdict verdict, Documents.Document document) {
        verdict.problems().forEach(console::problem);
        if (json) {
            try {
                console.printLine(document);
            } catch (RuntimeException e) {
                console.say("standard output cannot be written: " + e.getMessage());
            }
        }
        return verdict.status();
    }

    private static boolean isDiskFull(Throwable failure) {
        Throwable cause = failure;
        for (int i = 0; cause != null && i < MAX_CAUSES; i++, cause = cause.getCause()) {
            String text = environmentSays(cause);
            if (DISK_FULL.stream().anyMatch(text::contains)) {
                return true;
            }
        }
        return false;
    }

    /**
     * What the operating system, or a program that could not do its work, says. The words of any
     * other failure may quote a patch, a kernel log or the output of a check, and those may speak
     * of full disks as they like.
     */
    private static String environmentSays(Throwable failure) {
        return switch (failure) {
            case RebootlessException known when known.status() == ExitStatus.ENVIRONMENT ->
                    String.join("\n", known.problems().stream().map(Problem::message).toList());
            case IOException io -> String.valueOf(io.getMessage());
            default -> "";
        };
    }

    /** The first cause that is about a file. */
    private static Optional<FileSystemException> fileFault(Throwable failure) {
        Throwable cause = failure;
        for (int i = 0; cause != null && i < MAX_CAUSES; i++, cause = cause.getCause()) {
            if (cause instanceof FileSystemException file) {
                return Optional.of(file);
            }
        }
        return Optional.empty();
    }

    /**
     * Files given on the command line are looked at before, and the output has a problem of its
     * own: what is left are the cache, where most is, and the folder for temporary files. The cache
     * may lie in that folder.
     */
    private static Problem problem(FileSystemException fault) {
        String place = Objects.requireNonNullElse(fault.getFile(), "");
        String message = "cannot be read or written: " + FileFaults.reason(fault);
        String temporary = System.getProperty("java.io.tmpdir");
        Path file = Path.of(place).toAbsolutePath();
        if (file.startsWith(Path.of(temporary).toAbsolutePath())
                && !file.startsWith(Kits.userCache())) {
            return new Problem(
                    "RBL-OUTPUT",
                    place,
                    message,
                    "see that " + temporary + " belongs to this user, or set TMPDIR");
        }
        return new Problem(
                "RBL-CACHE",
                place,
                message,
                "see that this user may read and write it, and the folder it is in; the cache is "
                        + Kits.userCache()
                        + " (or let XDG_CACHE_HOME name another folder)");
    }

    private static String firstLine(Throwable failure) {
        return String.valueOf(failure.getMessage()).lines().findFirst().orElse("");
    }
}
