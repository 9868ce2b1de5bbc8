package dev.rebootless.build.runpre;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * As {@link RunPreOverRealUnitsTest}, on a kernel with padding before functions, ENDBR at their
 * entries, constants that the boot writes into code, and jump labels that objtool rewrote in the
 * linked whole.
 */
final class RunPreWithIbtTest {
    private final StockKit kit = StockKit.newest("6.12");

    @ParameterizedTest
    @ValueSource(strings = {"fs/proc/meminfo.c", "net/ipv4/tcp_input.c", "fs/dcache.c"})
    void everyFunctionIsProvenButWeakOnesThatAStrongOneOverrides(String unit) {
        check(unit);
    }

    @Tag("long")
    @ParameterizedTest
    @ValueSource(
            strings = {
                "kernel/fork.c",
                "fs/namei.c",
                "mm/mmap.c",
                "net/core/skbuff.c",
                "security/security.c",
                "fs/exec.c",
                "mm/vmscan.c",
                "arch/x86/kernel/process_64.c",
                "lib/iov_iter.c"
            })
    void everyFunctionOfFurtherUnitsIsProven(String unit) {
        check(unit);
    }

    private void check(String unit) {
        StockKit.Verdict verdict = kit.matchAll(unit);

        assertThat(verdict.functions()).isPositive();
        assertThat(verdict.unproven())
                .allSatisfy(function ->
                        assertThat(kit.isOverridden(function))
                                .as("%s is weak and overridden", function.name())
                                .isTrue());
    }
}
