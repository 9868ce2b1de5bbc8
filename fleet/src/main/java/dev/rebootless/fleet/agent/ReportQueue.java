package dev.rebootless.fleet.agent;

import dev.rebootless.fleet.store.Database;
import dev.rebootless.fleet.store.Report;
import dev.rebootless.fleet.store.ReportStore;
import dev.rebootless.fleet.web.HttpFault;
import dev.rebootless.fleet.web.Metrics;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes the reports that come at about the same time in one transaction: a disk has a hundred to a
 * thousand times in a second for "this is kept now", and there are more reports. Nothing waits here
 * that was acknowledged.
 */
public final class ReportQueue implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ReportQueue.class);

    private static final int MOST_WAITING = 2_000;
    private static final int MOST_IN_ONE = 250;

    /** Longer than between two reports at 1,000 in a second, and shorter than anybody notices. */
    private static final Duration COLLECTS = Duration.ofMillis(3);

    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final Duration RETRY_AFTER = Duration.ofSeconds(10);

    private final ReportStore store;
    private final Metrics metrics;
    private final Clock clock;
    private final BlockingQueue<Pending> queue = new ArrayBlockingQueue<>(MOST_WAITING);
    private final Thread writer;
    private volatile boolean closed;

    private record Pending(Report report, CompletableFuture<Report.Outcome> outcome) {}

    /** Starts writing to a store. */
    public ReportQueue(ReportStore store, Metrics metrics, Clock clock) {
        this.store = store;
        this.metrics = metrics;
        this.clock = clock;
        this.writer = Thread.ofPlatform().daemon().name("rebootless-reports").start(this::run);
        metrics.gauge("rebootless_reports_waiting", "Reports not yet on the disk.", queue::size);
    }

    /**
     * Writes a report, and waits until it is on the disk.
     *
     * @throws HttpFault 503 when there are too many, or the database is away; then nobody knows
     *     whether it was written, and the host sends it again under its next sequence
     */
    public Report.Outcome write(Report report) {
        Pending pending = new Pending(report, new CompletableFuture<>());
        if (closed || !queue.offer(pending)) {
            throw HttpFault.notNow(
                    "RBL-FLEET-BUSY", "more reports come than can be written", RETRY_AFTER);
        }
        try {
            return pending.outcome().get(PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException failure) {
                throw failure;
            }
            throw new IllegalStateException(e.getCause());
        } catch (TimeoutException e) {
            throw HttpFault.notNow(
                    "RBL-FLEET-DATABASE-AWAY", "the database does not answer now", RETRY_AFTER);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw HttpFault.notNow("RBL-FLEET-BUSY", "the server is stopping", RETRY_AFTER);
        }
    }

    private void run() {
        List<Pending> waiting = new ArrayList<>();
        while (!closed) {
            try {
                if (waiting.isEmpty()) {
                    waiting.add(queue.take());
                }
                long end = System.nanoTime() + COLLECTS.toNanos();
                while (waiting.size() < MOST_IN_ONE) {
                    queue.drainTo(waiting, MOST_IN_ONE - waiting.size());
                    Pending next = queue.poll(end - System.nanoTime(), TimeUnit.NANOSECONDS);
                    if (next == null) {
                        break;
                    }
                    waiting.add(next);
                }
                writeTogether(oneOfEachHost(waiting));
            } catch (InterruptedException e) {
                break;
            }
        }
        queue.drainTo(waiting);
        for (Pending pending : waiting) {
            pending.outcome()
                    .completeExceptionally(
                            HttpFault.notNow(
                                    "RBL-FLEET-BUSY", "the server is stopping", RETRY_AFTER));
        }
    }

    /** Takes the first of each host; a second one waits for the next transaction. */
    private static List<Pending> oneOfEachHost(List<Pending> waiting) {
        Map<UUID, Pending> first = new LinkedHashMap<>();
        Iterator<Pending> all = waiting.iterator();
        while (all.hasNext()) {
            Pending pending = all.next();
            if (first.putIfAbsent(pending.report().host(), pending) == null) {
                all.remove();
            }
        }
        return List.copyOf(first.values());
    }

    private void writeTogether(List<Pending> batch) {
        try {
            List<Report.Outcome> outcomes =
                    store.write(batch.stream().map(Pending::report).toList(), clock.instant());
            for (int i = 0; i < batch.size(); i++) {
                batch.get(i).outcome().complete(outcomes.get(i));
            }
            metrics.committed(batch.size());
        } catch (RuntimeException e) {
            if (batch.size() > 1 && !Database.isTemporary(e)) {
                // One of them cannot be written; the others are not to suffer for it.
                LOG.warn(
                        "{} reports could not be written together: {}", batch.size(), e.toString());
                batch.forEach(pending -> writeTogether(List.of(pending)));
            } else {
                batch.forEach(pending -> pending.outcome().completeExceptionally(e));
            }
        }
    }

    @Override
    public void close() {
        closed = true;
        writer.interrupt();
        try {
            writer.join(PATIENCE.toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
