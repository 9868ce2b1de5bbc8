package dev.rebootless.base;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Runs another program to its end with no standard input, a deadline, and bounded memory for what
 * it prints. When the calling thread is interrupted or the deadline passes, the program and all its
 * children are killed.
 */
public final class Subprocess {
    /**
     * What is kept of each stream; the rest is read and dropped, so that the program never blocks.
     */
    private static final int KEPT_BYTES = 8 << 20;

    private final List<String> command;
    private @Nullable Path folder;
    private Duration deadline = Duration.ofMinutes(10);
    private final Map<String, String> environment = new java.util.HashMap<>();

    private Subprocess(List<String> command) {
        this.command = List.copyOf(command);
    }

    /**
     * What a program that ran to its end left. {@code err} holds standard error, {@code out}
     * standard output.
     */
    public record Result(List<String> command, int status, String out, String err) {
        public boolean ok() {
            return status == 0;
        }

        /** Standard output and error one after the other, for messages. */
        public String all() {
            return (out + err).strip();
        }
    }

    public static Subprocess of(List<String> command) {
        return new Subprocess(command);
    }

    public static Subprocess of(String... command) {
        return new Subprocess(List.of(command));
    }

    /** The folder it runs in. */
    public Subprocess in(Path where) {
        this.folder = where;
        return this;
    }

    public Subprocess deadline(Duration limit) {
        this.deadline = limit;
        return this;
    }

    /** Sets one variable on top of the fixed, small environment that every program gets. */
    public Subprocess with(String variable, String value) {
        environment.put(variable, value);
        return this;
    }

    /**
     * Runs it.
     *
     * @throws RebootlessException exit status 5 {@code RBL-PROGRAM-MISSING} when the program cannot
     *     be started or {@code RBL-PROGRAM-TIMEOUT} when it outlives its deadline; exit status 130
     *     when this thread is interrupted
     */
    public Result run() {
        ProcessBuilder builder = new ProcessBuilder(command);
        if (folder != null) {
            builder.directory(folder.toFile());
        }
        Map<String, String> env = builder.environment();
        // A fixed locale and no inherited build flags: the same inputs must give the same outputs.
        env.keySet()
                .removeIf(name ->
                        !List.of("PATH", "HOME", "TMPDIR", "USER", "LOGNAME").contains(name)
                                && !name.startsWith("XDG_")
                                && !name.endsWith("_proxy"));
        env.put("LC_ALL", "C.UTF-8");
        env.putAll(environment);
        Process process;
        try {
            process =
                    builder.redirectInput(
                                    ProcessBuilder.Redirect.from(new java.io.File("/dev/null")))
                            .start();
        } catch (IOException e) {
            throw RebootlessException.environment(
                    "RBL-PROGRAM-MISSING",
                    command.getFirst(),
                    "cannot be run: " + e.getMessage(),
                    "install the package that brings it; `script/demo` and `script/test` install all that is needed");
        }
        try {
            Capture out = new Capture(process.getInputStream());
            Capture err = new Capture(process.getErrorStream());
            if (!process.waitFor(deadline.toMillis(), TimeUnit.MILLISECONDS)) {
                throw RebootlessException.environment(
                        "RBL-PROGRAM-TIMEOUT",
                        command.getFirst(),
                        "did not end within " + deadline.toSeconds() + " s",
                        "see whether the machine is overloaded, and try again");
            }
            return new Result(command, process.exitValue(), out.text(), err.text());
        } catch (InterruptedException e) {
            throw RebootlessException.interrupted(command.getFirst(), e);
        } finally {
            kill(process);
        }
    }

    /** Ends a process and all its children, at once. */
    public static void kill(Process process) {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
    }

    /** Reads a stream to its end on a thread of its own. */
    private static final class Capture {
        private final ByteArrayOutputStream kept = new ByteArrayOutputStream();
        private final Thread thread;

        Capture(InputStream in) {
            thread =
                    Thread.ofVirtual()
                            .start(() -> {
                                byte[] buffer = new byte[1 << 14];
                                try (in) {
                                    for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
                                        kept.write(
                                                buffer, 0, Math.min(n, KEPT_BYTES - kept.size()));
                                    }
                                } catch (IOException e) {
                                    // The process was killed: what came until then is what there
                                    // is.
                                }
                            });
        }

        String text() throws InterruptedException {
            thread.join();
            return kept.toString(StandardCharsets.UTF_8);
        }
    }
}
