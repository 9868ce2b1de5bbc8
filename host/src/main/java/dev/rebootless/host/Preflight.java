package dev.rebootless.host;

import dev.rebootless.host.LoadedLivepatch.Origin;
import dev.rebootless.kernel.Notes;
import dev.rebootless.manifest.Manifest;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.util.ArrayList;
import java.util.HexFormat;
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
        all.add(rights());
        all.add(architecture());
        all.add(release());
        all.add(build());
        all.add(vermagic());
        all.add(proof());
        all.add(signature());
        all.addAll(targetModules());
        all.add(alreadyLoaded());
        all.add(transition());
        all.addAll(takeover());
        all.add(probes());
        all.add(tracers());
        all.add(kpatch());
        all.add(memory());
        return all;
    }

    private Finding rights() {
        String what = "the right to load modules";
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

    private Finding architecture() {
        String what = "architecture";
        return module.otherMachine()
                .map(machine ->
                        Finding.refusal(
                                what,
                                "RBL-HOST-ARCHITECTURE",
                                module.path().toString(),
                                "is for another architecture (ELF machine " + machine + ")",
                                "build the livepatch for this machine's kernel"))
                .orElse(Finding.fine(what, "x86-64"));
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

    /** The manifest's is that of the kernel's own modules; the file's must be the same. */
    private Finding vermagic() {
        String what = "version magic";
        String wanted = module.manifest().kernel().vermagic();
        return module.module().vermagic().equals(wanted)
                ? Finding.fine(what, wanted)
                : Finding.refusal(
                        what,
                        "RBL-HOST-VERMAGIC",
                        module.path().toString(),
                        "has the version magic '"
                                + module.module().vermagic()
                                + "', and the kernel's modules have '"
                                + wanted
                                + "'",
                        "build the livepatch again: the file was changed after it was built");
    }

    private Finding proof() {
        String what = "proof by boot";
        return switch (module.proof()) {
            case PROVEN -> Finding.fine(what, "the file beside the module has it");
            case UNPROVEN, UNKNOWN ->
                    request.unproven()
                            ? Finding.warning(what, "no boot has proven this module")
                            : Finding.refusal(
                                    what,
                                    "RBL-HOST-UNPROVEN",
                                    module.path().toString(),
                                    module.proof() == ModuleToLoad.Proof.UNKNOWN
                                            ? "there is no file of this module beside it that has a proof"
                                            : "it was built with --no-test: no boot has proven it",
                                    "prove it with `rebootless test`, or load it with --unproven");
        };
    }

    private Finding signature() {
        String what = "module signatures";
        Optional<String> enforced = files.read("/sys/module/module/parameters/sig_enforce").known();
        Optional<String> lockdown = files.read("/sys/kernel/security/lockdown").known();
        boolean required =
                enforced.filter("Y"::equals).isPresent()
                        || lockdown.filter(l -> !l.contains("[none]")).isPresent();
        if (!required) {
            return enforced.isPresent() || lockdown.isPresent()
                    ? Finding.fine(what, "not required here")
                    : Finding.unknown(what, "neither sig_enforce nor lockdown can be read");
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
                loaded =
                        Notes.buildId(files.bytes(folder + "/notes/.note.gnu.build-id"))
                                .map(id -> HexFormat.of().formatHex(id));
            } catch (NoSuchFileException e) {
                // As it is said.
            } catch (IOException e) {
                why = HostFiles.reason(e);
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

    private Finding alreadyLoaded() {
        String what = "a livepatch of this name";
        if (state.livepatch(module.name()).isPresent()
                || files.exists("/sys/module/" + module.name())) {
            return Finding.refusal(
                    what,
                    "RBL-HOST-LOADED",
                    module.name(),
                    "is loaded already",
                    "see `rebootless status`; unload it first to load another build of it");
        }
        return Finding.fine(what, "none is loaded");
    }

    private Finding transition() {
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
        if (!module.manifest().replace() || state.livepatches().isEmpty()) {
            return List.of(Finding.fine(what, "none"));
        }
        List<Finding> all = new ArrayList<>();
        for (LoadedLivepatch earlier : state.livepatches()) {
            all.add(
                    switch (earlier.origin()) {
                        case Origin.Ours(Manifest manifest) -> regression(what, earlier, manifest);
                        case Origin.Foreign _ -> foreign(what, earlier, "is not of Rebootless");
                        case Origin.Unknown(String why) ->
                                foreign(what, earlier, "cannot say what it is: " + why);
                    });
        }
        return all;
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

    private Finding regression(String what, LoadedLivepatch earlier, Manifest manifest) {
        Set<String> lost = new TreeSet<>(functions(manifest));
        lost.removeAll(functions(module.manifest()));
        Set<String> cves = new TreeSet<>(manifest.cves());
        cves.removeAll(Set.copyOf(module.manifest().cves()));
        if (lost.isEmpty() && cves.isEmpty()) {
            return Finding.fine(what, earlier.name() + ", all of whose functions and CVEs it has");
        }
        String message =
                "would be replaced by one that lacks "
                        + String.join(", ", cves)
                        + (cves.isEmpty() || lost.isEmpty() ? "" : " and ")
                        + String.join(", ", lost);
        return request.allowRegression()
                ? Finding.warning(what, earlier.name() + " " + message)
                : Finding.refusal(
                        what,
                        "RBL-HOST-REGRESSION",
                        earlier.name(),
                        message,
                        "build one livepatch of all the patches, or load with --allow-regression");
    }

    private static Set<String> functions(Manifest manifest) {
        Set<String> functions = new TreeSet<>();
        for (Manifest.TargetObject object : manifest.objects()) {
            object.functions()
                    .forEach(f ->
                            functions.add(
                                    object.name()
                                            + ":"
                                            + f.name()
                                            + (f.sympos() > 1 ? "," + f.sympos() : "")));
        }
        return functions;
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
            return Finding.unknown(what, HostFiles.reason(e));
        }
    }

    private Finding memory() {
        String what = "memory";
        for (String line : files.read("/proc/meminfo").known().orElse("").split("\n")) {
            if (line.startsWith("MemAvailable:")) {
                String[] words = line.split("\\s+");
                long available = Long.parseLong(words[1]) << 10;
                long wanted = MODULE_COPIES * module.bytes() + BYTES_BESIDE_THE_MODULE;
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
