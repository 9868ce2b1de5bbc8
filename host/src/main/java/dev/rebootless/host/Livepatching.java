package dev.rebootless.host;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/** Puts livepatches into the running kernel and takes them out, one call at a time. */
public final class Livepatching {
    private static final String LOCK = "/run/rebootless.lock";

    /**
     * A work item of the kernel's drops the last reference to a livepatch that is out of force
     * (klp_free_patch_work_fn() in kernel/livepatch/core.c).
     */
    private static final Duration LAST_REFERENCE = Duration.ofSeconds(20);

    private static final Duration BETWEEN_TRIES = Duration.ofMillis(50);

    private static final int MAX_LOG_LINES = 20;

    private final HostFiles files;
    private final KernelCalls calls;
    private final Ticker ticker;
    private final LaterRemoval later;
    private final Consumer<HostEvent> events;

    Livepatching(
            HostFiles files,
            KernelCalls calls,
            Ticker ticker,
            LaterRemoval later,
            Consumer<HostEvent> events) {
        this.files = files;
        this.calls = calls;
        this.ticker = ticker;
        this.later = later;
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
    public void load(LoadRequest request) {
        ModuleToLoad module = ModuleToLoad.read(request.module());
        locked(() -> {
            HostState state = HostState.read(files);
            List<Finding> findings = new Preflight(files, module, request, state).findings();
            events.accept(new HostEvent.Preflight(findings));
            requireNoRefusal(findings);
            insert(module);
            follow(module, request.timeout());
            removeReplaced(state);
        });
    }

    /**
     * The kernel drops a livepatch that was replaced, and leaves its module, which does nothing.
     */
    private void removeReplaced(HostState before) throws IOException {
        Livepatches livepatches = new Livepatches(files);
        for (LoadedLivepatch earlier : before.livepatches()) {
            if (livepatches.one(earlier.name()).isEmpty()) {
                remove(earlier.name());
            }
        }
    }

    private static void requireNoRefusal(List<Finding> findings) {
        List<Problem> problems = new ArrayList<>();
        ExitStatus status = ExitStatus.DONE;
        for (Finding finding : findings) {
            Optional<Finding.Refusal> refusal = finding.refused();
            if (refusal.isPresent()) {
                problems.add(refusal.get().problem());
                status = status.orWorse(refusal.get().status());
            }
        }
        if (!problems.isEmpty()) {
            throw new RebootlessException(status, problems);
        }
    }

    private void insert(ModuleToLoad module) {
        String before = calls.log();
        int errno = calls.insert(module.path().toAbsolutePath());
        if (errno != KernelCalls.DONE) {
            List<String> said = newLines(before, calls.log());
            throw kernelSaidNo(
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

    /** What came to the log since; at most the last {@link #MAX_LOG_LINES} lines. */
    private static List<String> newLines(String before, String after) {
        List<String> lines = before.lines().toList();
        List<String> now = after.lines().toList();
        int from = lines.isEmpty() ? 0 : now.lastIndexOf(lines.getLast()) + 1;
        List<String> fresh = now.subList(from, now.size());
        return fresh.subList(Math.max(0, fresh.size() - MAX_LOG_LINES), fresh.size());
    }

    private void follow(ModuleToLoad module, Duration timeout) throws IOException {
        String name = module.name();
        Set<String> functions = module.functionNames();
        Transition transition = new Transition(files, ticker, events);
        switch (transition.follow(name, true, functions, timeout)) {
            case Transition.Outcome.Arrived(double seconds) ->
                    events.accept(new HostEvent.InForce(name, seconds));
            case Transition.Outcome.Gone _ ->
                    throw kernelSaidNo(
                            "RBL-HOST-GONE",
                            name,
                            "somebody else has taken it out while its transition was running",
                            "see who does so, and load it again");
            case Transition.Outcome.Stalled(int left, List<LaggingTask> told) -> {
                String why =
                        "the transition did not end within "
                                + timeout.toSeconds()
                                + " s: "
                                + tasks(left, told);
                events.accept(new HostEvent.Cancelling(name, why));
                takeOut(name, functions, timeout, Optional.of(why));
                throw kernelSaidNo(
                        "RBL-HOST-STALLED",
                        name,
                        why + "; it was cancelled, and all is as before",
                        "load it when these tasks are at rest, or end them");
            }
        }
    }

    private static String tasks(int left, List<LaggingTask> told) {
        List<String> words = told.stream().map(LaggingTask::text).toList();
        return left
                + (left == 1 ? " task is" : " tasks are")
                + " left"
                + (words.isEmpty() ? "" : ": " + String.join(", ", words))
                + (left > words.size() && !words.isEmpty() ? ", …" : "");
    }

    /**
     * Takes a livepatch out of force and out of the kernel, whoever made it.
     *
     * @throws RebootlessException exit status 2 {@code RBL-HOST-NOT-LOADED}; 5 without the right; 7
     *     {@code RBL-HOST-CANCEL-STALLED} when tasks do not leave it, {@code RBL-HOST-REMOVE} when
     *     the kernel keeps the module
     */
    public void unload(String name, Duration timeout) {
        locked(() -> {
            Optional<LoadedLivepatch> livepatch =
                    new Livepatches(files)
                            .all().stream().filter(l -> l.name().equals(name)).findFirst();
            if (livepatch.isPresent()) {
                takeOut(name, functions(livepatch.get()), timeout, Optional.empty());
            } else {
                requireLivepatchModule(name);
                remove(name);
            }
        });
    }

    /**
     * Turns round the transition that is running, if one is, and takes its livepatch out.
     *
     * @return the livepatch that was cancelled; empty when no transition is running
     * @throws RebootlessException as {@link #unload}
     */
    public Optional<String> cancel(Duration timeout) {
        List<String> cancelled = new ArrayList<>();
        locked(() -> {
            for (LoadedLivepatch livepatch : new Livepatches(files).all()) {
                if (livepatch.inTransition()) {
                    events.accept(
                            new HostEvent.Cancelling(livepatch.name(), "as it was asked for"));
                    takeOut(livepatch.name(), functions(livepatch), timeout, Optional.empty());
                    cancelled.add(livepatch.name());
                    return;
                }
            }
        });
        return cancelled.stream().findFirst();
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

    private static Set<String> functions(LoadedLivepatch livepatch) {
        Set<String> names = new HashSet<>();
        for (LoadedLivepatch.LoadedObject object : livepatch.objects()) {
            object.functions().forEach(f -> names.add(f.name()));
        }
        return names;
    }

    /**
     * Out of force, out of the list, out of the kernel.
     *
     * @param after why a load is taken back, where that is so
     */
    private void takeOut(
            String name, Set<String> functions, Duration timeout, Optional<String> after)
            throws IOException {
        Optional<LoadedLivepatch> now = new Livepatches(files).one(name);
        // A livepatch that is on its way out must not be written to: that would turn it round
        // again.
        if (now.filter(LoadedLivepatch::enabled).isPresent()) {
            disable(name);
        }
        switch (new Transition(files, ticker, events).follow(name, false, functions, timeout)) {
            case Transition.Outcome.Arrived(double seconds) ->
                    events.accept(new HostEvent.OutOfForce(name, seconds));
            case Transition.Outcome.Gone _ -> {}
            case Transition.Outcome.Stalled(int left, List<LaggingTask> told) ->
                    throw kernelSaidNo(
                            "RBL-HOST-CANCEL-STALLED",
                            name,
                            after.map(why -> why + "; it was cancelled, and ").orElse("")
                                    + "tasks do not leave it within "
                                    + timeout.toSeconds()
                                    + " s: "
                                    + tasks(left, told),
                            "the kernel goes on and finishes when they move; then "
                                    + later.arrange(name)
                                            .orElse(
                                                    "`rebootless unload "
                                                            + name
                                                            + "` removes the module"));
        }
        remove(name);
    }

    private void disable(String name) throws IOException {
        try {
            files.write(Livepatches.folder(name) + "/enabled", "0");
        } catch (java.nio.file.AccessDeniedException e) {
            throw RebootlessException.environment(
                    "RBL-HOST-NOT-ROOT",
                    name,
                    "this user may not disable livepatches",
                    "run it as root");
        } catch (java.nio.file.NoSuchFileException e) {
            // It has gone by itself.
        } catch (IOException e) {
            if (new Livepatches(files).one(name).filter(LoadedLivepatch::enabled).isPresent()) {
                throw kernelSaidNo(
                        "RBL-HOST-DISABLE",
                        name,
                        "the kernel does not disable it: " + HostFiles.reason(e),
                        "see whether another transition is running (`rebootless status`)");
            }
        }
    }

    private void remove(String name) {
        long start = ticker.nanos();
        while (true) {
            int errno = calls.remove(name);
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

    private static RebootlessException cannotRemove(String name, int errno) {
        return errno == Errno.EPERM
                ? RebootlessException.environment(
                        "RBL-HOST-NOT-ROOT",
                        name,
                        "this user may not remove modules",
                        "run it as root")
                : kernelSaidNo(
                        "RBL-HOST-REMOVE",
                        name,
                        "is out of force, but the kernel keeps its module ("
                                + Errno.name(errno)
                                + ")",
                        "see who uses it: /sys/module/" + name + "/refcnt and holders");
    }

    private static RebootlessException kernelSaidNo(
            String code, String place, String message, String remedy) {
        return new RebootlessException(
                ExitStatus.KERNEL_SAID_NO, new Problem(code, place, message, remedy));
    }

    /** Work that reads and writes the kernel's files. */
    @FunctionalInterface
    private interface Work {
        void run() throws IOException;
    }

    /**
     * One call at a time changes livepatches here; the kernel lets go of the lock with the process.
     */
    private void locked(Work work) {
        try {
            Files.createDirectories(files.path("/run"));
            try (FileChannel channel =
                            FileChannel.open(
                                    files.path(LOCK),
                                    StandardOpenOption.CREATE,
                                    StandardOpenOption.WRITE);
                    FileLock lock = channel.tryLock()) {
                if (lock == null) {
                    throw busy();
                }
                work.run();
            } catch (OverlappingFileLockException e) {
                throw busy();
            }
        } catch (java.nio.file.AccessDeniedException e) {
            throw RebootlessException.environment(
                    "RBL-HOST-NOT-ROOT",
                    String.valueOf(e.getFile()),
                    "this user may not change livepatches",
                    "run it as root");
        } catch (IOException e) {
            throw RebootlessException.environment(
                    "RBL-HOST-UNREADABLE",
                    "",
                    "cannot be read or written: " + e.getMessage(),
                    "see that /run, /proc and /sys are there and that this is the host itself");
        }
    }

    private static RebootlessException busy() {
        return RebootlessException.refused(
                "RBL-HOST-BUSY",
                LOCK,
                "another call is changing livepatches",
                "wait for its end and try again");
    }
}
