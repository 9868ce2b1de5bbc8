package dev.rebootless.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.base.Subprocess;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class KernelImageTest {
    @TempDir Path folder;

    /** The three ways in which Debian compresses the kernels of these lines. */
    @ParameterizedTest
    @CsvSource({"6.1,cloud-amd64,LZ4", "6.1,amd64,XZ", "6.12,cloud-amd64,ZSTD"})
    void aShippedKernelIsReadFromItsVmlinuzAlone(
            String line, String flavour, Compression compression) throws Exception {
        String release = TestPackages.newestRelease(line, flavour);
        Path vmlinuz = TestPackages.vmlinuz(release);

        assertThat(BootImage.read(Files.readAllBytes(vmlinuz)).compression())
                .isEqualTo(compression);
        KernelImage image = KernelImage.open(vmlinuz);

        assertThat(image.release()).isEqualTo(release);
        assertThat(image.banner()).startsWith("Linux version " + release + " (").endsWith("\n");
        assertThat(image.buildId().orElseThrow()).matches("[0-9a-f]{40}");
        checkSymbols(image);
        checkFentrySites(image);
        checkTypes(image);
        checkCodeTables(image);
    }

    /** Every entry is about code, and none is lost between the start of the image and its end. */
    @ParameterizedTest
    @CsvSource({"6.1,cloud-amd64,false", "6.12,cloud-amd64,true"})
    void whetherAPatchedModuleCanComeAgainIsAskedOfTheKernel(
            String line, String flavour, boolean can) throws Exception {
        Path image = TestPackages.vmlinuz(TestPackages.newestRelease(line, flavour));

        assertThat(KernelImage.open(image).clearsLivepatchRelocations()).isEqualTo(can);
    }

    private static void checkCodeTables(KernelImage image) {
        int found = 0;
        for (CodeTable.Kind kind : CodeTable.KINDS) {
            CodeTable table = image.codeTable(kind.section()).orElse(null);
            if (table == null) {
                // Later kernels patch no paravirt sites, and only they have IBT.
                assertThat(kind.section()).isIn(".parainstructions", ".ibt_endbr_seal");
                continue;
            }
            found++;
            List<CodeTable.Entry> all = table.within(0, -1);
            assertThat(all).as(kind.section()).hasSize(table.size()).hasSizeGreaterThan(100);
            long last = 0;
            for (CodeTable.Entry entry : all) {
                // arch/x86/kernel/vmlinux.lds.S fills .smp_locks up to a page with zeros, each a
                // place that is the entry itself.
                boolean isFiller =
                        kind.section().equals(".smp_locks") && entry.place() == entry.address();
                assertThat(isFiller || image.isText(entry.place())).as(kind.section()).isTrue();
                assertThat(Long.compareUnsigned(entry.place(), last)).isNotNegative();
                last = entry.place();
            }
            CodeTable.Entry first = all.getFirst();
            assertThat(table.within(first.place(), first.place() + 1)).isNotEmpty();
            assertThat(table.within(first.place() + 1, last + 1).size()).isLessThan(all.size());
        }
        assertThat(found).isGreaterThanOrEqualTo(CodeTable.KINDS.size() - 1);
        assertThat(image.codeTable(".text")).isEmpty();
    }

    private static void checkSymbols(KernelImage image) {
        KernelSymbols symbols = image.symbols();
        assertThat(symbols.size()).isBetween(50_000, 1_000_000);
        Set<String> names = new HashSet<>();
        long last = 0;
        for (KernelSymbol symbol : symbols.all()) {
            assertThat(Long.compareUnsigned(symbol.address(), last)).isNotNegative();
            assertThat(symbol.type()).matches(c -> "ABDRTVWbdrtw".indexOf(c) >= 0, "a type of nm");
            last = symbol.address();
            names.add(symbol.name());
        }
        // Most names are unique, and some are not.
        assertThat(names).hasSizeBetween(symbols.size() * 9 / 10, symbols.size() - 500);

        long text = image.section(".text").orElseThrow().address();
        for (String one :
                List.of(
                        "_text",
                        "_stext",
                        "_etext",
                        "__init_begin",
                        "__init_end",
                        "vfs_read",
                        "linux_banner")) {
            assertThat(symbols.named(one)).as(one).hasSize(1);
        }
        assertThat(symbols.unique("_text").orElseThrow().address()).isEqualTo(text);
        assertThat(image.isText(symbols.unique("vfs_read").orElseThrow().address())).isTrue();
        assertThat(image.isText(symbols.unique("linux_banner").orElseThrow().address())).isFalse();
        assertThat(
                        image.initRange()
                                .contains(symbols.unique("start_kernel").orElseThrow().address()))
                .isTrue();
        assertThat(image.initRange().contains(symbols.unique("vfs_read").orElseThrow().address()))
                .isFalse();
        assertThat(image.sectionAt(symbols.unique("__per_cpu_start").orElseThrow().address()))
                .map(ImageSection::name)
                .contains(".data..percpu");
        assertThat(symbols.at(text)).isNotEmpty();
    }

    private static void checkFentrySites(KernelImage image) {
        long[] sites = image.fentrySites();
        assertThat(sites).hasSizeBetween(20_000, 200_000).isSorted();
        for (long site : sites) {
            assertThat(image.isText(site)).isTrue();
        }
        KernelSymbols symbols = image.symbols();
        long start = symbols.unique("vfs_read").orElseThrow().address();
        long site =
                image.fentrySiteWithin(start, symbols.nextAddressAfter(start).orElseThrow())
                        .orElseThrow();
        // At the start, or behind ENDBR64 on a kernel with IBT.
        assertThat(site - start).isIn(0L, 4L);
        assertThat(image.read(site, 1)[0]).as("call __fentry__").isEqualTo((byte) 0xE8);
        long untraced = symbols.unique("ftrace_stub").orElseThrow().address();
        assertThat(image.fentrySiteWithin(untraced, untraced + 1)).isEmpty();
    }

    private static void checkTypes(KernelImage image) {
        Btf btf = image.btf();
        for (String name :
                List.of(
                        "module",
                        "klp_patch",
                        "klp_object",
                        "klp_func",
                        "klp_state",
                        "alt_instr",
                        "bug_entry",
                        "exception_table_entry",
                        "jump_entry",
                        "static_call_site",
                        "orc_entry",
                        "modversion_info")) {
            Btf.Struct struct = btf.struct(name).orElseThrow();
            assertThat(struct.size()).as(name).isPositive();
            assertThat(struct.fields()).as(name).isNotEmpty();
            assertThat(btf.size("struct " + name)).as(name).hasValue(struct.size());
        }
        // include/linux/livepatch.h: name, new function, and sympos follow each other.
        Btf.Struct function = btf.struct("klp_func").orElseThrow();
        assertThat(function.field("old_name").orElseThrow().offset()).isZero();
        assertThat(function.field("new_func").orElseThrow().offset()).isEqualTo(8);
        assertThat(function.field("old_sympos").orElseThrow().offset()).isEqualTo(16);
        Btf.Struct module = btf.struct("module").orElseThrow();
        assertThat(module.field("name").orElseThrow().size()).isEqualTo(56);
        assertThat(module.field("init").orElseThrow().size()).isEqualTo(8);
        assertThat(module.field("exit").orElseThrow().offset()).isLessThan((int) module.size());
        assertThat(btf.size("pid_t")).hasValue(4);
        assertThat(btf.size("struct no_such_thing")).isEmpty();
    }

    @Test
    void aDecompressedKernelIsMappedAndSaysTheSame() throws Exception {
        String release = TestPackages.newestRelease("6.1", "cloud-amd64");
        Path vmlinuz = TestPackages.vmlinuz(release);
        byte[] compressed = Files.readAllBytes(vmlinuz);
        Path vmlinux = folder.resolve("vmlinux");
        Files.write(vmlinux, BootImage.read(compressed).vmlinux(compressed));

        KernelImage mapped = KernelImage.open(vmlinux);
        KernelImage inMemory = KernelImage.open(vmlinuz);

        assertThat(mapped.buildId()).isEqualTo(inMemory.buildId());
        assertThat(mapped.sections()).isEqualTo(inMemory.sections());
        assertThat(mapped.symbols().all()).isEqualTo(inMemory.symbols().all());
        long text = mapped.section(".text").orElseThrow().address();
        assertThat(mapped.read(text, 4096)).isEqualTo(inMemory.read(text, 4096));
    }

    @Test
    void readingOutsideASectionIsRefused() throws Exception {
        KernelImage image = KernelImage.of(program());
        ImageSection text = image.section(".text").orElseThrow();

        assertThat(image.read(text.address(), (int) text.size())).hasSize((int) text.size());
        for (long address : new long[] {text.address() + 1, -1, 1L << 40}) {
            assertThatThrownBy(() -> image.read(address, (int) text.size()))
                    .isInstanceOf(RebootlessException.class)
                    .hasMessageContaining("RBL-KERNEL-ADDRESS");
        }
        assertThatThrownBy(() -> image.read(text.address(), -1))
                .isInstanceOf(RebootlessException.class);
    }

    @Test
    void zeroedMemoryIsReadAsZeros() throws Exception {
        KernelImage image = KernelImage.of(program());
        ImageSection bss = image.section(".bss").orElseThrow();
        assertThat(image.read(bss.address(), 8)).containsOnly(0);
    }

    @Test
    void theBuildIdIsTheOneThatTheLinkerWrote() throws Exception {
        byte[] program = program();
        Subprocess.Result readelf =
                Subprocess.of("readelf", "-n", folder.resolve("program").toString()).run();
        assertThat(readelf.out())
                .contains("Build ID: " + KernelImage.of(program).buildId().orElseThrow());
    }

    @Test
    void aProgramThatIsNoKernelHasNoSymbolsOrTypes() throws Exception {
        KernelImage image = KernelImage.of(program());
        assertThatThrownBy(image::symbols)
                .isInstanceOf(RebootlessException.class)
                .hasMessageContaining("RBL-KERNEL-KALLSYMS");
        assertThatThrownBy(image::btf)
                .isInstanceOf(RebootlessException.class)
                .hasMessageContaining("RBL-KERNEL-BTF");
    }

    @Test
    void whatIsNoImageIsRefused() {
        for (byte[] bytes :
                List.of(new byte[0], new byte[64], "\177ELF".getBytes(StandardCharsets.US_ASCII))) {
            assertThatThrownBy(() -> KernelImage.of(bytes))
                    .isInstanceOf(RebootlessException.class)
                    .hasMessageContaining("RBL-KERNEL-IMAGE");
        }
    }

    @Test
    void sectionsThatShareTheirBytesAreRefused() throws Exception {
        byte[] program = program();
        int table = Foreign.int32(program, 0x28);
        int count = Foreign.uint16(program, 0x3C);
        for (int i = 1; i < count; i++) {
            ByteBuffer header =
                    ByteBuffer.wrap(program, table + 64 * i, 64)
                            .slice()
                            .order(ByteOrder.LITTLE_ENDIAN);
            if (header.getInt(4) == 1) { // SHT_PROGBITS
                header.putLong(0x18, 0).putLong(0x20, program.length);
            }
        }
        assertThatThrownBy(() -> KernelImage.of(program))
                .isInstanceOf(RebootlessException.class)
                .hasMessageContaining("overlap");
    }

    @Test
    void damagedImagesAreReadOrRefusedAndNothingElse() throws Exception {
        byte[] program = program();
        // The section headers are at the end; bring them to where most of the damage is done.
        int table = Foreign.int32(program, 0x28);
        byte[] turned = new byte[program.length + 4096];
        System.arraycopy(program, 0, turned, 0, program.length);
        System.arraycopy(program, table, turned, 64, Math.min(program.length - table, 4096));
        turned[0x28] = 64;
        Arrays.fill(turned, 0x29, 0x30, (byte) 0);
        assertThat(KernelImage.of(turned).sections()).isNotEmpty();

        Mutations.Outcome outcome =
                Mutations.run(
                        turned,
                        2500,
                        20_000,
                        bytes -> {
                            KernelImage image = KernelImage.of(bytes);
                            image.buildId();
                            for (ImageSection section : image.sections()) {
                                if (section.allocated() && section.size() < 1 << 16) {
                                    image.sectionAt(section.address());
                                }
                            }
                        });

        assertThat(outcome.refused()).isGreaterThan(2_000);
        assertThat(outcome.accepted()).isGreaterThan(2_000);
        assertThat(outcome.slowest()).isLessThan(Duration.ofSeconds(5));
    }

    private byte[] program() throws IOException {
        Path source = folder.resolve("program.c");
        Path program = folder.resolve("program");
        Files.writeString(source, "int zeros[100]; int main(void) { return zeros[1]; }\n");
        Subprocess.Result gcc =
                Subprocess.of(
                                "gcc",
                                "-Wl,--build-id=sha1",
                                "-o",
                                program.toString(),
                                source.toString())
                        .run();
        assertThat(gcc.ok()).as(gcc.all()).isTrue();
        return Files.readAllBytes(program);
    }
}
