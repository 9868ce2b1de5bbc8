package dev.rebootless.fleet.job;

import com.github.kagkarlsson.scheduler.Scheduler;
import com.github.kagkarlsson.scheduler.task.helper.RecurringTask;
import com.github.kagkarlsson.scheduler.task.helper.Tasks;
import com.github.kagkarlsson.scheduler.task.schedule.FixedDelay;
import dev.rebootless.fleet.store.Database;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Jobs that repeat. Of several processes, one does each at a time; when that one is killed, another
 * takes it up once its heartbeat is missing.
 */
public final class Jobs implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Jobs.class);
    private static final int THREADS = 2;
    private static final Duration POLL = Duration.ofSeconds(1);

    /** A job of a process without a heartbeat for four of these is another's (db-scheduler). */
    private static final Duration HEARTBEAT = Duration.ofSeconds(5);

    private final Scheduler scheduler;

    /**
     * A job.
     *
     * @param name of it in the database
     * @param pause from its end until it begins again
     * @param work what it does; a failure is logged, and it is done again after the pause
     */
    public record Job(String name, Duration pause, Runnable work) {}

    private Jobs(Scheduler scheduler) {
        this.scheduler = scheduler;
    }

    /** Starts jobs. */
    public static Jobs start(Database database, List<Job> jobs) {
        List<RecurringTask<?>> tasks = new ArrayList<>();
        for (Job job : jobs) {
            tasks.add(
                    Tasks.recurring(job.name(), FixedDelay.of(job.pause()))
                            .execute((_, _) -> run(job)));
        }
        Scheduler scheduler =
                Scheduler.create(database.dataSource())
                        .startTasks(tasks)
                        .threads(THREADS)
                        .pollingInterval(POLL)
                        .heartbeatInterval(HEARTBEAT)
                        .build();
        scheduler.start();
        return new Jobs(scheduler);
    }

    private static void run(Job job) {
        try {
            job.work().run();
        } catch (RuntimeException e) {
            // The scheduler would try it again at once; the database may be away for longer.
            LOG.warn("the job {} failed: {}", job.name(), e.toString());
        }
    }

    @Override
    public void close() {
        scheduler.stop();
    }
}
