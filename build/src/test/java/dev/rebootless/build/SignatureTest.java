package dev.rebootless.build;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.source.kit.Kit;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Patches that change the type of a function, or what it locks, against a shipped kernel. */
@Execution(ExecutionMode.CONCURRENT)
class SignatureTest {
    @TempDir Path folder;

    @Test
    void anotherTypeOfAnExportedFunctionIsRefusedAndNamesBothTypesAndTheCrc() throws IOException {
        Problem problem =
                refusal(
                        // The header stays as it is: many files include it.
                        edit(
                                "fs/eventfd.c",
                                "#include <linux/file.h>\n",
                                "#define eventfd_ctx_do_read eventfd_ctx_do_read_as_declared\n"
                                        + "#include <linux/eventfd.h>\n"
                                        + "#undef eventfd_ctx_do_read\n"
                                        + "#include <linux/file.h>\n"),
                        edit(
                                "fs/eventfd.c",
                                "void eventfd_ctx_do_read(struct eventfd_ctx *ctx, __u64 *cnt)\n",
                                "bool eventfd_ctx_do_read(struct eventfd_ctx *ctx, __u64 *cnt)\n"),
                        edit(
                                "fs/eventfd.c",
                                "\tctx->count -= *cnt;\n",
                                "\tctx->count -= *cnt;\n\treturn *cnt;\n"));
        assertThat(problem.code()).isEqualTo("RBL-EXPORT-CHANGED");
        assertThat(problem.place()).isEqualTo("eventfd_ctx_do_read");
        assertThat(problem.message())
                .contains("void (struct eventfd_ctx *, __u64 *)")
                .contains("bool (struct eventfd_ctx *, __u64 *)")
                .containsPattern("CRC 0x[0-9a-f]{8}");
    }

    @Test
    void anotherTypeOfAFunctionWhoseCallersAllSwitchIsBuiltWithAWarning() throws IOException {
        List<String> warnings =
                explained(
                        returnsLong("net/8021q/vlan.h"),
                        returnsLong("net/8021q/vlan.c"),
                        checksTheId());
        assertThat(warnings)
                .anySatisfy(w ->
                        assertThat(w)
                                .startsWith(
                                        "net/8021q/vlan.c: vlan_check_real_dev: its type changes (int (")
                                .contains("becomes long int ("));
    }

    @Test
    void anotherTypeOfAFunctionThatOtherUnitsCallIsRefusedAndNamesTheCaller() throws IOException {
        // The header goes on declaring the old type, so the other units are not compiled anew.
        Problem problem =
                refusal(
                        edit(
                                "net/8021q/vlan.c",
                                "#include \"vlan.h\"\n",
                                "#define vlan_check_real_dev vlan_check_real_dev_as_declared\n"
                                        + "#include \"vlan.h\"\n"
                                        + "#undef vlan_check_real_dev\n"),
                        returnsLong("net/8021q/vlan.c"),
                        checksTheId());
        assertThat(problem.code()).isEqualTo("RBL-SIGNATURE-CHANGED");
        assertThat(problem.place()).isEqualTo("vlan_check_real_dev");
        assertThat(problem.message()).contains("becomes long int (", "vlan_newlink");
    }

    @Test
    void aCloneThatTheCompilerMakesIsNoChangeOfType() throws IOException {
        // The new constant argument lets gcc make another clone; the source's types stay.
        assertThat(
                        explained(
                                edit(
                                        "fs/eventfd.c",
                                        "\tif (flags & ~EFD_FLAGS_SET)\n",
                                        "\tif (flags & ~EFD_FLAGS_SET || count == 77)\n")))
                .isEmpty();
    }

    @Test
    void aLockThatAFunctionNewlyTakesIsAWarning() throws IOException {
        assertThat(
                        explained(
                                edit(
                                        "fs/eventfd.c",
                                        "\t*cnt = ((ctx->flags & EFD_SEMAPHORE) && ctx->count) ? 1 : ctx->count;\n",
                                        "\tif (spin_trylock(&ctx->wqh.lock))\n"
                                                + "\t\tspin_unlock(&ctx->wqh.lock);\n"
                                                + "\t*cnt = ((ctx->flags & EFD_SEMAPHORE) && ctx->count) ? 1 : ctx->count;\n")))
                .anySatisfy(w ->
                        assertThat(w)
                                .startsWith("fs/eventfd.c: eventfd_ctx_do_read: it locks")
                                .contains("_raw_spin_trylock 1 times instead of 0"));
    }

    private Path returnsLong(String path) throws IOException {
        return edit(
                path,
                "int vlan_check_real_dev(struct net_device *real_dev,\n",
                "long vlan_check_real_dev(struct net_device *real_dev,\n");
    }

    private Path checksTheId() throws IOException {
        return edit(
                "net/8021q/vlan.c",
                "\tconst char *name = real_dev->name;\n",
                "\tconst char *name = real_dev->name;\n\n"
                        + "\tif (vlan_id >= VLAN_N_VID)\n\t\treturn -ERANGE;\n");
    }

    private Path edit(String path, String was, String is) throws IOException {
        return Edits.replace(folder, kit(), path, was, is);
    }

    private static Kit kit() {
        return StockKernelKit.get();
    }

    private static List<String> explained(Path... patches) {
        BuildOutcome outcome = new Build(kit(), step -> {}, false).explain(List.of(patches));
        assertThat(outcome).isInstanceOf(BuildOutcome.Explained.class);
        return ((BuildOutcome.Explained) outcome).warnings();
    }

    private static Problem refusal(Path... patches) {
        RebootlessException e =
                catchThrowableOfType(
                        RebootlessException.class,
                        () -> new Build(kit(), step -> {}, false).explain(List.of(patches)));
        assertThat(e).as("not refused").isNotNull();
        Problem first = e.problems().getFirst();
        assertThat(first.remedy()).isNotBlank();
        return first;
    }
}
