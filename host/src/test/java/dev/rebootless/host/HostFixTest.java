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
    private final List<String> units = new ArrayList<>();
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
        BootUnits recorded =
                new BootUnits() {
                    @Override
                    public void enable() {
                        units.add("enable");
                    }

                    @Override
                    public void disable() {
                        units.add("disable");
                    }
                };
        return new Machine(host.files(), calls, Ticker.SYSTEM, name -> Optional.empty(), recorded);
    }

    private HostFix fix() {
        return new HostFix(machine(), events::add);
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
        assertThat(fix().look(CVE, true))
                .isEqualTo(new HostFix.Target(Manifests.RELEASE, Manifests.BUILD_ID, true, false));
    }

    @Test
    void besideAnotherLivepatchItIsStackedSoThatNothingIsLost() {
        host.livepatch(Manifests.of("other", true, List.of(), List.of(), "do_wait"), false);
        assertThat(fix().look(CVE, true).replace()).isFalse();
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
        assertThat(fix().look(CVE, true).replace()).isFalse();
    }

    @Test
    void whatIsClosedAlreadyIsSaidToBe() {
        host.livepatch(manifest, false);
        assertThat(fix().look(CVE, true).closed()).isTrue();
        assertThat(events)
                .containsExactly(
                        new HostEvent.Verified(CVE.getFirst(), "closed", "livepatch_fix", ""));
        assertThat(fix().look(List.of(CVE.getFirst(), "CVE-2026-2000"), true).closed()).isFalse();
    }

    @Test
    void whoMayNotLoadIsToldSoBeforeAnythingIsBuilt() {
        host.put("/proc/self/status", "CapEff:\t0000000000000000\n");
        requireOnly(
                catchThrowableOfType(RebootlessException.class, () -> fix().look(CVE, true)),
                ExitStatus.ENVIRONMENT,
                "RBL-HOST-NOT-ROOT");
        // To build is everybody's right.
        assertThat(fix().look(CVE, false).closed()).isFalse();
    }

    @Test
    void aTransitionThatRunsIsWaitedFor() {
        host.livepatch(Manifests.of("other", true, List.of(), List.of(), "do_wait"), true);
        requireOnly(
                catchThrowableOfType(RebootlessException.class, () -> fix().look(CVE, true)),
                ExitStatus.REFUSED,
                "RBL-HOST-TRANSITION");
    }

    @Test
    void aKernelWhoseBuildIsNotKnownIsNotBuiltFor() {
        host.remove("/sys/kernel/notes");
        requireOnly(
                catchThrowableOfType(RebootlessException.class, () -> fix().look(CVE, true)),
                ExitStatus.ENVIRONMENT,
                "RBL-HOST-UNREADABLE");
    }

    @Test
    void whatWasBuiltIsLoadedInstalledAndVerified() throws IOException {
        fix().apply(request(manifest), true, CVE);
        assertThat(events)
                .endsWith(new HostEvent.Verified(CVE.getFirst(), "closed", "livepatch_fix", ""));
        assertThat(units).containsExactly("enable");
        assertThat(HostText.status(HostState.read(host.files()), false))
                .contains("at boot  livepatch_fix\n");
    }

    @Test
    void withoutInstallationItIsLoadedOnly() throws IOException {
        fix().apply(request(manifest), false, CVE);
        assertThat(units).isEmpty();
        assertThat(events).anyMatch(HostEvent.InForce.class::isInstance);
    }

    /** Such as when the module is of another CVE. */
    @Test
    void aCveThatIsNotClosedInTheEndIsAnError() throws IOException {
        LoadRequest request = request(manifest);
        requireOnly(
                catchThrowableOfType(
                        RebootlessException.class,
                        () -> fix().apply(request, false, List.of("CVE-2026-2000"))),
                ExitStatus.KERNEL_SAID_NO,
                "RBL-HOST-NOT-CLOSED");
    }

    @Test
    void whereOnlyTheHostsPartIsTheCommandThatBuildsIsSaid() {
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
                                + " --cve CVE-2026-1000 ");
    }
}
