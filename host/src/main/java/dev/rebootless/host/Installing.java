package dev.rebootless.host;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Hashes;
import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.host.Store.Installed;
import dev.rebootless.host.files.HostFiles;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/** Keeps livepatches for the next boots, and loads them there. */
final class Installing {
    /** On the kernel's command line: nothing is loaded at boot. */
    private static final String OFF = "rebootless.enable=0";

    private final HostFiles files;
    private final HostLock lock;
    private final Livepatching livepatching;
    private final BootUnits units;
    private final Consumer<HostEvent> events;

    Installing(Machine machine, Consumer<HostEvent> events) {
        this.files = machine.files();
        this.lock = new HostLock(files);
        this.livepatching = new Livepatching(machine, events);
        this.units = machine.units();
        this.events = events;
    }

    /**
     * Installs a module for the kernel that it is for, whichever runs; nothing is loaded. A module
     * that replaces others takes their place.
     *
     * @throws RebootlessException exit status 2 when the file is no livepatch; 4 {@code
     *     RBL-HOST-UNPROVEN}, {@code RBL-HOST-REGRESSION}, {@code RBL-HOST-ARCHITECTURE}, {@code
     *     RBL-HOST-VERMAGIC}; 5 {@code RBL-HOST-STORE}, {@code RBL-HOST-UNITS}
     */
    void install(Path path, boolean unproven, boolean allowRegression) {
        ModuleToLoad module = ModuleToLoad.read(path);
        lock.during(() -> {
            Store store = store(module);
            List<ModuleToLoad> earlier = require(store, module, unproven, allowRegression);
            List<String> replaced =
                    module.manifest().replace()
                            ? earlier.stream().map(ModuleToLoad::name).toList()
                            : List.of();
            // First: with the units and without the module nothing is loaded, and nobody is misled.
            units.enable();
            store.add(module.name(), Hashes.sha256(module.content()), module.content(), replaced);
            events.accept(
                    new HostEvent.Installed(
                            module.name(), module.manifest().kernel().release(), replaced));
        });
    }

    /**
     * Looks whether a module could be installed, and touches nothing.
     *
     * @throws RebootlessException as {@link #install}
     */
    void require(Path path, boolean unproven, boolean allowRegression) {
        ModuleToLoad module = ModuleToLoad.read(path);
        require(store(module), module, unproven, allowRegression);
    }

    /** What is installed before it, whose place it may take. */
    private static List<ModuleToLoad> require(
            Store store, ModuleToLoad module, boolean unproven, boolean allowRegression) {
        List<ModuleToLoad> earlier = new ArrayList<>();
        Optional<ModuleToLoad> same = Optional.empty();
        for (Installed each : store.installed()) {
            ModuleToLoad there = ModuleToLoad.read(store.file(each));
            if (each.name().equals(module.name())) {
                // It keeps its place, and what comes after it stays above it.
                same = Optional.of(there);
                break;
            }
            earlier.add(there);
        }
        new InstallCheck(module, unproven, allowRegression).require(earlier, same);
        return earlier;
    }

    private Store store(ModuleToLoad module) {
        return new Store(
                files, module.manifest().kernel().release(), module.manifest().kernel().buildId());
    }

    /**
     * Takes a module out of what is loaded at boot of the running kernel; what is loaded stays.
     *
     * @throws RebootlessException exit status 2 {@code RBL-HOST-NOT-INSTALLED}; 5 {@code
     *     RBL-HOST-STORE}
     */
    void uninstall(String name) {
        lock.during(() -> {
            Optional<Store> store = storeOfThisKernel();
            if (store.isEmpty() || !remove(store.get(), name)) {
                throw RebootlessException.usage(
                        "RBL-HOST-NOT-INSTALLED",
                        name,
                        "is not installed for the running kernel",
                        "see `rebootless status`");
            }
        });
    }

