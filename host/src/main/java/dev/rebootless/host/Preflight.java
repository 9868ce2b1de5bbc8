package dev.rebootless.host;

import dev.rebootless.base.FileFaults;
import dev.rebootless.host.LoadedLivepatch.Origin;
import dev.rebootless.host.files.HostFiles;
import dev.rebootless.host.files.Reading;
import dev.rebootless.kernel.Notes;
import dev.rebootless.manifest.Manifest;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * Looks, before anything is touched, whether a livepatch may be loaded here. Everything is looked
 * at, so that one answer has all that stands in the way; what cannot be read is said to be unknown,
 * and the kernel's own checks stay.
 */
final class Preflight {
    /** CAP_SYS_MODULE of include/uapi/linux/capability.h. */
    private static final int CAP_SYS_MODULE = 16;

    /**
     * The kernel keeps sections and symbols of a livepatch for its life, and one ftrace_ops for
     * each function, each with a trampoline of a page.
     */
    private static final long BYTES_BESIDE_THE_MODULE = 16L << 20;

    private static final int MODULE_COPIES = 4;

    private final HostFiles files;
    private final ModuleToLoad module;
    private final LoadRequest request;
    private final HostState state;

    Preflight(HostFiles files, ModuleToLoad module, LoadRequest request, HostState state) {
        this.files = files;
        this.module = module;
        this.request = request;
        this.state = state;
    }

    List<Finding> findings() {
        List<Finding> all = new ArrayList<>();
        all.add(rights(files));
        all.add(ModuleChecks.architecture(module));
        all.add(release());
        all.add(build());
        all.add(ModuleChecks.vermagic(module));
        all.add(ModuleChecks.proof(module, request.unproven()));
        all.add(signature());
        all.addAll(targetModules());
        all.add(alreadyLoaded(files, state, module.name()));
        all.add(transition(state));
        all.addAll(takeover());
        all.add(probes());
        all.add(tracers());
        all.add(kpatch());
        all.add(memory());
        return all;
    }

    /** Whether this process may load modules. */
    static Finding rights(HostFiles files) {
        String what = "the right to load modules";
        if (files.read("/proc/sys/kernel/modules_disabled")
                .known()
                .filter("1"::equals)
                .isPresent()) {
            return Finding.environment(
                    what,
                    "RBL-HOST-NOT-ROOT",
                    "kernel.modules_disabled",
                    "this kernel loads no more modules until it boots again",
                    "load it early at the next boot: rebootless install");
        }
        Optional<String> status = files.read("/proc/self/status").known();
        for (String line : status.orElse("").split("\n")) {
            if (line.startsWith("CapEff:")) {
                long effective = Long.parseUnsignedLong(line.substring(7).strip(), 16);
                return (effective >>> CAP_SYS_MODULE & 1) == 1
                        ? Finding.fine(what, "this process has it")
                        : Finding.environment(
                                what,
                                "RBL-HOST-NOT-ROOT",
                                "",
                                "this process may not load modules (CAP_SYS_MODULE)",
                                "run it as root, and not in a container");
            }
        }
        return Finding.unknown(what, "/proc/self/status does not say");
    }

    private Finding release() {
        String what = "kernel release";
        String wanted = module.manifest().kernel().release();
        return wanted.equals(state.kernel().release())
                ? Finding.fine(what, wanted)
                : Finding.refusal(
                        what,
                        "RBL-HOST-RELEASE",
                        module.path().toString(),
                        "is for the kernel "
                                + wanted
                                + ", and "
                                + state.kernel().release()
                                + " runs here",
                        "load the livepatch that was built for the running kernel");
    }

    private Finding build() {
        String what = "kernel build";
        String wanted = module.manifest().kernel().buildId();
        Optional<String> running = state.kernel().buildId();
        if (running.isEmpty()) {
            return Finding.unknown(what, "/sys/kernel/notes cannot be read");
        }
        return wanted.equals(running.get())
                ? Finding.fine(what, wanted)
                : Finding.refusal(
                        what,
                        "RBL-HOST-BUILD",
                        module.path().toString(),
                        "is for another build of this release: "
                                + wanted
                                + ", and "
                                + running.get()
                                + " runs here",
                        "build the livepatch again for the running kernel's package version");
    }

