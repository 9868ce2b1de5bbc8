package dev.rebootless.source.kit;

import dev.rebootless.base.Progress;
import java.time.Duration;
import java.util.Locale;
import java.util.function.Supplier;

/** Says what is being done, at its start, while it lasts, and with its seconds at its end. */
record Steps(Progress progress) {
    /** A longer silence looks like a fault. */
    private static final Duration SIGN_OF_LIFE = Duration.ofSeconds(15);

    /** Runs one step. */
    <T> T timed(String what, Supplier<T> step) {
        return timed(what, () -> "", step);
    }

    /**
     * Runs one step that can say how far it is.
     *
     * @param soFar for the signs of life, such as {@code 12 of 139 MB}; may be empty
     */
    <T> T timed(String what, Supplier<String> soFar, Supplier<T> step) {
        progress.step(what);
        long start = System.nanoTime();
        Thread alive =
                Thread.ofVirtual()
                        .start(() -> {
                            try {
                                while (true) {
                                    Thread.sleep(SIGN_OF_LIFE);
                                    String detail = soFar.get();
                                    progress.step(
                                            what
                                                    + ": still at it after "
                                                    + seconds(start)
                                                    + (detail.isEmpty() ? "" : ", " + detail));
                                }
                            } catch (InterruptedException e) {
                                // The step is over.
                            }
                        });
        try {
            T result = step.get();
            progress.step(what + ": done in " + seconds(start));
            return result;
        } finally {
            alive.interrupt();
        }
    }

    /** Runs one step without a result. */
    void run(String what, Runnable step) {
        timed(
                what,
                () -> {
                    step.run();
                    return true;
                });
    }

    static String seconds(long startNanos) {
        return String.format(Locale.ROOT, "%.1f s", (System.nanoTime() - startNanos) / 1e9);
    }
}
