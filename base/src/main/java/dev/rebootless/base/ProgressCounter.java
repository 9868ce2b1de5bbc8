package dev.rebootless.base;

import java.time.Duration;
import java.util.function.IntFunction;

/**
 * Counts what is done of many alike parts, and says so from time to time: not for each of them, and
 * not for the last alone. Safe for use by several threads.
 */
public final class ProgressCounter {
    /** Often enough that nobody takes it for hung, and seldom enough to be read. */
    private static final Duration BETWEEN_REPORTS = Duration.ofSeconds(5);

    private final Progress progress;
    private final int total;
    private final IntFunction<String> message;
    private final boolean saysLast;
    private int done;
    private long reported = System.nanoTime();

    private ProgressCounter(
            Progress progress, int total, IntFunction<String> message, boolean saysLast) {
        this.progress = progress;
        this.total = total;
        this.message = message;
        this.saysLast = saysLast;
    }

    /**
     * Counts, and reports the last in any case.
     *
     * @param total how many there are
     * @param message what to say when as many are done
     */
    public static ProgressCounter toTheLast(
            Progress progress, int total, IntFunction<String> message) {
        return new ProgressCounter(progress, total, message, true);
    }

    /** Counts, and says nothing at all of what is done soon. */
    public static ProgressCounter ofLong(Progress progress, int total, String what) {
        return new ProgressCounter(
                progress, total, done -> "%s: %d of %d".formatted(what, done, total), false);
    }

    /** One more is done. */
    public synchronized void done() {
        done++;
        long now = System.nanoTime();
        if (now - reported > BETWEEN_REPORTS.toNanos() || (saysLast && done == total)) {
            reported = now;
            progress.step(message.apply(done));
        }
    }
}
