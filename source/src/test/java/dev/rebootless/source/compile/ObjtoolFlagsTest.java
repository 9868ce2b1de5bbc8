package dev.rebootless.source.compile;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.rebootless.base.RebootlessException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ObjtoolFlagsTest {
    @TempDir Path folder;

    private final TestTree kit = TestTree.get();

    private KernelTree tree(String... configuration) {
        List<String> arguments = new java.util.ArrayList<>(List.of("CC=" + kit.compiler()));
        arguments.addAll(List.of(configuration));
        return new KernelTree(kit.tree(), folder, kit.compiler(), arguments);
    }

    /** Where objtool runs on each unit, the commands of units say what the right answer is. */
    @ParameterizedTest
    @ValueSource(strings = {"fs/proc/meminfo.c", "kernel/fork.c", "fs/xfs/xfs_inode.c"})
    void theFlagsAreThoseThatKbuildUsesOnAUnit(String source) {
        UnitCommand unit = new UnitCommands(tree()).of(source);

        assertThat(unit.objtool()).isNotEmpty();
        assertThat(
                        unit.inVmlinux()
                                ? ObjtoolFlags.ofBuiltIn(tree())
                                : ObjtoolFlags.ofModule(tree()))
                .isEqualTo(unit.objtool());
    }

    @Test
    void aKernelWithIbtGetsItsFlagsThoughNoUnitIsCheckedAlone() {
        KernelTree ibt = tree("CONFIG_X86_KERNEL_IBT=y");

        assertThat(ObjtoolFlags.ofModule(ibt)).contains("--ibt", "--link", "--module", "--orc");
        assertThat(ObjtoolFlags.ofModule(tree())).doesNotContain("--ibt", "--link");
        assertThat(new UnitCommands(ibt).of("fs/proc/meminfo.c").objtool()).isEmpty();
    }

    @Test
    void aTreeWhoseMakefileDoesNotTellIsRefused() throws IOException {
        Files.createDirectories(folder.resolve("scripts"));
        Files.createDirectories(folder.resolve("include/config"));
        Files.createFile(folder.resolve("scripts/Makefile.lib"));
        Files.createFile(folder.resolve("include/config/auto.conf"));

        assertThatExceptionOfType(RebootlessException.class)
                .isThrownBy(() ->
                        ObjtoolFlags.ofModule(new KernelTree(folder, folder, "gcc-12", List.of())))
                .matches(e -> e.problems().getFirst().code().equals("RBL-KBUILD"));
    }
}
