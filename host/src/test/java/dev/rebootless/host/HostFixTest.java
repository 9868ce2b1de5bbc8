package dev.rebootless.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.manifest.Manifest;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a fix sees before it builds, and what it does with what was built. */
class HostFixTest {
    private static final List<String> CVE = List.of("CVE-2026-1000");

    @TempDir Path root;
    @TempDir Path folder;
    private FakeHost host;
    private final List<HostEvent> events = new ArrayList<>();
    private final RecordedUnits units = new RecordedUnits();
    private final Manifest manifest = Manifests.of("fix", true, CVE, List.of(), "do_open");

    @BeforeEach
    void makeHost() {
        host = new FakeHost(root);
    }

    private Machine machine() {
        KernelCalls calls =
                new KernelCalls() {
                    @Override
                    public int insert(byte[] module) {
                        host.livepatch(TestModules.manifest(module), false);
                        return DONE;
                    }

                    @Override
                    public int remove(String name) {
                        return DONE;
                    }

                    @Override
                    public Optional<String> log() {
                        return Optional.of("");
                    }
                };
        return new Machine(host.files(), calls, Ticker.SYSTEM, name -> Optional.empty(), units);
    }

    private HostFix fix() {
        return new HostFix(machine(), events::add, () -> {});
    }

    private static HostFix.Wish wish(String... cves) {
        return new HostFix.Wish(List.of(cves), true, true);
    }

    private static final HostFix.Wish WISH = new HostFix.Wish(CVE, true, true);

    /** As the builder would name it. */
    private static Manifest built() {
        return Manifests.of(WISH.name(), true, CVE, List.of(), "do_open");
    }

    private LoadRequest request(Manifest module) throws IOException {
        return new LoadRequest(
                TestModules.write(folder, module),
                Duration.ofSeconds(5),
                Duration.ZERO,
                false,
                true,
                false,
                false);
    }

    private static void requireOnly(RebootlessException e, ExitStatus status, String code) {
        assertThat(e.problems()).extracting(Problem::code).containsExactly(code);
        assertThat(e.status()).isEqualTo(status);
    }

    @Test
    void aHostWithoutLivepatchesGetsOneThatTakesOverFromAll() {
        assertThat(fix().look(WISH))
                .isEqualTo(
                        new HostFix.Target(
                                Manifests.RELEASE,
                                Manifests.BUILD_ID,
                                true,
                                HostFix.Standing.OPEN));
    }

    @Test
    void besideAnotherLivepatchItIsStackedSoThatNothingIsLost() {
        host.livepatch(Manifests.of("other", true, List.of(), List.of(), "do_wait"), false);
        assertThat(fix().look(WISH).replace()).isFalse();
    }

    @Test
    void besideOneThatIsOnlyInstalledItIsStackedToo() throws IOException {
        new Installing(machine(), events::add)
                .install(
                        TestModules.write(
                                folder,
                                Manifests.of("other", true, List.of(), List.of(), "do_wait")),
                        true,
                        false);
        assertThat(fix().look(WISH).replace()).isFalse();
    }

    @Test
    void whatIsClosedAndKeptAlreadyIsSaidToBe() throws IOException {
        fix().apply(request(built()), WISH);
        events.clear();
        assertThat(fix().look(WISH).standing()).isEqualTo(HostFix.Standing.CLOSED);
        assertThat(events)
                .containsExactly(
                        new HostEvent.Verified(
                                CVE.getFirst(), "closed", "livepatch_cve_2026_1000", ""));
        assertThat(fix().look(wish(CVE.getFirst(), "CVE-2026-2000")).standing())
                .isEqualTo(HostFix.Standing.OPEN);
    }

    /** As an earlier call leaves it that was interrupted while the kernel's log was followed. */
    @Test
    void whatIsClosedOnlyUntilTheNextBootIsKeptFromTheFileThatWasBuilt() throws IOException {
        fix().apply(request(built()), new HostFix.Wish(CVE, true, false));
        assertThat(fix().look(WISH).standing()).isEqualTo(HostFix.Standing.NOT_KEPT);
        // Who wants no more than that has it.
        assertThat(fix().look(new HostFix.Wish(CVE, true, false)).standing())
                .isEqualTo(HostFix.Standing.CLOSED);

        Path other = TestModules.write(folder, manifest);
        for (Path wrong : List.of(other, folder.resolve("no-such.ko"))) {
            requireOnly(
                    catchThrowableOfType(
                            RebootlessException.class, () -> fix().keep(wrong, true, WISH)),
                    ExitStatus.ENVIRONMENT,
                    "RBL-HOST-NOT-KEPT");
        }
        fix().keep(TestModules.write(folder, built()), true, WISH);
        assertThat(fix().look(WISH).standing()).isEqualTo(HostFix.Standing.CLOSED);
    }

    @Test
    void aNameThatIsTakenIsSaidBeforeAnythingIsBuilt() {
        host.livepatch(Manifests.of(WISH.name(), true, List.of(), List.of(), "do_open"), false);
        requireOnly(
                catchThrowableOfType(RebootlessException.class, () -> fix().look(WISH)),
                ExitStatus.REFUSED,
                "RBL-HOST-LOADED");
    }

