package dev.rebootless.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.rebootless.base.RebootlessException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

class SymbolVersionsTest {
    private static final String SAMPLE =
            """
            0x4c9d28b0\tphys_base\tvmlinux\tEXPORT_SYMBOL\t
            0xf00dbeef\tcifs_debug\tfs/smb/client/cifs\tEXPORT_SYMBOL_GPL\t
            0x00000001\tcxl_thing\tdrivers/cxl/core/cxl_core\tEXPORT_SYMBOL_GPL\tCXL
            """;

    @Test
    void exportsAreFoundByName() {
        SymbolVersions versions = SymbolVersions.parse(SAMPLE);

        assertThat(versions.exports()).hasSize(3);
        assertThat(versions.export("phys_base"))
                .contains(new SymbolVersions.Export("phys_base", 0x4c9d28b0, "vmlinux", false, ""));
        assertThat(versions.export("phys_base").orElseThrow().fromVmlinux()).isTrue();
        assertThat(versions.export("cxl_thing"))
                .contains(
                        new SymbolVersions.Export(
                                "cxl_thing", 1, "drivers/cxl/core/cxl_core", true, "CXL"));
        assertThat(versions.export("cifs_debug").orElseThrow().crc()).isEqualTo(0xf00dbeef);
        assertThat(versions.export("cifs_debug").orElseThrow().fromVmlinux()).isFalse();
        assertThat(versions.export("no_such_export")).isEmpty();
    }

    @Test
    void theShippedOneIsReadWhole() throws Exception {
        String release = TestPackages.newestRelease("6.1", "cloud-amd64");
        SymbolVersions versions =
                SymbolVersions.read(
                        TestPackages.file(
                                TestPackages.headers(release),
                                "usr/src/linux-headers-" + release + "/Module.symvers"));

        assertThat(versions.exports()).hasSizeGreaterThan(10_000);
        assertThat(versions.export("vfs_read").or(() -> versions.export("kernel_read")))
                .isPresent();
        assertThat(versions.export("_printk").orElseThrow().fromVmlinux()).isTrue();
        // What vmlinux exports is in its kallsyms.
        KernelSymbols symbols = KernelImage.open(TestPackages.vmlinuz(release)).symbols();
        assertThat(versions.exports())
                .filteredOn(SymbolVersions.Export::fromVmlinux)
                .hasSizeGreaterThan(5_000)
                .allSatisfy(export -> assertThat(symbols.named(export.name())).isNotEmpty());
    }

    @Test
    void aBadLineIsRefusedWithItsNumber() {
        for (String bad :
                List.of(
                        "0x4c9d28b0 phys_base vmlinux EXPORT_SYMBOL",
                        "4c9d28b0\tphys_base\tvmlinux\tEXPORT_SYMBOL\t",
                        "0x\tphys_base\tvmlinux\tEXPORT_SYMBOL\t",
                        "0x-1\tphys_base\tvmlinux\tEXPORT_SYMBOL\t",
                        "0x123456789\tphys_base\tvmlinux\tEXPORT_SYMBOL\t",
                        "0x1\tphys_base\tvmlinux\tEXPORT_NOTHING\t",
                        "0x1\t\tvmlinux\tEXPORT_SYMBOL\t",
                        "",
                        "0x1\tcifs_debug\tvmlinux\tEXPORT_SYMBOL\t")) {
            assertThatThrownBy(() -> SymbolVersions.parse(SAMPLE + bad + "\n"))
                    .as(bad)
                    .isInstanceOfSatisfying(
                            RebootlessException.class,
                            e -> {
                                assertThat(e.problems().getFirst().code())
                                        .isEqualTo("RBL-KERNEL-SYMVERS");
                                assertThat(e.problems().getFirst().place())
                                        .isEqualTo("Module.symvers:4");
                            });
        }
    }

    @Test
    void damagedFilesAreReadOrRefusedAndNothingElse() {
        byte[] bytes = SAMPLE.getBytes(StandardCharsets.US_ASCII);
        Mutations.Outcome outcome =
                Mutations.run(
                        bytes,
                        bytes.length,
                        20_000,
                        damaged ->
                                SymbolVersions.parse(
                                        new String(damaged, StandardCharsets.ISO_8859_1)));
        assertThat(outcome.refused()).isGreaterThan(2_000);
        assertThat(outcome.slowest()).isLessThan(Duration.ofSeconds(5));
    }
}
