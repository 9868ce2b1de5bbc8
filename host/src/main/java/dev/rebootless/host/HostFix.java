package dev.rebootless.host;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Hashes;
import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.host.files.HostFiles;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * What {@code fix} needs of the machine that it is for: a look before minutes of building, and then
 * load, install, verify.
 */
public final class HostFix {
    private final Machine machine;
    private final Consumer<HostEvent> events;
    private final Runnable requireHeard;

    /**
     * @param requireHeard fails when some event could not be told
     */
    HostFix(Machine machine, Consumer<HostEvent> events, Runnable requireHeard) {
        this.machine = machine;
        this.events = events;
        this.requireHeard = requireHeard;
    }

    /**
     * Of this machine.
     *
     * @param json whether events are told as JSON on {@code out}, or for people on {@code err}
     */
    public static HostFix ofThisMachine(boolean json, OutputStream out, PrintStream err) {
        EventPrinter printer = new EventPrinter(json, out, err);
        return new HostFix(Machine.thisOne(), printer, printer::requireHeard);
    }

    /**
     * What is wanted.
     *
     * @param cves that are to be closed
     * @param load whether the livepatch is loaded, or only built
     * @param install whether it is kept for the next boots
     */
    public record Wish(List<String> cves, boolean load, boolean install) {
        public Wish {
            cves = List.copyOf(cves);
        }

        /**
         * The livepatch's name: the CVE's, so that those who look at a host see what it is for; of
         * several, the first with what tells these from other sets.
         */
        public String name() {
            String first = cves.getFirst().toLowerCase(Locale.ROOT);
            if (cves.size() == 1) {
                return first;
            }
            byte[] all = String.join(" ", cves).getBytes(StandardCharsets.UTF_8);
            return first + "-and-" + (cves.size() - 1) + "-" + Hashes.sha256(all).substring(0, 8);
        }

        /** As the kernel shows it; the builder names modules so. */
        String module() {
            return "livepatch_" + name().replace('-', '_');
        }
    }

    /** How things stand before anything is done. */
    public enum Standing {
        /** Something is to be built. */
        OPEN,
        /** All CVEs are closed, now and after the next boot as far as that is wanted. */
        CLOSED,
        /** All are closed now, and would be open again after the next boot. */
        NOT_KEPT
    }

    /**
     * What the livepatch is to be built for.
     *
     * @param release of the running kernel
     * @param buildId of it, hexadecimal
     * @param replace whether it may take over from all: nothing else is in force or installed, so
     *     that nothing is lost
     */
    public record Target(String release, String buildId, boolean replace, Standing standing) {}

    /**
     * Looks, and touches nothing.
     *
     * @throws RebootlessException exit status 4 {@code RBL-HOST-TRANSITION}, {@code
     *     RBL-HOST-LOADED}; 5 {@code RBL-HOST-NO-LIVEPATCH}, {@code RBL-HOST-NOT-ROOT}, {@code
     *     RBL-HOST-UNREADABLE}, {@code RBL-HOST-STORE}, {@code RBL-HOST-UNITS}
     */
    public Target look(Wish wish) {
        HostState state = HostState.read(machine.files());
        String buildId =
                state.kernel()
                        .buildId()
                        .orElseThrow(() ->
                                RebootlessException.environment(
                                        "RBL-HOST-UNREADABLE",
                                        "/sys/kernel/notes",
                                        "cannot be read, so that nobody knows which build runs here",
                                        "mount /sys, and call this on the host itself"));
        Standing standing = standing(state, wish);
        if (standing == Standing.CLOSED) {
            wish.cves().forEach(cve -> events.accept(verified(state, cve)));
            requireHeard.run();
        } else if (wish.load()) {
            requireLoadable(state, wish, standing);
        }
        return new Target(
                state.kernel().release(),
                buildId,
                state.livepatches().isEmpty() && state.installed().areNone(),
                standing);
    }

    private void requireLoadable(HostState state, Wish wish, Standing standing) {
        List<Finding> findings = new ArrayList<>();
        findings.add(Preflight.rights(machine.files()));
        if (standing == Standing.OPEN) {
            findings.add(Preflight.transition(state));
            findings.add(Preflight.alreadyLoaded(machine.files(), state, wish.module()));
        }
        Finding.requireNoRefusal(findings);
        if (wish.install()) {
            // What would fail after the load.
            machine.units().requireThere();
            new Store(
                            machine.files(),
                            state.kernel().release(),
                            state.kernel().buildId().orElseThrow())
                    .installed();
        }
    }

    private static Standing standing(HostState state, Wish wish) {
        if (!wish.cves().stream().allMatch(cve -> isClosed(state, cve))) {
            return Standing.OPEN;
        }
        boolean kept =
                wish.cves().stream()
                        .allMatch(cve -> isKept(state, verified(state, cve).livepatch()));
        return wish.load() && wish.install() && !kept ? Standing.NOT_KEPT : Standing.CLOSED;
    }

    private static boolean isKept(HostState state, String livepatch) {
        return state.installed() instanceof Store.Contents.Known(List<Store.Installed> modules)
                && modules.stream()
                        .anyMatch(m -> m.name().equals(livepatch) && m.skipped().isEmpty());
    }