    /**
     * Takes a module out of what is loaded at boot of a kernel; none of that name is no error.
     *
     * @throws RebootlessException exit status 5 {@code RBL-HOST-STORE}
     */
    void uninstall(String release, String buildId, String name) {
        lock.during(() -> {
            boolean _ = remove(new Store(files, release, buildId), name);
        });
    }

    private boolean remove(Store store, String name) {
        if (!store.remove(name)) {
            return false;
        }
        if (Store.isEmpty(files)) {
            units.disable();
        }
        events.accept(new HostEvent.Uninstalled(name));
        return true;
    }

    private Optional<Store> storeOfThisKernel() {
        RunningKernel kernel = RunningKernel.read(files);
        return kernel.buildId().map(build -> new Store(files, kernel.release(), build));
    }

    /**
     * Loads what is installed for the running kernel. One that an earlier boot was loading when it
     * failed is left out, and stays out until it is installed again.
     *
     * @throws RebootlessException with the problems of all that could not be loaded, after the
     *     others were
     */
    void boot(Duration timeout) {
        BootAttempt attempt = new BootAttempt(files);
        // Also where nothing is loaded: what failed must not be forgotten.
        lock.during(() -> skipWhatFailed(attempt));
        String commandLine = files.read("/proc/cmdline").known().orElse("");
        if (Arrays.asList(commandLine.split("\\s+")).contains(OFF)) {
            events.accept(new HostEvent.BootOff(OFF));
            return;
        }
        RunningKernel kernel = RunningKernel.read(files);
        Optional<Store> store = storeOfThisKernel();
        if (store.isEmpty()) {
            return;
        }
        List<String> dead = new Livepatches(files).leftOver();
        List<Problem> problems = new ArrayList<>();
        ExitStatus status = ExitStatus.DONE;
        for (Installed each : store.get().installed()) {
            boolean there =
                    files.exists("/sys/module/" + each.name()) && !dead.contains(each.name());
            if (each.skipped().isEmpty() && !there) {
                try {
                    load(store.get(), each, kernel, attempt, timeout);
                } catch (RebootlessException e) {
                    problems.addAll(e.problems());
                    status = status.orWorse(e.status());
                }
            }
        }
        if (!problems.isEmpty()) {
            throw new RebootlessException(status, problems);
        }
    }

    private void load(
            Store store,
            Installed installed,
            RunningKernel kernel,
            BootAttempt attempt,
            Duration timeout) {
        LoadRequest request =
                new LoadRequest(
                        store.file(installed), timeout, Duration.ZERO, false, true, true, false);
        livepatching.load(
                request,
                module -> {
                    if (!Hashes.sha256(module.content()).equals(installed.sha256())) {
                        throw RebootlessException.environment(
                                "RBL-HOST-STORE",
                                module.path().toString(),
                                "is not what was installed: its bytes have changed",
                                "install the module again");
                    }
                    attempt.begin(kernel, module.name());
                });
    }

    /**
     * The note says for which kernel it was; what is installed for others is none of its business.
     */
    private void skipWhatFailed(BootAttempt attempt) {
        Optional<BootAttempt.Note> found = attempt.read();
        if (found.isEmpty() || found.get().bootId().equals(attempt.bootId())) {
            return;
        }
        BootAttempt.Note note = found.get();
        String why =
                "the boot "
                        + note.bootId()
                        + " failed after this livepatch was loaded in it, or while it was";
        new Store(files, note.release(), note.buildId()).skip(note.livepatch(), why);
        events.accept(new HostEvent.Skipped(note.livepatch(), why));
        attempt.end();
    }

    /**
     * The boot is complete, or ends in good order: what was loaded in it has not broken it. What an
     * earlier boot has left is not touched.
     */
    void bootComplete() {
        BootAttempt attempt = new BootAttempt(files);
        lock.during(() -> {
            Optional<BootAttempt.Note> note = attempt.read();
            if (note.isPresent() && note.get().bootId().equals(attempt.bootId())) {
                attempt.end();
            }
        });
    }
}
