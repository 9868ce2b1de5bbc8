package dev.rebootless.build;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Patches that must not become a livepatch. Each refusal has its code, its place and a remedy, and
 * leaves no file.
 */
class RefusalTest {
    @TempDir Path folder;

    @Test
    void aChangedInitialValueIsRefused() {
        assertRefused("initial-value", "RBL-DATA-CHANGED", "sysctl_overcommit_ratio", "initial");
    }

    @Test
    void aDatumThatGrowsIsRefusedAndBothSizesAreNamed() {
        Problem problem = assertRefused("table-grows", "RBL-DATA-CHANGED", "icmpmibmap", "size");
        assertThat(problem.message()).containsPattern("from \\d+ to \\d+ bytes");
    }

    @Test
    void aChangedInitFunctionIsRefused() {
        assertRefused("init-function", "RBL-INIT-CHANGED", "proc_version_init", ".init.text");
    }

    @Test
    void aNotraceFunctionIsRefusedAndItsCallersAreNamed() {
        Problem problem =
                assertRefused("notrace", "RBL-NO-FENTRY", "ktime_get_mono_fast_ns", "__fentry__");
        assertThat(problem.message())
                .contains("ktime_get_boot_fast_ns", "ktime_get_tai_fast_ns")
                .doesNotContain("ksymtab");
        assertThat(problem.remedy()).contains("call it");
    }

    @Test
    void aFunctionOfAFolderThatIsCompiledWithoutFentryIsRefused() {
        Problem problem =
                assertRefused("kstrtobool-words", "RBL-NO-FENTRY", "kstrtobool", "__fentry__");
        assertThat(problem.message()).contains("it is called by").contains(" more");
    }

    @Test
    void aNewExportIsRefusedWithItsLine() {
        assertRefused("export", "RBL-EXPORT", "fs/proc/version.c:", "EXPORT_SYMBOL_GPL");
    }

    @Test
    void aNewModuleParameterIsRefusedWithItsLine() {
        assertRefused("module-param", "RBL-MODULE-PARAM", "fs/proc/version.c:", "module_param");
    }

    @Test
    void aNewInitcallIsRefusedWithItsLine() {
        assertRefused("initcall", "RBL-INITCALL", "fs/proc/version.c:", "late_initcall");
    }

    @Test
    void aBuildFileIsRefused() {
        assertRefused("makefile", "RBL-BUILD-SYSTEM", "makefile.patch:", "fs/proc/Makefile");
    }

    @Test
    void aNewPerCpuVariableThatStartsWithAnAddressIsRefused() {
        assertRefused("per-cpu-address", "RBL-SECTION", "uptime_word", "holds an address");
    }

    @Test
    void aNewNameThatTwoFilesDefineIsRefused() {
        assertRefused("global-twice", "RBL-GLOBAL-ELSEWHERE", "shown_twice", "fs/proc/version.c");
    }

    @Test
    void aFunctionThatFollowsAStaticKeyOfItsModuleIsRefused() {
        assertRefused("nft-static-key", "RBL-MODULE-EARLY", "nft_trace_enabled", "static key");
    }

    @Test
    void theLivepatchMachineryIsRefused() {
        assertRefused("machinery", "RBL-MACHINERY", "kernel/livepatch/core.c", "livepatch");
    }

    @Test
    void theVdsoIsRefused() {
        assertRefused("vdso", "RBL-NOT-BUILT", "arch/x86/entry/vdso/vclock_gettime.c", "vDSO");
    }

    @Test
    void aFileThatTheConfigurationLeavesOutIsRefused() {
        assertRefused("not-built", "RBL-NOT-BUILT", "fs/affs/dir.c", "configuration");
    }

    @Test
    void aStaticLocalThatDoesNotPairIsRefused() {
        assertRefused("static-unpaired", "RBL-STATIC-UNPAIRED", "oom_rs", "static variable");
    }

    @Test
    void aReferenceIntoInitMemoryIsRefused() {
        assertRefused("init-reference", "RBL-INIT-REFERENCE", "start_kernel", "freed after boot");
    }

