package dev.rebootless.elf.x86;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The decoder against GNU objdump on what a distribution ships. */
class ShippedKernelDecodingTest {
    /** Code of other modes, such as the 32-bit entry of PVH (arch/x86/platform/pvh/head.S). */
    private static final long MOST_DATA_IN_A_KERNEL = 100;

    @TempDir Path folder;

    @Test
    void everyInstructionOfTheCryptoAndFileSystemModulesIsDecodedAsObjdumpDoes()
            throws IOException {
        List<Path> modules =
                ShippedKernel.newest(ShippedKernel.DEBIAN_12)
                        .unpack(
                                folder,
                                "./lib/modules/*/kernel/arch/x86/crypto/*.ko",
                                "./lib/modules/*/kernel/fs/btrfs/*.ko");
        ObjdumpComparison comparison = new ObjdumpComparison();
        for (Path module : modules) {
            comparison.compare(module, folder);
        }

        System.out.println(modules.size() + " modules: " + comparison);
        assertThat(comparison.differences()).isEmpty();
        assertThat(comparison.different()).isZero();
        assertThat(comparison.compared()).isGreaterThan(300_000);
        assertThat(comparison.branches()).isGreaterThan(30_000);
        assertThat(comparison.data()).isZero();
    }

    @ParameterizedTest
    @ValueSource(strings = {ShippedKernel.DEBIAN_12, ShippedKernel.DEBIAN_13})
    @Tag("long")
    void everyInstructionOfAWholeKernelIsDecodedAsObjdumpDoes(String line) throws IOException {
        ObjdumpComparison comparison = new ObjdumpComparison();
        comparison.compare(ShippedKernel.newest(line).vmlinux(folder), folder);

        System.out.println("vmlinux of " + line + ": " + comparison);
        assertThat(comparison.differences()).isEmpty();
        assertThat(comparison.different()).isZero();
        assertThat(comparison.compared()).isGreaterThan(2_000_000);
        assertThat(comparison.data()).isLessThan(MOST_DATA_IN_A_KERNEL);
    }
}
