package dev.rebootless.build;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.manifest.Manifest;
import dev.rebootless.source.kit.Kit;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Patches of headers: which units they reach, which of them change, and what is refused. */
class HeaderTest {
    private static final Pattern REPORT =
            Pattern.compile(
                    "headers: (\\d+) considered, (\\d+) include them, (\\d+) compiled, (\\d+)"
                            + " changed .*");

    @TempDir Path folder;
    private final List<String> steps = new ArrayList<>();

    @Test
    void anInlineFunctionOfAHeaderPutsInOnlyTheUnitsWhoseCodeChanges() throws IOException {
        BuildOutcome.Explained explained =
                (BuildOutcome.Explained)
                        explain(
                                edit(
                                        "mm/slab.h",
                                        "static inline int slab_nid(const struct slab *slab)\n{\n",
                                        "\tif (!slab)\n\t\treturn 0;\n\n"));
        List<Manifest.PatchedFunction> functions = explained.objects().getFirst().functions();
        assertThat(functions)
                .extracting(Manifest.PatchedFunction::unit)
                .contains("mm/slub.c")
                // These include the header and do not use the function.
                .doesNotContain("mm/slab_common.c", "mm/dmapool.c", "mm/kfence/core.c");
        Matcher report = report();
        assertThat(Integer.parseInt(report.group(3))).isGreaterThanOrEqualTo(3);
        assertThat(Integer.parseInt(report.group(4)))
                .isEqualTo(
                        (int)
                                functions.stream()
                                        .map(Manifest.PatchedFunction::unit)
                                        .distinct()
                                        .count())
                .isLessThan(Integer.parseInt(report.group(3)));
    }

    @Test
    void aCommentInAHeaderChangesNothingAndNothingIsCompiled() throws IOException {
        assertThat(
                        explain(
                                edit(
                                        "mm/slab.h",
                                        "#ifndef MM_SLAB_H\n",
                                        "/* Another\n * comment.\n */\n")))
                .isInstanceOf(BuildOutcome.Unchanged.class);
        assertThat(steps)
                .anyMatch(s -> s.matches("looked at (\\d+) of \\1: \\d+ include it, 0 differ"));
        assertThat(steps).noneMatch(s -> s.startsWith("compiling"));
    }

    @Test
    void aNewFieldIsRefusedAndTheTypeIsNamed() throws IOException {
        Problem problem =
                refusal(
                        edit(
                                "net/8021q/vlan.h",
                                "struct vlan_info {\n",
                                "\tunsigned long rebootless;\n"));
        assertThat(problem.code()).isEqualTo("RBL-TYPE-LAYOUT");
        assertThat(problem.place()).matches("net/8021q/vlan\\.h:\\d+");
        assertThat(problem.message())
                .startsWith("struct vlan_info: new member rebootless at byte 0");
    }

    @Test
    void aHeaderThatVmlinuxAndAModuleIncludeChangesTheCodeOfBoth() throws IOException {
        BuildOutcome.Explained explained =
                (BuildOutcome.Explained)
                        explain(
                                edit(
                                        "net/8021q/vlan.h",
                                        "\tstruct vlan_info *vlan_info = rcu_dereference_rtnl(real_dev->vlan_info);\n",
                                        "\n\tif (vlan_id >= VLAN_N_VID)\n\t\treturn NULL;\n"));
        assertThat(explained.objects())
                .extracting(Manifest.TargetObject::name)
                .containsExactly("vmlinux", "8021q");
    }

    @Test
    void aHeaderThatChangesAssemblerIsRefused() throws IOException {
        Problem problem =
                refusal(
                        edit(
                                "arch/x86/kvm/vmx/run_flags.h",
                                "#define VMX_RUN_VMRESUME_SHIFT\t\t0\n",
                                "#undef VMX_RUN_VMRESUME_SHIFT\n#define VMX_RUN_VMRESUME_SHIFT\t\t1\n"));
        assertThat(problem.code()).isEqualTo("RBL-ASSEMBLER");
        assertThat(problem.place()).isEqualTo("arch/x86/kvm/vmx/vmenter.S");
    }

    @Test
    void aHeaderThatTheBuildReadsAsTextIsRefused() throws IOException {
        Problem problem = refusal(edit("include/linux/oid_registry.h", "enum OID {\n", "\n"));
        assertThat(problem.code()).isEqualTo("RBL-HEADER-BUILD");
        assertThat(problem.message()).contains("lib/Makefile");
    }

