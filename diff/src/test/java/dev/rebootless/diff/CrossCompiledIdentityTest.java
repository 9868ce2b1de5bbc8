package dev.rebootless.diff;

import static dev.rebootless.diff.Diffs.findings;
import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.elf.ElfObject;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Units of the kernel for the machines beside x86-64, compared with themselves and with what the
 * compiler makes of them when every line has moved: nothing in them has changed.
 */
class CrossCompiledIdentityTest {
    /** Among them: lines handed to functions, every kind of table, many static locals, per-CPU. */
    private static final List<String> FEW = List.of("net/core/dev");

    /**
     * None that hands {@code __func__, __LINE__} to a function, as fs/ext4/inode does: a constant
     * behind a function's name is not known to be a line. (The builder keeps the lines of what it
     * compiles.)
     */
    private static final List<String> MANY =
            List.of(
                    "block/bio",
                    "fs/exec",
                    "fs/dcache",
                    "fs/namei",
                    "kernel/cpu",
                    "kernel/exit",
                    "kernel/fork",
                    "kernel/kthread",
                    "kernel/printk/printk",
                    "kernel/rcu/tree",
                    "kernel/signal",
                    "kernel/sys",
                    "kernel/time/timer",
                    "kernel/workqueue",
                    "lib/vsprintf",
                    "mm/memory",
                    "mm/mmap",
                    "mm/slub",
                    "net/core/sock",
                    "net/ipv4/tcp",
                    "net/ipv4/tcp_input");

    private static void expectUnchanged(CrossKernel kernel, List<String> units) throws IOException {
        for (String unit : units) {
            String source = CrossKernel.text(unit);
            for (List<String> options : List.of(CrossKernel.SECTIONS, List.<String>of())) {
                CompletableFuture<ElfObject> moved =
                        CompletableFuture.supplyAsync(
                                () -> kernel.compile(unit, "\n".repeat(7) + source, options));
                ElfObject object = kernel.compile(unit, source, options);
                assertThat(findings(ObjectDiff.compare(object, object)))
                        .as("%s for %s %s and itself", unit, kernel, options)
                        .isEqualTo("unchanged");
                assertThat(findings(ObjectDiff.compare(object, moved.join())))
                        .as("%s for %s %s, lines moved", unit, kernel, options)
                        .isEqualTo("unchanged");
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void unitsWhoseLinesMovedAreUnchanged(CrossKernel kernel) throws IOException {
        expectUnchanged(kernel, FEW);
    }

    @ParameterizedTest
    @EnumSource
    @Tag("long")
    void twentyOneUnitsWhoseLinesMovedAreUnchanged(CrossKernel kernel) throws IOException {
        expectUnchanged(kernel, MANY);
    }
}
