package dev.rebootless.host;

import dev.rebootless.host.files.HostFiles;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/** Follows a livepatch's transition until it ends or takes too long. */
final class Transition {
    /** Often enough for a person, and a read of one small file. */
    private static final Duration POLL = Duration.ofMillis(50);

    /**
     * When all tasks have arrived, the kernel takes the functions of what goes out of ftrace one by
     * one before the transition ends: those of the livepatch itself, or of the one that it replaces
     * (klp_complete_transition() in kernel/livepatch/transition.c); 0.15 s for each of 465 in an
     * emulated guest.
     */
    private static final Duration UNPATCHING = Duration.ofMinutes(5);

    /** All tasks are looked at this often: a large host has tens of thousands. */
    private static final Duration BETWEEN_LOOKS = Duration.ofSeconds(1);

    private final HostFiles files;
    private final Ticker ticker;
    private final Consumer<HostEvent> events;

    Transition(HostFiles files, Ticker ticker, Consumer<HostEvent> events) {
        this.files = files;
        this.ticker = ticker;
        this.events = events;
    }

    /** How it ended. */
    sealed interface Outcome {
        /** All tasks have arrived; a livepatch that goes is then no longer listed. */
        record Arrived(double seconds) implements Outcome {}

        /** Somebody else has turned the transition round, or taken the livepatch out. */
        record Gone() implements Outcome {}

        /** It takes longer than it may. */
        record Stalled(int left, List<LaggingTask> told) implements Outcome {
            public Stalled {
                told = List.copyOf(told);
            }
        }
    }

    /**
     * Waits for the end.
     *
     * @param patched where the tasks go: to the livepatch, or away from it
     * @param functions that it replaces
     */
    Outcome follow(String livepatch, boolean patched, Set<String> functions, Duration timeout)
            throws IOException {
        Livepatches livepatches = new Livepatches(files);
        LaggingTasks tasks = new LaggingTasks(files);
        long start = ticker.nanos();
        long looked = start;
        Duration limit = timeout;
        while (true) {
            Optional<LoadedLivepatch> now = livepatches.one(livepatch);
            double seconds = (ticker.nanos() - start) / 1e9;
            // Away from it: the kernel drops it from the list once all tasks have left.
            if (now.isEmpty()) {
                return patched ? new Outcome.Gone() : new Outcome.Arrived(seconds);
            }
            if (!now.get().inTransition()) {
                // Where somebody else has turned it round meanwhile, it has arrived elsewhere.
                return now.get().enabled() == patched
                        ? new Outcome.Arrived(seconds)
                        : new Outcome.Gone();
            }
            if (ticker.nanos() - start >= limit.toNanos()) {
                LaggingTasks.Found found = tasks.find(patched, functions);
                if (found.count() > 0 || limit.compareTo(timeout) > 0) {
                    return new Outcome.Stalled(found.count(), found.told());
                }
                limit = timeout.plus(UNPATCHING);
            }
            if (ticker.nanos() - looked >= BETWEEN_LOOKS.toNanos()) {
                LaggingTasks.Found found = tasks.find(patched, functions);
                events.accept(
                        new HostEvent.Moving(livepatch, seconds, found.count(), found.told()));
                looked = ticker.nanos();
            }
            ticker.sleep(POLL);
        }
    }
}
