package dev.rebootless.build.runpre;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.base.Progress;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.build.Build;
import dev.rebootless.build.BuildOutcome;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a user sees when source, configuration or flags are not those of the shipped kernel. */
final class RunPreRefusalTest {
    private static final String STRING = "fs/proc/loadavg.c";
    private static final String CALL = "fs/proc/cmdline.c";
    private static final String DATA = "fs/proc/version.c";

    private static TamperedKit kit;

    @TempDir private Path folder;

    @BeforeAll
    static void copyTheKit() {
        kit = TamperedKit.of(StockKit.newest().kit());
    }

    @AfterEach
    void undoTheEdits() {
        kit.restore();
    }

    @AfterAll
    static void removeTheCopy() throws IOException {
        kit.close();
    }

    private Build build(boolean debug) {
        return new Build(kit.kit(), Progress.SILENT, debug);
    }

    private Problem refusal(Path patch) {
        RebootlessException refused =
                catchThrowableOfType(
                        RebootlessException.class, () -> build(false).explain(List.of(patch)));
        assertThat(refused).as("a refusal").isNotNull();
        assertThat(refused.status()).isEqualTo(ExitStatus.REFUSED);
        assertThat(refused.problems()).hasSize(1);
        Problem problem = refused.problems().getFirst();
        assertThat(problem.code()).isEqualTo("RBL-RUN-PRE");
        assertThat(problem.message())
                .startsWith("its code, rebuilt from the unpatched source, is not the shipped code");
        assertThat(problem.remedy()).contains("rebootless kit show");
        return problem;
    }

    private Path patchOfLoadavg() {
        return Patches.insert(
                kit.kit().tree(),
                STRING,
                "get_avenrun(avnrun, FIXED_1/200, 0);",
                "\tavnrun[2] = 0;",
                folder);
    }

    private Path patchOfCmdline() {
        return Patches.insert(
                kit.kit().tree(),
                CALL,
                "seq_puts(m, saved_command_line);",
                "\tseq_putc(m, ' ');",
                folder);
    }

    private Path patchOfVersion() {
        return Patches.replace(
                kit.kit().tree(), DATA, "utsname()->sysname,", "\t\t\"Tux\",", folder);
    }

    @Test
    void anUntouchedCopyOfTheKitIsAccepted() {
        assertThat(build(false).explain(List.of(patchOfLoadavg())))
                .isInstanceOfSatisfying(
                        BuildOutcome.Explained.class,
                        explained ->
                                assertThat(explained.objects().getFirst().functions())
                                        .extracting(f -> f.name())
                                        .containsExactly("loadavg_proc_show"));
    }

    @Test
    void anotherConfigurationIsRefused() {
        // Two members of task_struct less, and current->nsproxy is elsewhere.
        kit.edit("include/generated/autoconf.h", "#define CONFIG_SYSVIPC 1\n", "");

        Problem problem = refusal(patchOfVersion());
        assertThat(problem.place()).isEqualTo("version_proc_show");
        assertThat(problem.message()).contains("the byte at offset");
    }

    @Test
    void anotherOptimisationIsRefused() {
        kit.editCommands(STRING, text -> text.replace("\"-O2\"", "\"-O1\""));

        assertThat(refusal(patchOfLoadavg()).place()).isEqualTo("loadavg_proc_show");
    }

    @Test
    void anotherProcessorToTuneForIsRefused() {
        kit.editCommands(STRING, text -> text.replace("\"-mtune=generic\"", "\"-mtune=atom\""));

        assertThat(refusal(patchOfLoadavg()).place()).isEqualTo("loadavg_proc_show");
    }

    @Test
    void aCallOfAnotherFunctionIsRefusedThoughAllOtherBytesAreEqual() {
        // seq_putc() and seq_pad() have one signature: but for the call's distance the code is
        // equal.
        kit.edit(CALL, "seq_putc(m, '\\n');", "seq_pad(m, '\\n');");

        Problem problem = refusal(patchOfCmdline());
        assertThat(problem.place()).isEqualTo("cmdline_proc_show");
        assertThat(problem.message())
                .contains("it refers to seq_pad, but the shipped code to seq_putc");
    }

    @Test
    void aStringThatDiffersIsRefused() {
        kit.edit(
                STRING,
                "%lu.%02lu %lu.%02lu %lu.%02lu %u/%d %d\\n",
                "%lu.%02lu %lu.%02lu %lu.%03lu %u/%d %d\\n");

        Problem problem = refusal(patchOfLoadavg());
        assertThat(problem.place()).isEqualTo("loadavg_proc_show");
        assertThat(problem.message()).contains("a string that it uses is another one");
    }

    @Test
    void anotherVariableIsRefused() {
        kit.edit(DATA, "seq_printf(m, linux_proc_banner,", "seq_printf(m, linux_banner,");

        Problem problem = refusal(patchOfVersion());
        assertThat(problem.place()).isEqualTo("version_proc_show");
        assertThat(problem.message())
                .contains("it refers to linux_banner, but the shipped code to linux_proc_banner");
    }

    @Test
    void withDebugARefusalShowsBothDisassemblies() {
        kit.edit(CALL, "seq_putc(m, '\\n');", "seq_pad(m, '\\n');");

        RebootlessException refused =
                catchThrowableOfType(
                        RebootlessException.class,
                        () -> build(true).explain(List.of(patchOfCmdline())));
        assertThat(refused).isNotNull();
        assertThat(refused.problems().getFirst().message()).contains("call").contains("seq_pad");
    }
}