    @Test
    void aHeaderThatNothingIncludesIsRefused() throws IOException {
        Problem problem =
                refusal(edit("fs/affs/affs.h", "#include <linux/types.h>\n", "/* x */\n"));
        assertThat(problem.code()).isEqualTo("RBL-NOT-BUILT");
    }

    @Test
    @Tag("long")
    void aCommentInAHeaderOfOverFiftyUnitsChangesNothing() throws IOException {
        assertThat(explain(edit("mm/internal.h", "#ifndef __MM_INTERNAL_H\n", "/* x */\n")))
                .isInstanceOf(BuildOutcome.Unchanged.class);
        String last = steps.stream().filter(s -> s.startsWith("looked at")).toList().getLast();
        Matcher counts =
                Pattern.compile("looked at (\\d+) of \\d+: (\\d+) include it, 0 differ")
                        .matcher(last);
        assertThat(counts.matches()).as(last).isTrue();
        assertThat(Integer.parseInt(counts.group(2))).isGreaterThanOrEqualTo(50);
    }

    @Test
    @Tag("long")
    void anInlineFunctionOfAHeaderThatOverFiftyUnitsIncludeIsProven() {
        BuildOutcome outcome =
                new Build(StockKernelKit.get(), steps::add, false)
                        .run(
                                new BuildRequest(
                                        List.of(Patches.patch("stack-header")),
                                        folder,
                                        Optional.of("stack-header"),
                                        true,
                                        List.of(),
                                        true,
                                        Optional.of(Patches.check("stack-header"))));
        assertThat(outcome).isInstanceOf(BuildOutcome.Built.class);
        Matcher report = report();
        System.out.println(report.group());
        assertThat(Integer.parseInt(report.group(1))).isGreaterThanOrEqualTo(50);
        assertThat(Integer.parseInt(report.group(3))).isGreaterThanOrEqualTo(50);
        assertThat(((BuildOutcome.Built) outcome).manifest().objects().getFirst().functions())
                .extracting(Manifest.PatchedFunction::unit)
                .containsOnly("mm/mmap.c");
    }

    private Matcher report() {
        String line =
                steps.stream().filter(s -> s.startsWith("headers: ")).findFirst().orElseThrow();
        Matcher report = REPORT.matcher(line);
        assertThat(report.matches()).as(line).isTrue();
        return report;
    }

    private Problem refusal(Path patch) {
        RebootlessException e =
                catchThrowableOfType(RebootlessException.class, () -> explain(patch));
        assertThat(e).as("not refused").isNotNull();
        assertThat(e.status()).as(e.getMessage()).isEqualTo(ExitStatus.REFUSED);
        Problem first = e.problems().getFirst();
        assertThat(first.remedy()).isNotBlank();
        return first;
    }

    private BuildOutcome explain(Path patch) {
        return new Build(StockKernelKit.get(), steps::add, false).explain(List.of(patch));
    }

    /** A patch that adds lines behind a place that the file has once. */
    private Path edit(String path, String behind, String added) throws IOException {
        Kit kit = StockKernelKit.get();
        List<String> lines = Files.readAllLines(kit.tree().resolve(path));
        String text = String.join("\n", lines) + "\n";
        int at = text.indexOf(behind);
        assertThat(at).as(behind).isNotNegative();
        int line = (int) text.substring(0, at + behind.length()).lines().count();
        List<String> more = added.lines().toList();
        int before = Math.min(3, line);
        int after = Math.min(3, lines.size() - line);
        StringBuilder patch = new StringBuilder("--- a/" + path + "\n+++ b/" + path + "\n");
        patch.append(
                "@@ -%d,%d +%d,%d @@\n"
                        .formatted(
                                line - before + 1,
                                before + after,
                                line - before + 1,
                                before + after + more.size()));
        lines.subList(line - before, line).forEach(l -> patch.append(" " + l + "\n"));
        more.forEach(l -> patch.append("+" + l + "\n"));
        lines.subList(line, line + after).forEach(l -> patch.append(" " + l + "\n"));
        return Files.writeString(folder.resolve("header.patch"), patch.toString());
    }
}
