package dev.rebootless.host;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.base.Hashes;
import dev.rebootless.elf.ElfHeader;
import dev.rebootless.manifest.Manifest;
import java.io.IOException;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Each thing that is looked at before a load, alone in the way. */
class PreflightTest {
    private static final int EM_AARCH64 = 183;

    @TempDir Path root;
    @TempDir Path folder;
    private FakeHost host;
    private Manifest manifest =
            Manifests.of("fix", true, List.of("CVE-2026-1"), List.of(), "do_open");

    @BeforeEach
    void makeHost() {
        host = new FakeHost(root);
    }

    private List<Finding> findings(Path file, boolean... flags) {
        LoadRequest request =
                new LoadRequest(
                        file,
                        Duration.ofSeconds(1),
                        Duration.ZERO,
                        false,
                        flags.length == 0 || flags[0],
                        flags.length > 1 && flags[1],
                        flags.length > 2 && flags[2]);
        return new Preflight(
                        host.files(),
                        ModuleToLoad.read(file),
                        request,
                        HostState.read(host.files()))
                .findings();
    }

    private List<Finding> findings(boolean... flags) throws IOException {
        return findings(TestModules.write(folder, manifest), flags);
    }

    private static void requireOnlyRefusal(List<Finding> findings, String code) {
        assertThat(findings.stream().flatMap(f -> f.refused().stream()))
                .extracting(r -> r.problem().code())
                .containsExactly(code);
    }

    private static void requireNoRefusal(List<Finding> findings) {
        assertThat(findings.stream().flatMap(f -> f.refused().stream())).isEmpty();
    }

    private static Finding.Verdict verdict(List<Finding> findings, String what) {
        return findings.stream()
                .filter(f -> f.what().equals(what))
                .findFirst()
                .orElseThrow()
                .verdict();
    }

    @Test
    void nothingStandsInTheWayOfALivepatchForThisKernel() throws IOException {
        List<Finding> findings = findings();
        requireNoRefusal(findings);
        assertThat(findings).hasSizeGreaterThanOrEqualTo(14);
        assertThat(findings).noneMatch(f -> f.verdict() instanceof Finding.Unknown);
    }

    @Test
    void everythingThatSpeaksAgainstItIsSaidAtOnce() throws IOException {
        host.put("/proc/sys/kernel/osrelease", "6.1.0-98-cloud-amd64\n");
        host.put("/proc/self/status", "CapEff:\t0000000000000000\n");
        host.put("/proc/meminfo", "MemAvailable: 1000 kB\n");
        assertThat(findings(false).stream().flatMap(f -> f.refused().stream()))
                .extracting(r -> r.problem().code())
                .containsExactlyInAnyOrder(
                        "RBL-HOST-NOT-ROOT",
                        "RBL-HOST-RELEASE",
                        "RBL-HOST-UNPROVEN",
                        "RBL-HOST-MEMORY");
    }

    @Test
    void anotherBuildOfTheSameReleaseIsRefused() throws IOException {
        host.bytes(
                "/sys/kernel/notes",
                FakeHost.note("GNU", 3, HexFormat.of().parseHex("ff".repeat(20))));
        requireOnlyRefusal(findings(), "RBL-HOST-BUILD");
    }

    @Test
    void aBuildThatCannotBeReadIsUnknown() throws IOException {
        host.remove("/sys/kernel/notes");
        assertThat(verdict(findings(), "kernel build")).isInstanceOf(Finding.Unknown.class);
    }

    @Test
    void anotherArchitectureIsRefused() throws IOException {
        ElfHeader header = new ElfHeader(ByteOrder.LITTLE_ENDIAN, 0, 1, EM_AARCH64, 0, 0);
        Path file = TestModules.write(folder, manifest, header, Manifests.VERMAGIC);
        requireOnlyRefusal(findings(file), "RBL-HOST-ARCHITECTURE");
    }

    @Test
    void anotherVersionMagicThanItsManifestHasIsRefused() throws IOException {
        Path file = TestModules.write(folder, manifest, ElfHeader.x86Relocatable(), "6.1.0 SMP ");
        requireOnlyRefusal(findings(file), "RBL-HOST-VERMAGIC");
    }

    @Test
    void aProofBesideTheModuleIsBelievedOnlyForItsBytes() throws IOException {
        Path file = TestModules.write(folder, manifest);
        Path beside = file.resolveSibling("livepatch-fix.json");
        String proven =
                "{\"status\":\"proven\",\"moduleSha256\":\""
                        + Hashes.sha256(Files.readAllBytes(file))
                        + "\"}";
        Files.writeString(beside, proven);
        requireNoRefusal(findings(file, false));
        Files.writeString(beside, proven.replace("proven", "unproven"));
        requireOnlyRefusal(findings(file, false), "RBL-HOST-UNPROVEN");
        Files.writeString(beside, "{\"status\":\"proven\",\"moduleSha256\":\"00\"}");
        requireOnlyRefusal(findings(file, false), "RBL-HOST-UNPROVEN");
    }

