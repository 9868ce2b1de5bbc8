package dev.rebootless.fleet.job;

import dev.rebootless.fleet.store.HostStore;
import java.time.Clock;
import java.time.Duration;

/** Marks hosts that have said nothing for long, some at a time. */
public final class SilentHosts implements Runnable {
    private final HostStore hosts;
    private final Duration after;
    private final Clock clock;

    /**
     * Of hosts.
     *
     * @param after how long one may say nothing
     */
    public SilentHosts(HostStore hosts, Duration after, Clock clock) {
        this.hosts = hosts;
        this.after = after;
        this.clock = clock;
    }

    @Override
    public void run() {
        while (hosts.markSilent(clock.instant().minus(after)) > 0) {
            if (Thread.currentThread().isInterrupted()) {
                return;
            }
        }
    }
}
