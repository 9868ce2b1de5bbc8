package dev.rebootless.build.runpre;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.elf.Elf;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Units of modules are proven against the shipped .ko as units of vmlinux are against the image.
 */
final class RunPreOverModulesTest {
    private final StockKit kit = StockKit.newest();

    @ParameterizedTest
    @ValueSource(
            strings = {
                "drivers/block/loop.c",
                "drivers/net/veth.c",
                "net/netfilter/nf_tables_api.c",
                "net/sched/sch_htb.c",
                "fs/fuse/dir.c"
            })
    void everyFunctionOfAModulesUnitIsTheShippedCode(String source) {
        assertThat(kit.commands().of(source).inVmlinux()).isFalse();

        StockKit.Verdict verdict = kit.matchAll(source);

        System.out.printf("%s: %d functions%n", source, verdict.functions());
        assertThat(verdict.functions()).isGreaterThan(10);
        assertThat(verdict.unproven()).isEmpty();
    }

    /** What the Makefile calls arch/x86/kvm/../../../virt/kvm/eventfd.c says so in __FILE__. */
    @Test
    void aUnitThatItsMakefileNamesThroughAnotherFolderIsTheShippedCode() {
        StockKit.Verdict verdict = kit.matchAll("virt/kvm/eventfd.c");

        assertThat(verdict.functions()).isGreaterThan(20);
        // Of weak functions the kernel has the architecture's own.
        assertThat(verdict.unproven())
                .allMatch(i -> i.symbols().stream().anyMatch(s -> s.binding() == Elf.STB_WEAK));
    }
}