    @Test
    void anUnsignedModuleIsRefusedWhereSignaturesAreRequired() throws IOException {
        host.put("/sys/module/module/parameters/sig_enforce", "Y\n");
        requireOnlyRefusal(findings(), "RBL-HOST-SIGNATURE");
        host.put("/sys/module/module/parameters/sig_enforce", "N\n");
        host.put("/sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
        requireOnlyRefusal(findings(), "RBL-HOST-SIGNATURE");
        host.put("/sys/kernel/security/lockdown", "[none] integrity confidentiality\n");
        requireNoRefusal(findings());
    }

    @Test
    void aTargetModuleOfAnotherBuildIsRefusedAndOneThatIsNotThereIsNot() throws IOException {
        manifest =
                Manifests.of(
                        "fix",
                        true,
                        List.of(),
                        List.of(),
                        List.of(Manifests.target("nf_tables", "nft_do_chain")));
        requireNoRefusal(findings());
        host.bytes(
                "/sys/module/nf_tables/notes/.note.gnu.build-id",
                FakeHost.note("GNU", 3, HexFormat.of().parseHex("ab".repeat(20))));
        requireNoRefusal(findings());
        host.bytes(
                "/sys/module/nf_tables/notes/.note.gnu.build-id",
                FakeHost.note("GNU", 3, HexFormat.of().parseHex("cd".repeat(20))));
        requireOnlyRefusal(findings(), "RBL-HOST-TARGET-BUILD");
        host.remove("/sys/module/nf_tables/notes");
        assertThat(verdict(findings(), "module nf_tables")).isInstanceOf(Finding.Unknown.class);
    }

    @Test
    void aLivepatchThatIsLoadedIsNotLoadedTwice() throws IOException {
        host.livepatch(manifest, false);
        requireOnlyRefusal(findings(), "RBL-HOST-LOADED");
    }

    @Test
    void aTransitionThatRunsIsWaitedFor() throws IOException {
        host.livepatch(Manifests.of("other", true, List.of(), List.of(), "do_open"), true);
        requireOnlyRefusal(findings(), "RBL-HOST-TRANSITION");
    }

    @Test
    void aReplacingLivepatchThatLosesAFunctionOrCveIsRefusedUnlessToldOtherwise()
            throws IOException {
        host.livepatch(
                Manifests.of(
                        "earlier", true, List.of("CVE-2026-2"), List.of(), "do_open", "do_close"),
                false);
        requireOnlyRefusal(findings(), "RBL-HOST-REGRESSION");
        requireNoRefusal(findings(true, true));
        assertThat(verdict(findings(true, true), "livepatches that it replaces"))
                .isInstanceOfSatisfying(
                        Finding.Warning.class,
                        w ->
                                assertThat(w.message())
                                        .contains("CVE-2026-2")
                                        .contains("vmlinux:do_close"));
    }

    @Test
    void aReplacingLivepatchThatHasAllOfTheEarlierIsLoaded() throws IOException {
        host.livepatch(
                Manifests.of("earlier", true, List.of("CVE-2026-1"), List.of(), "do_open"), false);
        requireNoRefusal(findings());
    }

    @Test
    void aForeignLivepatchIsNotReplacedUnlessToldSo() throws IOException {
        host.foreign("kpatch_other", "do_close,1");
        requireOnlyRefusal(findings(), "RBL-HOST-REPLACES-FOREIGN");
        requireNoRefusal(findings(true, false, true));
    }

    @Test
    void aStackedLivepatchThatWouldCoverAnotherIsRefusedUnlessToldSo() throws IOException {
        host.livepatch(
                Manifests.of("earlier", true, List.of("CVE-2026-2"), List.of(), "do_open"), false);
        manifest = Manifests.of("fix", false, List.of(), List.of(), "do_open");
        requireOnlyRefusal(findings(), "RBL-HOST-REGRESSION");
        requireNoRefusal(findings(true, true));
    }

    @Test
    void aKernelThatLoadsNoMoreModulesIsSaidToBeOne() throws IOException {
        host.put("/proc/sys/kernel/modules_disabled", "1\n");
        requireOnlyRefusal(findings(), "RBL-HOST-NOT-ROOT");
    }

    @Test
    void withoutSecurityfsNobodyKnowsWhetherTheKernelIsLockedDown() throws IOException {
        host.remove("/sys/kernel/security");
        assertThat(verdict(findings(), "module signatures")).isInstanceOf(Finding.Unknown.class);
    }

    @Test
    void aStackedLivepatchReplacesNothing() throws IOException {
        host.foreign("kpatch_other", "do_close,1");
        manifest = Manifests.of("fix", false, List.of(), List.of(), "do_open");
        requireNoRefusal(findings());
    }

    @Test
    void aProbedFunctionIsWarnedOf() throws IOException {
        host.put(
                "/sys/kernel/debug/kprobes/list",
                "ffffffff81234560  k  do_open+0x0    [FTRACE]\nffffffff81234570  k  other+0x0\n");
        assertThat(verdict(findings(), "probes"))
                .isInstanceOfSatisfying(
                        Finding.Warning.class, w -> assertThat(w.message()).endsWith(": do_open"));
        requireNoRefusal(findings());
    }

    @Test
    void aFunctionThatAnotherTracerHasTakenIsRefused() throws IOException {
        host.put(
                "/sys/kernel/tracing/enabled_functions",
                "do_open (1) R I     \ttramp: 0xffffffffc0000000\ndo_close (1)    \n");
        requireOnlyRefusal(findings(), "RBL-HOST-TRACED");
        // A livepatch has taken it, and shares it with the next.
        host.livepatch(Manifests.of("earlier", true, List.of(), List.of(), "do_open"), false);
        requireNoRefusal(findings());
    }

    @Test
    void whatIsNotMountedIsUnknown() throws IOException {
        host.remove("/sys/kernel/debug/kprobes");
        host.remove("/sys/kernel/tracing");
        assertThat(verdict(findings(), "probes")).isInstanceOf(Finding.Unknown.class);
        assertThat(verdict(findings(), "other tracers")).isInstanceOf(Finding.Unknown.class);
    }

    @Test
    void whatKpatchWouldLoadIsWarnedOf() throws IOException {
        host.put("/var/lib/kpatch/" + Manifests.RELEASE + "/kpatch-fix.ko", "");
        assertThat(verdict(findings(), "kpatch")).isInstanceOf(Finding.Warning.class);
    }
}