    private Finding signature() {
        String what = "module signatures";
        Optional<String> enforced = files.read("/sys/module/module/parameters/sig_enforce").known();
        Optional<String> lockdown = files.read("/sys/kernel/security/lockdown").known();
        boolean required =
                enforced.filter("Y"::equals).isPresent()
                        || lockdown.filter(l -> !l.contains("[none]")).isPresent();
        if (!required) {
            // Without securityfs nobody can tell whether the kernel is locked down.
            boolean told =
                    enforced.isPresent()
                            && (lockdown.isPresent() || hasEntries("/sys/kernel/security"));
            return told
                    ? Finding.fine(what, "not required here")
                    : Finding.unknown(what, "sig_enforce and lockdown cannot both be read");
        }
        return module.module().isSigned()
                ? Finding.unknown(
                        what,
                        "required here; the kernel decides whether it trusts the module's key")
                : Finding.refusal(
                        what,
                        "RBL-HOST-SIGNATURE",
                        module.path().toString(),
                        "is not signed, and this kernel loads signed modules only",
                        "sign it with a key that the kernel trusts (a MOK under Secure Boot)");
    }

    private boolean hasEntries(String folder) {
        try {
            return !files.names(folder).isEmpty();
        } catch (IOException e) {
            return false;
        }
    }

    private List<Finding> targetModules() {
        List<Finding> all = new ArrayList<>();
        for (Manifest.TargetObject target : module.targetModules()) {
            String what = "module " + target.name();
            String folder = "/sys/module/" + target.name();
            if (!files.exists(folder)) {
                all.add(Finding.fine(what, "not loaded; it is patched when it comes"));
                continue;
            }
            Optional<String> loaded = Optional.empty();
            String why = "it has no build id";
            try {
                loaded = Notes.buildId(files.bytes(folder + "/notes/.note.gnu.build-id"));
            } catch (NoSuchFileException e) {
                // As it is said.
            } catch (IOException e) {
                why = FileFaults.reason(e);
            }
            all.add(targetModule(what, target, loaded, why));
        }
        return all;
    }

    private static Finding targetModule(
            String what, Manifest.TargetObject target, Optional<String> loaded, String why) {
        if (target.buildId().isEmpty() || loaded.isEmpty()) {
            return Finding.unknown(what, "loaded; of which build cannot be told: " + why);
        }
        return loaded.equals(target.buildId())
                ? Finding.fine(what, "loaded, the shipped build")
                : Finding.refusal(
                        what,
                        "RBL-HOST-TARGET-BUILD",
                        target.name(),
                        "the loaded module is of another build than the one that the livepatch patches",
                        "load the kernel package's own module, or a livepatch for this one");
    }

    /** Whether a livepatch, or another module, has this name. */
    static Finding alreadyLoaded(HostFiles files, HostState state, String name) {
        String what = "a livepatch of this name";
        if (new Livepatches(files).leftOver().contains(name)) {
            return Finding.fine(
                    what, "its module is left over, does nothing, and is removed first");
        }
        if (state.livepatch(name).isPresent() || files.exists("/sys/module/" + name)) {
            return Finding.refusal(
                    what,
                    "RBL-HOST-LOADED",
                    name,
                    "is loaded already",
                    "see `rebootless status`; unload it first to load another build of it");
        }
        return Finding.fine(what, "none is loaded");
    }

    /** Whether another livepatch comes or goes. */
    static Finding transition(HostState state) {
        String what = "other transitions";
        return state.livepatches().stream()
                .filter(LoadedLivepatch::inTransition)
                .findFirst()
                .map(l ->
                        Finding.refusal(
                                what,
                                "RBL-HOST-TRANSITION",
                                l.name(),
                                "a transition is running, and the kernel makes one at a time",
                                "wait for it, or take it back with `rebootless cancel`"))
                .orElse(Finding.fine(what, "none is running"));
    }

    /** What a replacing livepatch would take from others. */
    private List<Finding> takeover() {
        String what = "livepatches that it replaces";
        if (state.livepatches().isEmpty()) {
            return List.of(Finding.fine(what, "none"));
        }
        if (!module.manifest().replace()) {
            return covered();
        }
        List<Finding> all = new ArrayList<>();
        for (LoadedLivepatch earlier : state.livepatches()) {
            all.add(
                    switch (earlier.origin()) {
                        case Origin.Ours(Manifest manifest) ->
                                ModuleChecks.regression(
                                        what,
                                        earlier.name(),
                                        manifest,
                                        module.manifest(),
                                        request.allowRegression());
                        case Origin.Foreign _ -> foreign(what, earlier, "is not of Rebootless");
                        case Origin.Unknown(String why) ->
                                foreign(what, earlier, "cannot say what it is: " + why);
                    });
        }
        return all;
    }

    /** What one that is stacked would cover. */
    private List<Finding> covered() {
        List<Finding> all = new ArrayList<>();
        for (LoadedLivepatch below : state.livepatches()) {
            if (below.origin() instanceof Origin.Ours(Manifest manifest)) {
                all.add(
                        ModuleChecks.covering(
                                below.name(),
                                manifest,
                                module.manifest(),
                                request.allowRegression()));
            } else if (!Collections.disjoint(below.functionNames(), module.functionNames())) {
                all.add(
                        foreign(
                                "livepatches below it",
                                below,
                                "is not of Rebootless and replaces functions of this one"));
            }
        }
        return all.isEmpty()
                ? List.of(Finding.fine("livepatches below it", "none of its functions"))
                : all;
    }

