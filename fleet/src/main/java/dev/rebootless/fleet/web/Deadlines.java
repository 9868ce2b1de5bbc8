package dev.rebootless.fleet.web;

import io.helidon.http.Headers;
import io.helidon.http.HttpPrologue;
import io.helidon.webserver.ConnectionContext;
import io.helidon.webserver.http1.Http1ConnectionListener;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Ends what takes too long by interrupting its thread. A virtual thread that waits for a socket
 * then closes that socket ({@link java.net.Socket#getInputStream}), and with it the connection of
 * whoever is so slow.
 */
final class Deadlines implements AutoCloseable {
    private final ScheduledThreadPoolExecutor clock =
            new ScheduledThreadPoolExecutor(
                    1, Thread.ofPlatform().daemon().name("rebootless-deadlines").factory());

    Deadlines() {
        // Nearly all are ended long before they pass.
        clock.setRemoveOnCancelPolicy(true);
    }

    /** One for the calling thread. */
    Deadline in(Duration limit) {
        return new Deadline(limit);
    }

    final class Deadline {
        private final Thread thread = Thread.currentThread();
        private final Future<?> task;
        private boolean ended;
        private boolean passed;

        private Deadline(Duration limit) {
            task = clock.schedule(this::pass, limit.toMillis(), TimeUnit.MILLISECONDS);
        }

        private synchronized void pass() {
            if (!ended) {
                passed = true;
                thread.interrupt();
            }
        }

        synchronized boolean passed() {
            return passed;
        }

        /** By its own thread. */
        synchronized void end() {
            ended = true;
            task.cancel(false);
            if (passed) {
                var _ = Thread.interrupted();
            }
        }
    }

    /** From the first line of each request to the end of its header. */
    Http1ConnectionListener headers(Duration limit) {
        Map<Thread, Deadline> reading = new ConcurrentHashMap<>();
        return new Http1ConnectionListener() {
            @Override
            public void prologue(ConnectionContext context, HttpPrologue prologue) {
                reading.put(Thread.currentThread(), in(limit));
            }

            @Override
            public void headers(ConnectionContext context, Headers headers) {
                Deadline deadline = reading.remove(Thread.currentThread());
                if (deadline != null) {
                    deadline.end();
                }
                // Those that passed, or whose header was none: their connections are closed.
                reading.keySet().removeIf(thread -> !thread.isAlive());
            }
        };
    }

    @Override
    public void close() {
        clock.shutdownNow();
    }
}
