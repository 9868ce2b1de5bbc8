package dev.rebootless.cli;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.host.HostCommand;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine;

/**
 * The {@code rebootless} command: options in, verdicts out. Standard output carries what was asked
 * for and nothing else; all that is said on the way goes to standard error.
 */
public final class Main {
    /**
     * How long a command that was interrupted may take to end its children and remove what it made
     * so far. A kit's half-made tree has 80,000 files.
     */
    private static final Duration CLEANUP = Duration.ofSeconds(20);

    private Main() {}

    /** Runs one command and ends the process with its {@link ExitStatus}. */
    public static void main(String[] args) {
        Interruption interruption = new Interruption(Thread.currentThread(), CLEANUP);
        Runtime.getRuntime().addShutdownHook(interruption.hook());
        // Not System.out: it swallows what goes wrong, such as a full disk.
        Console console =
                new Console(
                        new FileOutputStream(FileDescriptor.out),
                        new PrintStream(
                                new FileOutputStream(FileDescriptor.err),
                                true,
                                StandardCharsets.UTF_8));
        ExitStatus status = run(args, console, interruption);
        interruption.finished();
        System.exit(status.code());
    }

    static ExitStatus run(String[] args, Console console, Interruption interruption) {
        Failures failures =
                new Failures(
                        console,
                        interruption,
                        List.of(args).contains("--json"),
                        List.of(args).contains("--debug"));
        try {
            Optional<List<String>> host = HostCommand.recognize(List.of(args));
            if (host.isPresent()) {
                return HostCommand.ofThisMachine(console.out(), console.err()).run(host.get());
            }
            CommandLine commands = RebootlessCommand.commandLine(console, args);
            commands.setUsageHelpAutoWidth(true);
            commands.setParameterExceptionHandler((e, _) -> failures.usage(e).code());
            commands.setExecutionExceptionHandler(
                    (e, at, _) -> failures.report(e, at.getCommand()).code());
            commands.setOut(console.textOut());
            commands.setErr(console.textOut());
            int code = commands.execute(args);
            console.flush();
            return statusOf(code);
        } catch (Throwable e) {
            return failures.report(e, RebootlessCommand.class);
        }
    }

    private static ExitStatus statusOf(int code) {
        for (ExitStatus status : ExitStatus.values()) {
            if (status.code() == code) {
                return status;
            }
        }
        throw new IllegalStateException("no exit status has the number " + code);
    }

    /**
     * Ctrl-C (SIGINT), SIGTERM and SIGHUP: the Java machine then runs its shutdown hooks and exits
     * with 128 + the signal's number. The hook interrupts the command's thread, whose waits for
     * children end with that, and gives it time to clean up.
     */
    static final class Interruption {
        private final Thread worker;
        private final Duration patience;
        private final CountDownLatch finished = new CountDownLatch(1);
        private volatile boolean requested;

        Interruption(Thread worker, Duration patience) {
            this.worker = worker;
            this.patience = patience;
        }

        /** For {@link Runtime#addShutdownHook}. */
        Thread hook() {
            return new Thread(this::stop, "rebootless-interruption");
        }

        /** The command has ended by itself, and has nothing to clean up any more. */
        void finished() {
            finished.countDown();
        }

        /** Whether somebody asked for an end before the command had come to its own. */
        boolean requested() {
            return requested;
        }

        private void stop() {
            if (finished.getCount() == 0) {
                return;
            }
            requested = true;
            worker.interrupt();
            try {
                var _ = finished.await(patience.toMillis(), TimeUnit.MILLISECONDS);
            } catch (InterruptedException e) {
                // Somebody is in a hurry: then the end is not tidy.
            }
        }
    }
}
