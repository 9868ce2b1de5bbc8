package dev.rebootless.host;

import dev.rebootless.base.Printable;
import dev.rebootless.host.agent.AgentOutput;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Tells events as they happen: a line of JSON on standard output for each, or lines for people on
 * standard error.
 */
final class EventPrinter implements Consumer<HostEvent>, AgentOutput {
    private final boolean json;
    private final OutputStream out;
    private final PrintStream err;
    private Optional<UncheckedIOException> deaf = Optional.empty();

    EventPrinter(boolean json, OutputStream out, PrintStream err) {
        this.json = json;
        this.out = out;
        this.err = err;
    }

    @Override
    public void accept(HostEvent event) {
        try {
            if (json) {
                print(HostJson.event(event));
            } else {
                HostText.lines(event).forEach(this::say);
            }
        } catch (UncheckedIOException e) {
            // Nobody listens any more; what was begun in the kernel has to come to its end.
            deaf = Optional.of(e);
        }
    }

    @Override
    public boolean json() {
        return json;
    }

    /** Fails when something that was to be told was not. */
    void requireHeard() {
        if (deaf.isPresent()) {
            throw deaf.get();
        }
    }

    /** Writes to standard output. */
    @Override
    public void print(String text) {
        try {
            out.write(text.getBytes(StandardCharsets.UTF_8));
            out.flush();
        } catch (IOException e) {
            throw new UncheckedIOException("standard output: " + e.getMessage(), e);
        }
    }

    /**
     * A line on standard error. Names come from foreign modules and tasks; none of their control
     * characters reaches a terminal.
     */
    @Override
    public void say(String line) {
        err.println(Printable.text(line));
    }
}
