package dev.rebootless.kernel;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.rebootless.base.RebootlessException;
import java.nio.charset.StandardCharsets;

/**
 * The readers of foreign bytes under jazzer, which {@code JAZZER_FUZZ=1} sets going on one method;
 * without it each runs on the inputs that were kept. The seeded runs are in each reader's own test.
 */
class KernelFuzzTest {
    @FuzzTest
    void bootImage(byte[] bytes) {
        refusedOrRead(() -> BootImage.read(bytes).vmlinux(bytes));
    }

    @FuzzTest
    void image(byte[] bytes) {
        refusedOrRead(() -> KernelImage.of(bytes).buildId());
    }

    @FuzzTest
    void kallsyms(byte[] bytes) {
        refusedOrRead(() -> Kallsyms.decode(bytes));
    }

    @FuzzTest
    void btf(byte[] bytes) {
        refusedOrRead(() -> Btf.parse(bytes).struct("module"));
    }

    @FuzzTest
    void module(byte[] bytes) {
        refusedOrRead(() -> KernelModule.read(bytes, "fuzzed.ko"));
    }

    @FuzzTest
    void symbolVersions(byte[] bytes) {
        refusedOrRead(() -> SymbolVersions.parse(new String(bytes, StandardCharsets.ISO_8859_1)));
    }

    private static void refusedOrRead(Runnable reader) {
        try {
            reader.run();
        } catch (RebootlessException e) {
            // A refusal is what damaged input deserves; anything else fails the test.
        }
    }
}
