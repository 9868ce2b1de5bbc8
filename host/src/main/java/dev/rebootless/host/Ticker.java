package dev.rebootless.host;

import dev.rebootless.base.RebootlessException;
import java.time.Duration;

/** Time that passes, and waiting for it. */
interface Ticker {
    /** Nanoseconds since some moment. */
    long nanos();

    /**
     * Waits.
     *
     * @throws RebootlessException exit status 130 when this thread is interrupted
     */
    void sleep(Duration time);

    /** This machine's. */
    Ticker SYSTEM =
            new Ticker() {
                @Override
                public long nanos() {
                    return System.nanoTime();
                }

                @Override
                public void sleep(Duration time) {
                    try {
                        Thread.sleep(time);
                    } catch (InterruptedException e) {
                        throw RebootlessException.interrupted("", e);
                    }
                }
            };
}