    private Finding foreign(String what, LoadedLivepatch earlier, String why) {
        String message = earlier.name() + " " + why + ", and would be replaced";
        return request.replaceForeign()
                ? Finding.warning(what, message)
                : Finding.refusal(
                        what,
                        "RBL-HOST-REPLACES-FOREIGN",
                        earlier.name(),
                        why + ", and would be replaced with all that it does",
                        "build with --no-replace, or load with --replace-foreign");
    }

    /**
     * Probes of the functions' beginnings would stay on the old code and fire no more. The list is
     * that of Documentation/trace/kprobes.rst: address, kind, symbol+offset, module, flags.
     */
    private Finding probes() {
        String what = "probes";
        return switch (files.read("/sys/kernel/debug/kprobes/list")) {
            case Reading.Absent _ -> Finding.unknown(what, "debugfs is not mounted");
            case Reading.Unreadable(String why) -> Finding.unknown(what, why);
            case Reading.Text(String text) -> {
                Set<String> probed = new TreeSet<>();
                for (String line : text.split("\n")) {
                    String[] words = line.trim().split("\\s+");
                    if (words.length >= 3) {
                        int plus = words[2].indexOf('+');
                        String name = plus < 0 ? words[2] : words[2].substring(0, plus);
                        if (module.functionNames().contains(name)) {
                            probed.add(name);
                        }
                    }
                }
                yield probed.isEmpty()
                        ? Finding.fine(what, "none on these functions")
                        : Finding.warning(
                                what,
                                "these functions are probed, and the probes will see the old code only: "
                                        + String.join(", ", probed));
            }
        };
    }

    /**
     * Who may change where a function goes: one ftrace_ops at a time, flagged I in this list
     * (kernel/trace/ftrace.c, t_show). Livepatches share one for each function.
     */
    private Finding tracers() {
        String what = "other tracers";
        Reading reading = files.read("/sys/kernel/tracing/enabled_functions");
        if (reading instanceof Reading.Absent) {
            reading = files.read("/sys/kernel/debug/tracing/enabled_functions");
        }
        return switch (reading) {
            case Reading.Absent _ -> Finding.unknown(what, "tracefs is not mounted");
            case Reading.Unreadable(String why) -> Finding.unknown(what, why);
            case Reading.Text(String text) -> {
                Set<String> ours = new TreeSet<>();
                state.functions().forEach(f -> ours.add(f.name()));
                Set<String> taken = new TreeSet<>();
                for (String line : text.split("\n")) {
                    String[] words = line.trim().split("\\s+");
                    boolean modifies = false;
                    for (int i = 1; i < words.length && i <= 6; i++) {
                        modifies |= words[i].equals("I");
                    }
                    if (modifies
                            && module.functionNames().contains(words[0])
                            && !ours.contains(words[0])) {
                        taken.add(words[0]);
                    }
                }
                yield taken.isEmpty()
                        ? Finding.fine(what, "none has taken these functions")
                        : Finding.refusal(
                                what,
                                "RBL-HOST-TRACED",
                                String.join(", ", taken),
                                "something that is no livepatch has taken them (IPMODIFY), and the kernel allows one",
                                "end it first: a kprobe with a post handler, or another tool that reroutes functions");
            }
        };
    }

    private Finding kpatch() {
        String what = "kpatch";
        String store = "/var/lib/kpatch/" + state.kernel().release();
        try {
            return files.names(store).isEmpty()
                    ? Finding.fine(what, "has nothing installed")
                    : Finding.warning(
                            what,
                            store + " is not empty: kpatch would load its own at the next boot");
        } catch (NoSuchFileException e) {
            return Finding.fine(what, "has nothing installed");
        } catch (IOException e) {
            return Finding.unknown(what, FileFaults.reason(e));
        }
    }

    private Finding memory() {
        String what = "memory";
        for (String line : files.read("/proc/meminfo").known().orElse("").split("\n")) {
            if (line.startsWith("MemAvailable:")) {
                String[] words = line.split("\\s+");
                long available = Long.parseLong(words[1]) << 10;
                long wanted =
                        (long) MODULE_COPIES * module.content().length + BYTES_BESIDE_THE_MODULE;
                return available >= wanted
                        ? Finding.fine(what, (available >> 20) + " MiB available")
                        : Finding.environment(
                                what,
                                "RBL-HOST-MEMORY",
                                "",
                                (available >> 20)
                                        + " MiB are available, and "
                                        + (wanted >> 20)
                                        + " MiB should be",
                                "free memory first");
            }
        }
        return Finding.unknown(what, "/proc/meminfo does not say");
    }
}
