package dev.rebootless.host;

import dev.rebootless.base.FileFaults;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.host.files.HostFiles;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/** Takes a livepatch out of force and its module out of the kernel, whoever made it. */
final class Removal {
    /**
     * A work item of the kernel's drops the last reference to a livepatch that is out of force
     * (klp_free_patch_work_fn() in kernel/livepatch/core.c).
     */
    private static final Duration LAST_REFERENCE = Duration.ofSeconds(20);

    private static final Duration BETWEEN_TRIES = Duration.ofMillis(50);

    /** Looking at all stacks takes some milliseconds. */
    private static final Duration BETWEEN_LOOKS = Duration.ofMillis(200);

    private static final int TASKS_NAMED = 8;

    private final Machine machine;
    private final HostFiles files;
    private final Ticker ticker;
    private final Consumer<HostEvent> events;

    Removal(Machine machine, Consumer<HostEvent> events) {
        this.machine = machine;
        this.files = machine.files();
        this.ticker = machine.ticker();
        this.events = events;
    }

    /**
     * Takes out a livepatch that the kernel lists.
     *
     * @throws RebootlessException as {@link #takeOut(String, Set, Duration, Optional)}
     */
    void takeOut(LoadedLivepatch livepatch, Duration timeout) throws IOException {
        takeOut(livepatch.name(), livepatch.functionNames(), timeout, Optional.empty());
    }

    /**
     * Out of force, out of the list, out of the kernel.
     *
     * @param functions that it replaces
     * @param after why a load is taken back, where that is so
     * @throws RebootlessException exit status 5 without the right; 7 {@code
     *     RBL-HOST-CANCEL-STALLED} when tasks do not leave it, {@code RBL-HOST-DISABLE}, {@code
     *     RBL-HOST-REMOVE} when the kernel keeps the module
     */
    void takeOut(String name, Set<String> functions, Duration timeout, Optional<String> after)
            throws IOException {
        Optional<LoadedLivepatch> now = new Livepatches(files).one(name);
        // A livepatch that is on its way out must not be written to: that would turn it round
        // again.
        if (now.filter(LoadedLivepatch::enabled).isPresent()) {
            disable(name, timeout);
        }
        switch (new Transition(files, ticker, events).follow(name, false, functions, timeout)) {
            case Transition.Outcome.Arrived(double seconds) ->
                    events.accept(new HostEvent.OutOfForce(name, seconds));
            case Transition.Outcome.Gone _ -> {}
            case Transition.Outcome.Stalled(int left, List<LaggingTask> told) ->
                    throw Errno.kernelSaidNo(
                            "RBL-HOST-CANCEL-STALLED",
                            name,
                            after.map(why -> why + "; it was cancelled, and ").orElse("")
                                    + "tasks do not leave it within "
                                    + timeout.toSeconds()
                                    + " s: "
                                    + LaggingTask.text(left, told),
                            "the kernel goes on and finishes when they move; then "
                                    + machine.later()
                                            .arrange(name)
                                            .orElse(
                                                    "`rebootless unload "
                                                            + name
                                                            + "` removes the module"));
        }
        remove(name);
    }

    /** Another livepatch's transition may be running, and the kernel makes one at a time. */
    private void disable(String name, Duration timeout) throws IOException {
        long start = ticker.nanos();
        while (!tryDisable(name, ticker.nanos() - start >= timeout.toNanos())) {
            ticker.sleep(BETWEEN_TRIES);
        }
    }

    private boolean tryDisable(String name, boolean last) throws IOException {
        try {
            files.write(Livepatches.folder(name) + "/enabled", "0");
            return true;
        } catch (AccessDeniedException e) {
            throw RebootlessException.environment(
                    "RBL-HOST-NOT-ROOT",
                    name,
                    "this user may not disable livepatches",
                    "run it as root");
        } catch (NoSuchFileException e) {
            // It has gone by itself.
            return true;
        } catch (IOException e) {
            if (new Livepatches(files).one(name).filter(LoadedLivepatch::enabled).isEmpty()) {
                return true;
            }
            if (last) {
                throw Errno.kernelSaidNo(
                        "RBL-HOST-DISABLE",
                        name,
                        "the kernel does not disable it: " + FileFaults.reason(e),
                        "see whether another transition is running (`rebootless status`)");
            }
            return false;
        }
    }

    /**
     * Removes the module of a livepatch that is out of force.
     *
     * @throws RebootlessException exit status 5 without the right; 7 {@code RBL-HOST-REMOVE},
     *     {@code RBL-HOST-IN-USE}
     */
    void remove(String name) {
        requireNobodyWithin(name);
        long start = ticker.nanos();
        while (true) {
            int errno = machine.calls().remove(name);
            switch (errno) {
                // Gone already, as a replaced livepatch's module may be.
                case KernelCalls.DONE, Errno.ENOENT -> {
                    events.accept(new HostEvent.Removed(name));
                    return;
                }
                case Errno.EAGAIN, Errno.EBUSY -> {
                    if (ticker.nanos() - start > LAST_REFERENCE.toNanos()) {
                        throw cannotRemove(name, errno);
                    }
                    ticker.sleep(BETWEEN_TRIES);
                }
                default -> throw cannotRemove(name, errno);
            }
        }
    }

    /**
     * The kernel holds a task back that is in a function which replaces another
     * (kernel/livepatch/transition.c, klp_check_stack_func). It knows nothing of the code that such
     * a function jumps to at its end and that has no such name: new functions, and the parts of a
     * function that are rarely executed. A task that sleeps there would wake up in memory that is
     * free. After the transition nobody comes in any more, so those who are there need only leave.
     */
    private void requireNobodyWithin(String name) {
        long start = ticker.nanos();
        LaggingTasks tasks = new LaggingTasks(files);
        List<Integer> within = tasks.within(name);
        while (!within.isEmpty()) {
            if (ticker.nanos() - start > LAST_REFERENCE.toNanos()) {
                throw Errno.kernelSaidNo(
                        "RBL-HOST-IN-USE",
                        name,
                        "is out of force, but tasks are still in its code: "
                                + within.stream()
                                        .limit(TASKS_NAMED)
                                        .map(String::valueOf)
                                        .collect(Collectors.joining(", "))
                                + (within.size() > TASKS_NAMED ? ", …" : ""),
                        "do not remove it by hand; `rebootless unload "
                                + name
                                + "` removes the module once they have left");
            }
            ticker.sleep(BETWEEN_LOOKS);
            within = tasks.within(name);
        }
    }

    private static RebootlessException cannotRemove(String name, int errno) {
        return errno == Errno.EPERM
                ? RebootlessException.environment(
                        "RBL-HOST-NOT-ROOT",
                        name,
                        "this user may not remove modules",
                        "run it as root")
                : Errno.kernelSaidNo(
                        "RBL-HOST-REMOVE",
                        name,
                        "is out of force, but the kernel keeps its module ("
                                + Errno.name(errno)
                                + ")",
                        "see who uses it: /sys/module/" + name + "/refcnt and holders");
    }
}
