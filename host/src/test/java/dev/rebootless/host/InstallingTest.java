package dev.rebootless.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.manifest.Manifest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is kept for boots, and what a boot makes of it; a guest really boots. */
class InstallingTest {
    private static final Duration TIMEOUT = Duration.ofSeconds(5);
    private static final Manifest FIRST =
            Manifests.of("first", true, List.of("CVE-2026-1"), List.of(), "do_open");
    private static final Manifest SECOND =
            Manifests.of(
                    "second",
                    true,
                    List.of("CVE-2026-1", "CVE-2026-2"),
                    List.of(),
                    "do_open",
                    "do_read");
    private static final Manifest STACKED =
            Manifests.of("stacked", false, List.of(), List.of(), "do_close");

    @TempDir Path root;
    @TempDir Path folder;
    private FakeHost host;
    private final List<HostEvent> events = new ArrayList<>();
    private final RecordedUnits units = new RecordedUnits();
    private final List<String> inserted = new ArrayList<>();
    private int answer = KernelCalls.DONE;

    @BeforeEach
    void makeHost() {
        host = new FakeHost(root);
        boot("1-1");
    }

    private void boot(String id) {
        host.put("/proc/sys/kernel/random/boot_id", id + "\n");
        host.put("/proc/cmdline", "console=ttyS0 quiet\n");
        inserted.clear();
        events.clear();
    }

