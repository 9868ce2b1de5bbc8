package dev.rebootless.cli;

import dev.rebootless.base.Printable;
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
 *
 * <p>Names and messages come from foreign modules, patches and guests: text for people goes through
 * {@link Printable}.
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

    /** For a command that writes its own results and has its own way with control characters. */
    OutputStream out() {
        return out;
    }

    /** For the same command's own lines. */
    PrintStream err() {
        return err;
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
        write(collected);
    }

    /** Writes text to standard output. */
    void print(String result) {
        write(Printable.text(result));
    }

    private void write(String result) {
        try {
            out.write(result.getBytes(StandardCharsets.UTF_8));
            out.flush();
        } catch (IOException e) {
            throw new UncheckedIOException("standard output: " + e.getMessage(), e);
        }
    }

    /** Writes a document as the only thing on standard output. */
    void print(Documents.Document document) {
        write(Documents.text(document));
    }

    /** The same as one line among others. */
    void printLine(Documents.Document document) {
        write(Documents.line(document));
    }

    /** Steps as plain lines on standard error, each with the seconds since the command began. */
    Progress progress() {
        return this::step;
    }

    void step(String message) {
        say(String.format(Locale.ROOT, "[%5.1f s] %s", (System.nanoTime() - start) / 1e9, message));
    }

    /** A line for people that is no result. */
    void say(String line) {
        err.println(Printable.text(line));
    }

    /** A help text that was not asked for. It is our own, and may have the terminal's colours. */
    void help(String text) {
        err.println(text);
    }

    void problem(Problem problem) {
        say(problem.text());
    }

    void stackTrace(Throwable failure) {
        StringWriter trace = new StringWriter();
        failure.printStackTrace(new PrintWriter(trace, true));
        say(trace.toString().stripTrailing());
    }
}
