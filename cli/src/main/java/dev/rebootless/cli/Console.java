package dev.rebootless.cli;

import dev.rebootless.base.Problem;
import dev.rebootless.base.Progress;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/**
 * The two streams of a command. What was asked for is written to standard output in one piece, and
 * a failure to write it is an error like any other; progress and problems go to standard error in
 * plain lines.
 */
final class Console {
    private final OutputStream out;
    private final PrintStream err;
    private final StringWriter text = new StringWriter();
    private final PrintWriter textOut = new PrintWriter(text);
    private final long start = System.nanoTime();

    Console(OutputStream out, PrintStream err) {
        this.out = out;
        this.err = err;
    }

    /** Where help texts go until {@link #flush}. */
    PrintWriter textOut() {
        return textOut;
    }

    /** Writes what was collected in {@link #textOut}. */
    void flush() {
        textOut.flush();
        String collected = text.toString();
        text.getBuffer().setLength(0);
        print(collected);
    }

    /** Writes to standard output. */
    void print(String result) {
        try {
            out.write(result.getBytes(StandardCharsets.UTF_8));
            out.flush();
        } catch (IOException e) {
            throw new UncheckedIOException("standard output: " + e.getMessage(), e);
        }
    }

    /** Writes a document as the only thing on standard output. */
    void print(Documents.Document document) {
        print(Documents.text(document));
    }

    /** Steps as plain lines on standard error, each with the seconds since the command began. */
    Progress progress() {
        return this::step;
    }

    void step(String message) {
        err.println(
                String.format(
                        Locale.ROOT, "[%5.1f s] %s", (System.nanoTime() - start) / 1e9, message));
    }

    /** A line for people that is no result. */
    void say(String line) {
        err.println(line);
    }

    void problem(Problem problem) {
        err.println(problem.text());
    }

    void stackTrace(Throwable failure) {
        failure.printStackTrace(err);
    }
}