    private Installing installing() {
        KernelCalls calls =
                new KernelCalls() {
                    @Override
                    public int insert(byte[] module) {
                        Manifest manifest = TestModules.manifest(module);
                        inserted.add(manifest.module());
                        if (answer == DONE) {
                            host.livepatch(manifest, false);
                        }
                        return answer;
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
        return new Installing(
                new Machine(host.files(), calls, Ticker.SYSTEM, name -> Optional.empty(), units),
                events::add);
    }

    private void install(Manifest manifest) throws IOException {
        installing().install(TestModules.write(folder, manifest), true, false);
    }

    private void leaveNote(String livepatch) throws IOException {
        new BootAttempt(host.files()).begin(RunningKernel.read(host.files()), livepatch);
    }

    private List<String> installed() {
        return inStore().stream().map(Store.Installed::name).toList();
    }

    private List<Store.Installed> inStore() {
        return HostState.read(host.files()).installed()
                        instanceof Store.Contents.Known(List<Store.Installed> modules)
                ? modules
                : List.of();
    }

    private static void requireOnly(RebootlessException e, ExitStatus status, String code) {
        assertThat(e.problems()).extracting(Problem::code).containsExactly(code);
        assertThat(e.status()).isEqualTo(status);
    }

    @Test
    void whatIsInstalledIsLoadedAtBootInItsOrder() throws IOException {
        install(FIRST);
        install(STACKED);
        assertThat(inserted).isEmpty();
        assertThat(units.asked).contains("enable");
        installing().boot(TIMEOUT);
        assertThat(inserted).containsExactly("livepatch_first", "livepatch_stacked");
        // What is there is not loaded again.
        installing().boot(TIMEOUT);
        assertThat(inserted).hasSize(2);
    }

    @Test
    void aReplacingLivepatchTakesThePlaceOfThoseThatItCovers() throws IOException {
        install(FIRST);
        install(SECOND);
        assertThat(installed()).containsExactly("livepatch_second");
        assertThat(modules()).hasSize(1);
    }

    @Test
    void aReplacingLivepatchThatLosesACveIsRefusedAndAllStays() throws IOException {
        install(SECOND);
        requireOnly(
                catchThrowableOfType(RebootlessException.class, () -> install(FIRST)),
                ExitStatus.REFUSED,
                "RBL-HOST-REGRESSION");
        assertThat(installed()).containsExactly("livepatch_second");
        installing().install(TestModules.write(folder, FIRST), true, true);
        assertThat(installed()).containsExactly("livepatch_first");
    }

    @Test
    void anotherBuildOfTheSameLivepatchTakesItsPlace() throws IOException {
        install(FIRST);
        install(
                Manifests.of(
                        "first", true, List.of("CVE-2026-1"), List.of("a warning"), "do_open"));
        assertThat(installed()).containsExactly("livepatch_first");
        assertThat(modules()).hasSize(1);
    }

    @Test
    void whatIsNotProvenIsNotInstalledUnlessToldSo() throws IOException {
        Path file = TestModules.write(folder, FIRST);
        requireOnly(
                catchThrowableOfType(
                        RebootlessException.class, () -> installing().install(file, false, false)),
                ExitStatus.REFUSED,
                "RBL-HOST-UNPROVEN");
        assertThat(installed()).isEmpty();
    }

    @Test
    void uninstallLeavesNothingAndTurnsTheUnitsOff() throws IOException {
        install(FIRST);
        installing().uninstall("livepatch_first");
        assertThat(installed()).isEmpty();
        assertThat(modules()).isEmpty();
        assertThat(units.asked).endsWith("disable");
        requireOnly(
                catchThrowableOfType(
                        RebootlessException.class, () -> installing().uninstall("livepatch_first")),
                ExitStatus.USAGE,
                "RBL-HOST-NOT-INSTALLED");
    }

    @Test
    void whatTheCommandLineTurnsOffIsNotLoaded() throws IOException {
        install(FIRST);
        host.put("/proc/cmdline", "quiet rebootless.enable=0\n");
        installing().boot(TIMEOUT);
        assertThat(inserted).isEmpty();
        assertThat(events).last().isInstanceOf(HostEvent.BootOff.class);
    }

    @Test
    void whatABootWasLoadingWhenItFailedIsSkippedFromThenOnAndTheOthersAreNot() throws IOException {
        install(FIRST);
        install(STACKED);
        leaveNote("livepatch_first");
        boot("2-2");
        installing().boot(TIMEOUT);
        assertThat(inserted).containsExactly("livepatch_stacked");
        assertThat(events.getFirst()).isInstanceOf(HostEvent.Skipped.class);
        installing().bootComplete();
        boot("3-3");
        host.remove("/sys/kernel/livepatch/livepatch_stacked");
        host.remove("/sys/module/livepatch_stacked");
        installing().boot(TIMEOUT);
        assertThat(inserted).containsExactly("livepatch_stacked");
        assertThat(inStore().getFirst().skipped())
                .hasValueSatisfying(why -> assertThat(why).contains("the boot 1-1 failed"));
        // Who installs it again wants it tried again.
        install(FIRST);
        assertThat(inStore()).allMatch(each -> each.skipped().isEmpty());
    }

    @Test
    void aBootThatIsCompleteLeavesNothingToSkip() throws IOException {
        install(FIRST);
        installing().boot(TIMEOUT);
        assertThat(new BootAttempt(host.files()).read()).isPresent();
        installing().bootComplete();
        assertThat(new BootAttempt(host.files()).read()).isEmpty();
    }

    /** Nobody but the boot that left it may take a note away. */
    @Test
    void theNoteOfAFailedBootOutlivesABootThatLoadsNothing() throws IOException {
        install(FIRST);
        leaveNote("livepatch_first");
        boot("2-2");
        installing().bootComplete();
        boot("3-3");
        host.put("/proc/cmdline", "rebootless.enable=0\n");
        installing().boot(TIMEOUT);
        installing().bootComplete();
        boot("4-4");
        installing().boot(TIMEOUT);
        assertThat(inserted).isEmpty();
    }

    @Test
    void aFailedBootOfAnotherKernelSkipsWhatIsInstalledForThatOne() throws IOException {
        install(FIRST);
        leaveNote("livepatch_first");
        boot("2-2");
        host.put("/proc/sys/kernel/osrelease", "6.1.0-98-cloud-amd64\n");
        installing().boot(TIMEOUT);
        installing().bootComplete();
        boot("3-3");
        host.put("/proc/sys/kernel/osrelease", Manifests.RELEASE + "\n");
        installing().boot(TIMEOUT);
        assertThat(inserted).isEmpty();
    }

    @Test
    void aNoteThatCannotBeReadStopsAll() throws IOException {
        install(FIRST);
        host.put("/var/lib/rebootless/boot-attempt", "nonsense\n");
        requireOnly(
                catchThrowableOfType(RebootlessException.class, () -> installing().boot(TIMEOUT)),
                ExitStatus.ENVIRONMENT,
                "RBL-HOST-STORE");
        assertThat(inserted).isEmpty();
    }

    /** What was only refused has not been loaded, and is not blamed for a crash. */
    @Test
    void whatIsRefusedLeavesNoNote() throws IOException {
        install(FIRST);
        host.put("/proc/meminfo", "MemAvailable: 10 kB\n");
        RebootlessException e =
                catchThrowableOfType(RebootlessException.class, () -> installing().boot(TIMEOUT));
        requireOnly(e, ExitStatus.ENVIRONMENT, "RBL-HOST-MEMORY");
        assertThat(new BootAttempt(host.files()).read()).isEmpty();
    }

    @Test
    void aModuleWhoseBytesHaveChangedIsNotLoaded() throws IOException {
        install(FIRST);
        // Another byte behind the sections: the same module in all that is looked at.
        Path file = host.path(store() + "/" + modules().getFirst());
        Files.write(file, new byte[] {0}, StandardOpenOption.APPEND);
        requireOnly(
                catchThrowableOfType(RebootlessException.class, () -> installing().boot(TIMEOUT)),
                ExitStatus.ENVIRONMENT,
                "RBL-HOST-STORE");
        assertThat(inserted).isEmpty();
    }

    @Test
    void anotherBuildOfItThatLosesACveIsRefused() throws IOException {
        install(FIRST);
        Manifest less = Manifests.of("first", true, List.of(), List.of(), "do_open");
        requireOnly(
                catchThrowableOfType(RebootlessException.class, () -> install(less)),
                ExitStatus.REFUSED,
                "RBL-HOST-REGRESSION");
    }

    @Test
    void aModuleWhoseNameIsAPathIsRefused() throws IOException {
        Manifest evil = Manifests.of("../../../../etc/x", true, List.of(), List.of(), "do_open");
        Path file = TestModules.write(folder, evil, "evil.ko");
        requireOnly(
                catchThrowableOfType(
                        RebootlessException.class, () -> installing().install(file, true, false)),
                ExitStatus.USAGE,
                "RBL-MANIFEST");
    }

    /** A refusal is no crash: the next boot tries again. */
    @Test
    void whatTheKernelDoesNotTakeIsSaidAfterTheOthersAreLoaded() throws IOException {
        install(FIRST);
        install(STACKED);
        answer = Errno.EINVAL;
        RebootlessException e =
                catchThrowableOfType(RebootlessException.class, () -> installing().boot(TIMEOUT));
        assertThat(inserted).hasSize(2);
        assertThat(e.status()).isEqualTo(ExitStatus.KERNEL_SAID_NO);
        assertThat(e.problems()).hasSize(2);
    }

    @Test
    void aModuleForAnotherKernelIsKeptForThatOne() throws IOException {
        host.put("/proc/sys/kernel/osrelease", "6.1.0-98-cloud-amd64\n");
        install(FIRST);
        assertThat(installed()).isEmpty();
        installing().boot(TIMEOUT);
        assertThat(inserted).isEmpty();
        host.put("/proc/sys/kernel/osrelease", Manifests.RELEASE + "\n");
        assertThat(installed()).containsExactly("livepatch_first");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"modules\":[{\"name\":\"x\"}]}",
                "{\"modules\":[{\"name\":\"x\",\"file\":\"../../x.ko\",\"sha256\":\"0\"}]}",
                "{\"modules\":[",
                ""
            })
    void aListThatCannotBeUnderstoodStopsInstallationsAndIsUnknownToWhoeverLooks(String list)
            throws IOException {
        install(FIRST);
        host.put(store() + "/installed.json", list);
        requireOnly(
                catchThrowableOfType(RebootlessException.class, () -> install(STACKED)),
                ExitStatus.ENVIRONMENT,
                "RBL-HOST-STORE");
        HostState state = HostState.read(host.files());
        assertThat(state.installed())
                .isInstanceOfSatisfying(
                        Store.Contents.Unknown.class,
                        unknown -> assertThat(unknown.why()).contains("cannot be understood"));
        assertThat(HostText.status(state, false)).contains("at boot  unknown: ");
        assertThat(HostJson.status(state)).contains("\"installed\":null");
    }

    @Test
    void whatAKilledCallLeftGoesWithTheNextChange() throws IOException {
        install(FIRST);
        host.put(store() + "/livepatch_killed-0123.ko", "half");
        host.put(store() + "/.installed.json.123.tmp", "half");
        assertThat(installed()).containsExactly("livepatch_first");
        install(STACKED);
        assertThat(modules()).hasSize(2).noneMatch(name -> name.contains("killed"));
        assertThat(host.files().names(store())).noneMatch(name -> name.endsWith(".tmp"));
    }

    /** As a call leaves it that is killed between the end of a transition and the removal. */
    @Test
    void aDeadModuleOfItsNameDoesNotKeepALivepatchOutOfTheBoot() throws IOException {
        install(FIRST);
        boot("2-2");
        host.leftOver(FIRST);
        installing().boot(TIMEOUT);
        assertThat(inserted).containsExactly("livepatch_first");
    }

    @Test
    void whatABootThatWasKilledLeftBesideItsNoteGoesWithTheNextNote() throws IOException {
        host.put("/var/lib/rebootless/.boot-attempt.123.tmp", "half");
        host.put("/var/lib/rebootless/.boot-attempts.123.tmp", "of somebody else");
        leaveNote("livepatch_first");
        assertThat(host.files().names("/var/lib/rebootless"))
                .containsExactlyInAnyOrder("boot-attempt", ".boot-attempts.123.tmp");
    }

    private static String store() {
        return "/var/lib/rebootless/" + Manifests.RELEASE + "/" + Manifests.BUILD_ID;
    }

    private List<String> modules() throws IOException {
        return Files.exists(host.path(store()))
                ? host.files().names(store()).stream().filter(n -> n.endsWith(".ko")).toList()
                : List.of();
    }
}
