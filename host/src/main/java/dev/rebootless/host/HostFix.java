package dev.rebootless.host;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * What {@code fix} needs of the machine that it is for: a look before minutes of building, and then
 * load, install, verify.
 */
public final class HostFix {
    private final Machine machine;
    private final Consumer<HostEvent> events;

    HostFix(Machine machine, Consumer<HostEvent> events) {
        this.machine = machine;
        this.events = events;
    }

    /**
     * Of this machine.
     *
     * @param json whether events are told as JSON on {@code out}, or for people on {@code err}
     */
    public static HostFix ofThisMachine(boolean json, OutputStream out, PrintStream err) {
        return new HostFix(Machine.thisOne(), new EventPrinter(json, out, err));
    }

    /**
     * What the livepatch is to be built for.
     *
     * @param release of the running kernel
     * @param buildId of it, hexadecimal
     * @param replace whether it may take over from all: nothing else is in force or installed, so
     *     that nothing is lost
     * @param closed whether each of the CVEs is closed here already
     */
    public record Target(String release, String buildId, boolean replace, boolean closed) {}

    /**
     * Looks, and touches nothing.
     *
     * @param cves that are to be closed
     * @param willLoad whether a livepatch will be loaded here in the end
     * @throws RebootlessException exit status 4 {@code RBL-HOST-TRANSITION}; 5 {@code
     *     RBL-HOST-NO-LIVEPATCH}, {@code RBL-HOST-NOT-ROOT}, {@code RBL-HOST-UNREADABLE}
     */
    public Target look(List<String> cves, boolean willLoad) {
        HostState state = HostState.read(machine.files());
        if (willLoad) {
            Finding.requireNoRefusal(
                    List.of(Preflight.rights(machine.files()), Preflight.transition(state)));
        }
        String buildId =
                state.kernel()
                        .buildId()
                        .orElseThrow(() ->
                                RebootlessException.environment(
                                        "RBL-HOST-UNREADABLE",
                                        "/sys/kernel/notes",
                                        "cannot be read, so that nobody knows which build runs here",
                                        "mount /sys, and call this on the host itself"));
        boolean closed = cves.stream().allMatch(cve -> isClosed(state, cve));
        if (closed) {
            cves.forEach(cve -> events.accept(verified(state, cve)));
        }
        return new Target(
                state.kernel().release(),
                buildId,
                state.livepatches().isEmpty() && state.installed().areNone(),
                closed);
    }

    /**
     * Loads a livepatch, keeps it for the next boots, and sees that it closes what it should.
     *
     * @param install whether it is loaded at each boot from now on
     * @throws RebootlessException as {@link Livepatching#load(LoadRequest)} and {@link
     *     Installing#install}; exit status 7 {@code RBL-HOST-NOT-CLOSED}
     */
    public void apply(LoadRequest request, boolean install, List<String> cves) {
        new Livepatching(machine, events).load(request);
        if (install) {
            new Installing(machine, events).install(request.module(), request.unproven(), false);
        }
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
    }

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
        String patch = patches.isEmpty() ? "FIX.patch" : String.join(" ", patches);
        String cve = cves.isEmpty() ? "CVE-…" : String.join(",", cves);
        return RebootlessException.environment(
                "RBL-HOST-NO-BUILDER",
                "fix",
                "livepatches are not built on this host: only the host's part of Rebootless is here",
                "where the builder is: rebootless build "
                        + patch
                        + " --kernel "
                        + RunningKernel.read(files).release()
                        + " --cve "
                        + cve
                        + " --name fix -o OUT; then copy both files of OUT to this host: rebootless load OUT/livepatch-fix.ko"
                        + " && rebootless install OUT/livepatch-fix.ko");
    }
}
