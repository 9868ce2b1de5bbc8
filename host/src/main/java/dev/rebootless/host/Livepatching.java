package dev.rebootless.host;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.kernel.log.Complaint;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/** Puts livepatches into the running kernel and takes them out, one call at a time. */
final class Livepatching {
    private static final String LOCK = "/run/rebootless.lock";

    /**
     * A work item of the kernel's drops the last reference to a livepatch that is out of force
     * (klp_free_patch_work_fn() in kernel/livepatch/core.c).
     */
    private static final Duration LAST_REFERENCE = Duration.ofSeconds(20);

    /** Whoever may read a file may hold a lock on it. */
    private static final FileAttribute<Set<PosixFilePermission>> OWNER_ONLY =
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));

    private static final Duration BETWEEN_TRIES = Duration.ofMillis(50);

    private static final Duration BETWEEN_LOOKS_AT_THE_LOG = Duration.ofMillis(250);

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
    void load(LoadRequest request) {
        load(request, _ -> {});
    }

    /** Something that is done when nothing speaks against a module, right before it is loaded. */
    @FunctionalInterface
    interface BeforeInsertion {
        void run(ModuleToLoad module) throws IOException;
    }

    /** The same with something that comes first. */
    void load(LoadRequest request, BeforeInsertion first) {
        ModuleToLoad module = ModuleToLoad.read(request.module());
        locked(() -> {
            HostState state = HostState.read(files);
            List<Finding> findings = new Preflight(files, module, request, state).findings();
            events.accept(new HostEvent.Preflight(findings));
            requireNoRefusal(findings);
            first.run(module);
            Optional<String> before = calls.log();
            insert(module, before.orElse(""));
            follow(module, request.timeout());
            removeReplaced(state);
            watch(module, request, before);
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
                try {
                    remove(earlier.name());
                } catch (RebootlessException e) {
                    // The new one is in force all the same, and has to be watched.
                    events.accept(
                            new HostEvent.Kept(earlier.name(), e.problems().getFirst().message()));
                }
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

    private void insert(ModuleToLoad module, String before) {
        int errno = calls.insert(module.content());
        if (errno != KernelCalls.DONE) {
            List<String> said =
                    LogWatch.fresh(
                            before.lines().reduce((one, other) -> other), calls.log().orElse(""));
            said = said.subList(Math.max(0, said.size() - MAX_LOG_LINES), said.size());
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

    /**
     * Follows the log for a time. What kills a task in the livepatch's code takes the livepatch out
     * again. A WARN does so only when that was asked for: otherwise whoever can trigger one that
     * has always been there could make the host unpatch itself.
     */
    private void watch(ModuleToLoad module, LoadRequest request, Optional<String> before)
            throws IOException {
        if (request.watch().isZero()) {
            return;
        }
        if (before.isEmpty()) {
            events.accept(new HostEvent.Blind(module.name()));
            return;
        }
        LogWatch log = new LogWatch(module.name(), before.get());
        events.accept(new HostEvent.Watching(module.name(), request.watch().toMillis() / 1e3));
        long start = ticker.nanos();
        boolean ends = false;
        while (!ends) {
            ends = ticker.nanos() - start >= request.watch().toNanos();
            List<LogWatch.Seen> seen = new ArrayList<>(log.look(calls.log().orElse("")));
            if (ends) {
                seen.addAll(log.rest());
            }
            for (LogWatch.Seen each : seen) {
                Complaint complaint = each.complaint();
                events.accept(
                        new HostEvent.Complained(
                                module.name(), complaint.kind(), each.ours(), complaint.lines()));
                if (each.ours() && (complaint.fatal() || request.reverseOnWarn())) {
                    reverse(module, request.timeout(), complaint);
                }
            }
            if (!ends) {
                ticker.sleep(BETWEEN_LOOKS_AT_THE_LOG);
            }
        }
    }

    private void reverse(ModuleToLoad module, Duration timeout, Complaint complaint)
            throws IOException {
        String evidence = new Evidence(files).keep(module, complaint);
        String why = "the kernel had an " + complaint.kind() + " in its code";
        events.accept(new HostEvent.Cancelling(module.name(), why));
        List<Problem> problems = new ArrayList<>();
        String now = "it was taken out again";
        List<Problem> remaining = List.of();
        try {
            takeOut(module.name(), module.functionNames(), timeout, Optional.of(why));
        } catch (RebootlessException e) {
            now = "IT IS STILL IN FORCE, or on its way out";
            remaining = e.problems();
        }
        problems.add(
                new Problem(
                        "RBL-HOST-OOPS",
                        module.name(),
                        why
                                + ": "
                                + complaint.lines().getFirst()
                                + "; "
                                + now
                                + ", and what the kernel said is in "
                                + evidence,
                        "do not load it again; report it with that file"));
        problems.addAll(remaining);
        throw new RebootlessException(ExitStatus.KERNEL_SAID_NO, problems);
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
                if (hasArrived(name)) {
                    // While the tasks were looked at. Writing now would begin to take it out.
                    events.accept(new HostEvent.InForce(name, timeout.toMillis() / 1e3));
                    return;
                }
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

    private boolean hasArrived(String name) throws IOException {
        return new Livepatches(files)
                .one(name)
                .filter(l -> l.enabled() && !l.inTransition())
                .isPresent();
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
    void unload(String name, Duration timeout) {
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
    Optional<String> cancel(Duration timeout) {
        List<String> cancelled = new ArrayList<>();
        locked(() -> {
            for (LoadedLivepatch livepatch : new Livepatches(files).all()) {
                if (livepatch.inTransition() && !hasArrived(livepatch.name())) {
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
     * Removes what a cancellation that stalled has left, if it is still on its way out.
     *
     * @return whether there was such a thing
     */
    boolean removeLeftOver(String name, Duration timeout) {
        List<Boolean> removed = new ArrayList<>();
        try {
            locked(() -> {
                Optional<LoadedLivepatch> now = new Livepatches(files).one(name);
                if (now.isPresent() && now.get().enabled()) {
                    return;
                }
                if (now.isPresent()) {
                    takeOut(name, functions(now.get()), timeout, Optional.empty());
                } else {
                    requireLivepatchModule(name);
                    remove(name);
                }
                removed.add(true);
            });
        } catch (RebootlessException e) {
            if (e.problems().getFirst().code().equals("RBL-HOST-BUSY")) {
                later.arrange(name).ifPresent(_ -> {});
            }
            throw e;
        }
        return !removed.isEmpty();
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
            disable(name, timeout);
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
        } catch (java.nio.file.AccessDeniedException e) {
            throw RebootlessException.environment(
                    "RBL-HOST-NOT-ROOT",
                    name,
                    "this user may not disable livepatches",
                    "run it as root");
        } catch (java.nio.file.NoSuchFileException e) {
            // It has gone by itself.
            return true;
        } catch (IOException e) {
            if (new Livepatches(files).one(name).filter(LoadedLivepatch::enabled).isEmpty()) {
                return true;
            }
            if (last) {
                throw kernelSaidNo(
                        "RBL-HOST-DISABLE",
                        name,
                        "the kernel does not disable it: " + HostFiles.reason(e),
                        "see whether another transition is running (`rebootless status`)");
            }
            return false;
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
    interface Work {
        void run() throws IOException;
    }

    /**
     * One call at a time changes livepatches here; the kernel lets go of the lock with the process.
     */
    void locked(Work work) {
        try {
            Files.createDirectories(files.path("/run"));
            try (FileChannel channel =
                            FileChannel.open(
                                    files.path(LOCK),
                                    Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE),
                                    OWNER_ONLY);
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
