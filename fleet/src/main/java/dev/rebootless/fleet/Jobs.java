package dev.rebootless.fleet;

import com.github.kagkarlsson.scheduler.Scheduler;
import com.github.kagkarlsson.scheduler.task.helper.RecurringTask;
import com.github.kagkarlsson.scheduler.task.helper.Tasks;
import com.github.kagkarlsson.scheduler.task.schedule.FixedDelay;
import dev.rebootless.fleet.account.Accounts;
import dev.rebootless.fleet.store.Database;
import dev.rebootless.fleet.store.HostStore;
import dev.rebootless.fleet.store.SystemClasses;
import java.time.Clock;
import java.time.Duration;

/**
 * What is done from time to time, by whichever process comes to it first: db-scheduler keeps the
 * turns in the database.
 */
final class Jobs implements AutoCloseable {
    private static final Duration LOOK_FOR_SILENT = Duration.ofMinutes(1);
    private static final Duration CLEAN = Duration.ofMinutes(10);
    private static final Duration POLL = Duration.ofSeconds(10);

    private final Scheduler scheduler;

    Jobs(
            Database database,
            HostStore hosts,
            SystemClasses classes,
            Accounts accounts,
            Duration silentAfter,
            Clock clock) {
        RecurringTask<Void> silent =
                Tasks.recurring("mark-silent-hosts", FixedDelay.of(LOOK_FOR_SILENT))
                        .execute((_, _) -> markSilent(hosts, silentAfter, clock));
        RecurringTask<Void> clean =
                Tasks.recurring("remove-what-is-old", FixedDelay.of(CLEAN))
                        .execute((_, _) -> {
                            hosts.removeOld(clock.instant());
                            accounts.removeOld();
                            classes.removeUnused();
                        });
        this.scheduler =
                Scheduler.create(database.dataSource())
                        .startTasks(silent, clean)
                        .threads(2)
                        .pollingInterval(POLL)
                        .build();
        scheduler.start();
    }

    /** Marks all of them, some at a time. */
    static void markSilent(HostStore hosts, Duration silentAfter, Clock clock) {
        while (hosts.markSilent(clock.instant().minus(silentAfter)) > 0) {
            if (Thread.currentThread().isInterrupted()) {
                return;
            }
        }
    }

    @Override
    public void close() {
        scheduler.stop();
    }
}
