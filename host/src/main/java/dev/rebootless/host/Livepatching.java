package dev.rebootless.host;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.host.files.HostFiles;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/** Puts livepatches into the running kernel and takes them out, one call at a time. */
final class Livepatching {
    private static final int MAX_LOG_LINES = 20;

    private final Machine machine;
    private final HostFiles files;
    private final HostLock lock;
    private final Removal removal;
    private final Consumer<HostEvent> events;

    Livepatching(Machine machine, Consumer<HostEvent> events) {
        this.machine = machine;
        this.files = machine.files();
        this.lock = new HostLock(files);
        this.removal = new Removal(machine, events);
        this.events = events;
    }

    /**
     * Loads a livepatch and follows it until all tasks run the new code. If that takes too long it
     * is cancelled and taken out again.
     *
     * @throws RebootlessException exit status 2 when the file is no livepatch; 4 or 5 with every
     *     finding that speaks against it, before anything is touched; 7 {@code RBL-HOST-INSERT}
     *     when the kernel does not take it, {@code RBL-HOST-STALLED} when it was cancelled, {@code
     *     RBL-HOST-CANCEL-STALLED} when even that does not end
     */
    void load(LoadRequest request) {
        load(request, _ -> {});
    }

    /**
     * The same.
     *
     * @param first what comes when nothing speaks against a module, right before it is loaded
     */
    void load(LoadRequest request, Consumer<ModuleToLoad> first) {
        ModuleToLoad module = ModuleToLoad.read(request.module());
        lock.during(() -> {
            HostState state = HostState.read(files);
            List<Finding> findings = new Preflight(files, module, request, state).findings();
            events.accept(new HostEvent.Preflight(findings));
            Finding.requireNoRefusal(findings);
            removeLeftOver();
            first.accept(module);
            Optional<String> before = machine.calls().log();
            insert(module, before.orElse(""));
            follow(module, request.timeout());
            removeReplaced(state);
            new Watch(machine, removal, events).watch(module, request, before);
        });
    }

    /**
     * The kernel drops a livepatch that was replaced, and leaves its module, which does nothing.
     */
    private void removeReplaced(HostState before) throws IOException {
        Livepatches livepatches = new Livepatches(files);
        for (LoadedLivepatch earlier : before.livepatches()) {
            Optional<LoadedLivepatch> now = livepatches.one(earlier.name());
            if (now.filter(LoadedLivepatch::enabled).isEmpty()) {
                tryToRemove(earlier.name());
            }
        }
    }

    /** What calls that were killed have left. */
    private void removeLeftOver() {
        new Livepatches(files).leftOver().forEach(this::tryToRemove);
    }

    /** What does nothing any more and cannot be removed is no reason for the rest to fail. */
    private void tryToRemove(String name) {
        try {
            removal.remove(name);
        } catch (RebootlessException e) {
            if (e.status() == ExitStatus.INTERRUPTED) {
                throw e;
            }
            events.accept(new HostEvent.Kept(name, e.problems().getFirst().message()));
        }
    }

    private void insert(ModuleToLoad module, String before) {
        // The last moment at which nothing has happened yet; what was read before does not notice.
        if (Thread.currentThread().isInterrupted()) {
            throw RebootlessException.interrupted(module.name(), new InterruptedException());
        }
        int errno = machine.calls().insert(module.content());
        if (errno != KernelCalls.DONE) {
            List<String> said =
                    LogWatch.fresh(
                            before.lines().reduce((one, other) -> other),
                            machine.calls().log().orElse(""));
            said = said.subList(Math.max(0, said.size() - MAX_LOG_LINES), said.size());
            throw Errno.kernelSaidNo(
                    "RBL-HOST-INSERT",
                    module.name(),
                    "the kernel does not take it ("
                            + Errno.name(errno)
                            + "): "
                            + Errno.ofInsertion(errno)
                            + said.stream().map(l -> "\n  kernel: " + l).reduce("", String::concat),
                    "nothing has changed; see what the kernel says");
        }
        events.accept(new HostEvent.Inserted(module.name()));
    }