    @Test
    void aNewReferenceToANameWithNamesakesIsRefused() {
        assertRefused("ambiguous", "RBL-SYMBOL-AMBIGUOUS", "seq_show", "symbols of this name");
    }

    @Test
    void aReferenceToNothingIsRefused() {
        assertRefused("unknown", "RBL-SYMBOL-UNKNOWN", "version_proc_show_more", "no symbol");
    }

    @Test
    void sourceThatDoesNotCompileIsRefusedWithTheCompilersWords() {
        assertRefused("bad-c", "RBL-COMPILE", "fs/proc/version.c", "error:");
    }

    @Test
    void aPatchForAnotherTreeIsRefusedAndNamesWhatStandsThere() throws IOException {
        Path other = folder.resolve("other-tree.patch");
        Files.writeString(
                other,
                Files.readString(Patches.patch("version-line"))
                        .replace("utsname()->release", "init_uts_ns.name.release"));
        Problem problem = refusal(other);
        assertThat(problem.code()).isEqualTo("RBL-HUNK-MISMATCH");
        assertThat(problem.place()).startsWith("other-tree.patch:");
        assertThat(problem.message())
                .contains("init_uts_ns.name.release", "utsname()->release", "fs/proc/version.c:");
        assertThat(problem.remedy()).isNotBlank();
    }

    @Test
    void allRefusalsOfAPassAreNamedAtOnce() {
        RebootlessException e =
                catchThrowableOfType(
                        RebootlessException.class,
                        () ->
                                run(
                                        List.of(
                                                Patches.refused("initial-value"),
                                                Patches.refused("init-function"))));
        assertThat(e.problems())
                .extracting(Problem::code)
                .containsExactlyInAnyOrder("RBL-DATA-CHANGED", "RBL-INIT-CHANGED");
    }

    @Test
    void aPatchOfCommentsAloneChangesNothing() {
        assertThat(run(List.of(Patches.refused("comment"))))
                .isInstanceOf(BuildOutcome.Unchanged.class);
    }

    @Test
    void aPatchOfDocumentationAloneChangesNothingAndSaysWhatWasLeftOut() {
        BuildOutcome outcome = run(List.of(Patches.refused("documentation")));
        assertThat(outcome).isInstanceOf(BuildOutcome.Unchanged.class);
        assertThat(((BuildOutcome.Unchanged) outcome).warnings())
                .anyMatch(w -> w.contains("Documentation/livepatch/livepatch.rst"));
    }

    @Test
    void aNewFunctionThatNothingCallsChangesNothingAndSaysSo() {
        BuildOutcome outcome = run(List.of(Patches.refused("unused-function")));
        assertThat(outcome).isInstanceOf(BuildOutcome.Unchanged.class);
        assertThat(((BuildOutcome.Unchanged) outcome).warnings())
                .anyMatch(w -> w.contains("nothing calls"));
    }

    private Problem assertRefused(String name, String code, String place, String word) {
        Problem problem = refusal(Patches.refused(name));
        assertThat(problem.code()).as(problem.text()).isEqualTo(code);
        assertThat(problem.place()).contains(place);
        assertThat(problem.message()).contains(word);
        assertThat(problem.remedy()).isNotBlank();
        return problem;
    }

    /** The first problem; the build ended with exit status 4 and left nothing. */
    private Problem refusal(Path patch) {
        RebootlessException e =
                catchThrowableOfType(RebootlessException.class, () -> run(List.of(patch)));
        assertThat(e).as("not refused").isNotNull();
        assertThat(e.status()).as(e.getMessage()).isEqualTo(ExitStatus.REFUSED);
        return e.problems().getFirst();
    }

    private BuildOutcome run(List<Path> patches) {
        Path out = folder.resolve("out");
        try {
            return new Build(StockKernelKit.get(), step -> {}, false)
                    .run(
                            new BuildRequest(
                                    patches,
                                    out,
                                    Optional.empty(),
                                    true,
                                    List.of(),
                                    false,
                                    Optional.empty()));
        } finally {
            assertNothingIn(out);
        }
    }

    private static void assertNothingIn(Path out) {
        if (Files.exists(out)) {
            try (Stream<Path> files = Files.list(out)) {
                assertThat(files).isEmpty();
            } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
        }
    }
}