    /**
     * Loads a livepatch, keeps it for the next boots, and sees that it closes what it should.
     *
     * @throws RebootlessException as {@link Livepatching#load(LoadRequest)} and {@link
     *     Installing#install}; exit status 7 {@code RBL-HOST-NOT-CLOSED}
     */
    public void apply(LoadRequest request, Wish wish) {
        Installing installing = new Installing(machine, events);
        if (wish.install()) {
            installing.require(request.module(), request.unproven(), false);
        }
        new Livepatching(machine, events).load(request);
        try {
            if (wish.install()) {
                installing.install(request.module(), request.unproven(), false);
            }
        } finally {
            verify(wish.cves());
        }
    }

    /**
     * Keeps a livepatch that is loaded for the next boots.
     *
     * @param module the file that it was loaded from
     * @throws RebootlessException exit status 5 {@code RBL-HOST-NOT-KEPT} when this is not the
     *     file; as {@link Installing#install}
     */
    public void keep(Path module, boolean unproven, Wish wish) {
        Optional<LoadedLivepatch> loaded = HostState.read(machine.files()).livepatch(wish.module());
        boolean same =
                Files.exists(module)
                        && loaded.flatMap(LoadedLivepatch::manifest)
                                .equals(Optional.of(ModuleToLoad.read(module).manifest()));
        if (!same) {
            throw RebootlessException.environment(
                    "RBL-HOST-NOT-KEPT",
                    module.toString(),
                    "is not the livepatch that closes "
                            + String.join(", ", wish.cves())
                            + " here until the next boot, so that it cannot be kept for that",
                    "install the file that it was loaded from: rebootless install FILE");
        }
        new Installing(machine, events).install(module, unproven, false);
        verify(wish.cves());
    }

    private void verify(List<String> cves) {
        HostState state = HostState.read(machine.files());
        List<Problem> open = new ArrayList<>();
        for (String cve : cves) {
            HostEvent.Verified verified = verified(state, cve);
            events.accept(verified);
            if (!isClosed(state, cve)) {
                open.add(
                        new Problem(
                                "RBL-HOST-NOT-CLOSED",
                                cve,
                                "is "
                                        + verified.state()
                                        + " although its livepatch is loaded"
                                        + (verified.why().isEmpty() ? "" : ": " + verified.why()),
                                "see `rebootless status --functions`"));
            }
        }
        if (!open.isEmpty()) {
            throw new RebootlessException(ExitStatus.KERNEL_SAID_NO, open);
        }
        requireHeard.run();
    }

    /** What a person still has to judge is closed: it stands in the manifest, and is said. */
    private static boolean isClosed(HostState state, String cve) {
        return Optional.ofNullable(state.cves().get(cve))
                .filter(s ->
                        s.closed() == HostState.Closed.CLOSED
                                || s.closed() == HostState.Closed.CLOSED_UNREVIEWED)
                .isPresent();
    }

    private static HostEvent.Verified verified(HostState state, String cve) {
        return Optional.ofNullable(state.cves().get(cve))
                .map(s -> new HostEvent.Verified(cve, s.closed().word(), s.livepatch(), s.why()))
                .orElse(
                        new HostEvent.Verified(
                                cve,
                                HostState.Closed.UNKNOWN.word(),
                                "",
                                "no livepatch that is loaded says that it closes it"));
    }

    /** Where only the host's part is installed: what to do, and where. */
    static RebootlessException noBuilderHere(HostFiles files, List<String> arguments) {
        List<String> cves = new ArrayList<>();
        List<String> patches = new ArrayList<>();
        for (int i = 0; i < arguments.size(); i++) {
            String word = arguments.get(i);
            if (word.startsWith("CVE-")) {
                cves.add(word);
            } else if (word.equals("--patch") && i + 1 < arguments.size()) {
                patches.add(arguments.get(i + 1));
            } else if (word.startsWith("--patch=")) {
                patches.add(word.substring("--patch=".length()));
            }
        }
        HostState state = HostState.read(files);
        boolean alone = state.livepatches().isEmpty() && state.installed().areNone();
        String name = cves.isEmpty() ? "fix" : new Wish(cves, true, true).name();
        String module = "OUT/livepatch-" + name + ".ko";
        String build =
                String.join(
                        " ",
                        "rebootless build",
                        patches.isEmpty() ? "FIX.patch" : String.join(" ", patches),
                        "--kernel " + state.kernel().release() + version(files),
                        "--cve " + (cves.isEmpty() ? "CVE-…" : String.join(",", cves)),
                        "--name " + name,
                        alone ? "-o OUT" : "--no-replace -o OUT");
        return RebootlessException.environment(
                "RBL-HOST-NO-BUILDER",
                "fix",
                "livepatches are not built on this host: only the host's part of Rebootless is here",
                "where the builder is: "
                        + build
                        + "; then copy both files of OUT to this host: rebootless load "
                        + module
                        + " && rebootless install "
                        + module);
    }

    /** So that another build of the same release is not taken. */
    private static String version(HostFiles files) {
        return RunningKernel.debianVersion(files.read("/proc/version").known().orElse(""))
                .map(version -> "=" + version)
                .orElse("");
    }
}