    private void follow(ModuleToLoad module, Duration timeout) throws IOException {
        String name = module.name();
        Set<String> functions = module.functionNames();
        Transition transition = new Transition(files, machine.ticker(), events);
        switch (transition.follow(name, true, functions, timeout)) {
            case Transition.Outcome.Arrived(double seconds) ->
                    events.accept(new HostEvent.InForce(name, seconds));
            case Transition.Outcome.Gone _ ->
                    throw Errno.kernelSaidNo(
                            "RBL-HOST-GONE",
                            name,
                            "somebody else has taken it out while its transition was running",
                            "see who does so, and load it again");
            case Transition.Outcome.Stalled(int left, List<LaggingTask> told) -> {
                String why =
                        "the transition did not end within "
                                + timeout.toSeconds()
                                + " s: "
                                + LaggingTask.text(left, told);
                if (hasArrived(name)) {
                    // While the tasks were looked at. Writing now would begin to take it out.
                    events.accept(new HostEvent.InForce(name, timeout.toMillis() / 1e3));
                    return;
                }
                events.accept(new HostEvent.Cancelling(name, why));
                removal.takeOut(name, functions, timeout, Optional.of(why));
                throw Errno.kernelSaidNo(
                        "RBL-HOST-STALLED",
                        name,
                        why + "; it was cancelled, and all is as before",
                        "load it when these tasks are at rest, or end them");
            }
        }
    }

    private boolean hasArrived(String name) throws IOException {
        return new Livepatches(files)
                .one(name)
                .filter(l -> l.enabled() && !l.inTransition())
                .isPresent();
    }

    /**
     * Takes a livepatch out of force and out of the kernel, whoever made it.
     *
     * @throws RebootlessException exit status 2 {@code RBL-HOST-NOT-LOADED}; else as {@link
     *     Removal#takeOut(LoadedLivepatch, Duration)}
     */
    void unload(String name, Duration timeout) {
        lock.during(() -> {
            Optional<LoadedLivepatch> livepatch =
                    new Livepatches(files)
                            .all().stream().filter(l -> l.name().equals(name)).findFirst();
            takeOutOrRemove(name, livepatch, timeout);
            removeLeftOver();
        });
    }

    private void takeOutOrRemove(String name, Optional<LoadedLivepatch> livepatch, Duration timeout)
            throws IOException {
        if (livepatch.isPresent()) {
            removal.takeOut(livepatch.get(), timeout);
        } else {
            requireLivepatchModule(name);
            removal.remove(name);
        }
    }

    /**
     * Turns round the transition that is running, if one is, and takes its livepatch out.
     *
     * @return the livepatch that was cancelled; empty when no transition is running
     * @throws RebootlessException as {@link #unload}
     */
    Optional<String> cancel(Duration timeout) {
        return lock.holding(() -> {
            for (LoadedLivepatch livepatch : new Livepatches(files).all()) {
                if (livepatch.inTransition() && !hasArrived(livepatch.name())) {
                    events.accept(
                            new HostEvent.Cancelling(livepatch.name(), "as it was asked for"));
                    removal.takeOut(livepatch, timeout);
                    return Optional.of(livepatch.name());
                }
            }
            return Optional.empty();
        });
    }

    /**
     * Removes what a cancellation that stalled has left, if it is still on its way out.
     *
     * @return whether there was such a thing
     */
    boolean removeLeftOver(String name, Duration timeout) {
        try {
            return lock.holding(() -> {
                Optional<LoadedLivepatch> now = new Livepatches(files).one(name);
                if (now.isEmpty() && files.isAbsent("/sys/module/" + name)) {
                    // Another call was faster.
                    return true;
                }
                // One of the name that was loaded again meanwhile stays.
                boolean isLeftOver = now.filter(LoadedLivepatch::enabled).isEmpty();
                if (isLeftOver) {
                    takeOutOrRemove(name, now, timeout);
                }
                return isLeftOver;
            });
        } catch (HostLock.BusyException e) {
            Optional<String> _ = machine.later().arrange(name);
            throw e;
        }
    }

    /**
     * A livepatch that is out of force is no longer listed, and its module may still be there, such
     * as when its cancellation took long. Its taint says what it was (TAINT_LIVEPATCH, "K").
     */
    private void requireLivepatchModule(String name) {
        boolean was =
                !name.isEmpty()
                        && !name.contains("/")
                        && files.read("/sys/module/" + name + "/taint")
                                .known()
                                .filter(taint -> taint.contains("K"))
                                .isPresent();
        if (!was) {
            throw RebootlessException.usage(
                    "RBL-HOST-NOT-LOADED",
                    name,
                    "the kernel has no livepatch of this name",
                    "see `rebootless list`");
        }
    }
}
