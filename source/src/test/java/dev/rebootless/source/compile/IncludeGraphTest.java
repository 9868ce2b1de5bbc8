package dev.rebootless.source.compile;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The include graph of a real tree against what the compiler says. */
class IncludeGraphTest {
    private static final int SAMPLE = 40;

    /** Of a driver that no cloud kernel has. */
    private static final String NO_UNITS_OWN = "drivers/vfio/pci/mlx5/cmd.h";

    @TempDir Path cache;

    @Test
    void everyFileThatTheCompilerReadsIsPredicted() throws IOException {
        long seed = Long.getLong("rebootless.seed", System.nanoTime());
        System.out.println("seed " + seed);
        TestTree tree = TestTree.get();
        KernelTree kernel =
                new KernelTree(
                        tree.tree(), cache, tree.compiler(), List.of("CC=" + tree.compiler()));
        TreePlan plan = TreePlan.of(kernel, step -> {});
        IncludeGraph graph = IncludeGraph.of(TreeListing.of(tree.tree()), plan, cache);
        Preprocessor preprocessor =
                new Preprocessor(kernel, CompilerIdentity.of(kernel, Optional.empty()), "test");
        List<SideCommand> all = new ArrayList<>();
        plan.units().forEach(u -> all.add(SideCommand.of(u)));
        all.removeIf(c -> !tree.tree().resolve(c.source()).toFile().exists());
        Collections.shuffle(all, new Random(seed));
        int headers = 0;
        int beside = 0;
        for (SideCommand command : all.subList(0, SAMPLE)) {
            List<String> read = preprocessor.original(command).read().files();
            assertThat(graph.unpredicted(command.source(), read)).as(command.source()).isEmpty();
            headers += read.size();
            for (String header : read) {
                if (header.endsWith(".h") && !header.matches("(include|arch/x86/include)/.*")) {
                    assertThat(graph.reachingPrivate(header)).as(header).contains(command.source());
                    beside++;
                }
            }
            // Tables such as security/apparmor/stacksplitdfa.in are no headers: PatchRules refuses
            // them.
            String last = read.stream().filter(f -> f.endsWith(".h")).toList().getLast();
            assertThat(graph.reaching(Set.of(last))).as(last).contains(command.source());
        }
        assertThat(headers).isGreaterThan(SAMPLE * 50);
        assertThat(beside).isGreaterThan(SAMPLE / 2);
        // What no text leads to is not reached by what could only include anything.
        assertThat(graph.reaching(Set.of(NO_UNITS_OWN))).contains("drivers/acpi/tables.c");
        assertThat(graph.reachingPrivate(NO_UNITS_OWN))
                .doesNotContain("drivers/acpi/tables.c", "kernel/bpf/relo_core.c");
        assertThat(graph.reachingPrivate("mm/slab.h")).contains("mm/slub.c");
        assertThat(graph.reachingPrivate("include/linux/fs.h"))
                .isEqualTo(graph.reaching(Set.of("include/linux/fs.h")));
        // A graph that says everything reaches everything would pass, too.
        assertThat(graph.reaching(Set.of("mm/slab.h"))).doesNotContain("fs/proc/version.c");
        assertThat(graph.unpredicted("fs/proc/version.c", List.of("mm/slab.h")))
                .containsExactly("mm/slab.h");
    }
}