    @Test
    void setsOfCvesHaveNamesOfTheirOwn() {
        assertThat(wish("CVE-2026-1000").name()).isEqualTo("cve-2026-1000");
        assertThat(wish("CVE-2026-1000", "CVE-2026-2000").name())
                .startsWith("cve-2026-1000-and-1-")
                .isNotEqualTo(wish("CVE-2026-1000", "CVE-2026-3000").name());
    }

    @Test
    void aStoreThatCannotBeUnderstoodIsSaidBeforeAnythingIsBuilt() {
        host.put(
                "/var/lib/rebootless/"
                        + Manifests.RELEASE
                        + "/"
                        + Manifests.BUILD_ID
                        + "/installed.json",
                "{");
        requireOnly(
                catchThrowableOfType(RebootlessException.class, () -> fix().look(WISH)),
                ExitStatus.ENVIRONMENT,
                "RBL-HOST-STORE");
    }

    @Test
    void whoMayNotLoadIsToldSoBeforeAnythingIsBuilt() {
        host.put("/proc/self/status", "CapEff:\t0000000000000000\n");
        requireOnly(
                catchThrowableOfType(RebootlessException.class, () -> fix().look(WISH)),
                ExitStatus.ENVIRONMENT,
                "RBL-HOST-NOT-ROOT");
        // To build is everybody's right.
        assertThat(fix().look(new HostFix.Wish(CVE, false, false)).standing())
                .isEqualTo(HostFix.Standing.OPEN);
    }

    @Test
    void aTransitionThatRunsIsWaitedFor() {
        host.livepatch(Manifests.of("other", true, List.of(), List.of(), "do_wait"), true);
        requireOnly(
                catchThrowableOfType(RebootlessException.class, () -> fix().look(WISH)),
                ExitStatus.REFUSED,
                "RBL-HOST-TRANSITION");
    }

    @Test
    void aKernelWhoseBuildIsNotKnownIsNotBuiltFor() {
        host.remove("/sys/kernel/notes");
        requireOnly(
                catchThrowableOfType(RebootlessException.class, () -> fix().look(WISH)),
                ExitStatus.ENVIRONMENT,
                "RBL-HOST-UNREADABLE");
    }

    @Test
    void whatWasBuiltIsLoadedInstalledAndVerified() throws IOException {
        fix().apply(request(manifest), WISH);
        assertThat(events)
                .endsWith(new HostEvent.Verified(CVE.getFirst(), "closed", "livepatch_fix", ""));
        assertThat(units.asked).containsExactly("enable");
        assertThat(HostText.status(HostState.read(host.files()), false))
                .contains("at boot  livepatch_fix\n");
    }

    @Test
    void withoutInstallationItIsLoadedOnly() throws IOException {
        fix().apply(request(manifest), new HostFix.Wish(CVE, true, false));
        assertThat(units.asked).isEmpty();
        assertThat(events).anyMatch(HostEvent.InForce.class::isInstance);
    }

    /** It would cover another that is installed, and is not loaded at present. */
    @Test
    void whatCannotBeInstalledIsNotLoadedEither() throws IOException {
        new Installing(machine(), events::add)
                .install(
                        TestModules.write(
                                folder,
                                Manifests.of("other", true, List.of(), List.of(), "do_open")),
                        true,
                        false);
        events.clear();
        Manifest stacked = Manifests.of(WISH.name(), false, CVE, List.of(), "do_open");
        LoadRequest request = request(stacked);
        requireOnly(
                catchThrowableOfType(RebootlessException.class, () -> fix().apply(request, WISH)),
                ExitStatus.REFUSED,
                "RBL-HOST-REGRESSION");
        assertThat(events).isEmpty();
    }

    /** Such as when the module is of another CVE. */
    @Test
    void aCveThatIsNotClosedInTheEndIsAnError() throws IOException {
        LoadRequest request = request(manifest);
        requireOnly(
                catchThrowableOfType(
                        RebootlessException.class,
                        () ->
                                fix().apply(
                                                request,
                                                new HostFix.Wish(
                                                        List.of("CVE-2026-2000"), true, false))),
                ExitStatus.KERNEL_SAID_NO,
                "RBL-HOST-NOT-CLOSED");
    }

    @Test
    void whereOnlyTheHostsPartIsTheCommandThatBuildsIsSaid() {
        host.put("/proc/version", "Linux version … #1 SMP Debian 6.1.192-2 (2026-11-16)\n");
        host.livepatch(Manifests.of("other", true, List.of(), List.of(), "do_wait"), false);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        ExitStatus status =
                new HostCommand(machine(), out, new PrintStream(err, true, StandardCharsets.UTF_8))
                        .runAny(List.of("fix", CVE.getFirst(), "--patch", "a.patch"));
        assertThat(status).isEqualTo(ExitStatus.ENVIRONMENT);
        assertThat(err.toString(StandardCharsets.UTF_8))
                .contains("RBL-HOST-NO-BUILDER")
                .contains(
                        "rebootless build a.patch --kernel "
                                + Manifests.RELEASE
                                + "=6.1.192-2 --cve CVE-2026-1000 --name cve-2026-1000 --no-replace ");
    }
}
