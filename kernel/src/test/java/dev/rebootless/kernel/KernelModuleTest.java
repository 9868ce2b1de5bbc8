package dev.rebootless.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.base.Subprocess;
import dev.rebootless.elf.ElfSymbol;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class KernelModuleTest {
    @TempDir Path folder;

    /** Two units with a function and an object of the same name each, linked as a module is. */
    private byte[] module() throws IOException {
        for (String unit : List.of("one", "two")) {
            Files.writeString(
                    folder.resolve(unit + ".c"),
                    """
                    #define INFO(n, text) static const char n[] \
                        __attribute__((section(".modinfo"), used)) = text
                    static int state = %d;
                    static __attribute__((noinline)) int twin(int x) { return x + state; }
                    int %s_call(int x) { return twin(x) + state++; }
                    %s
                    """
                            .formatted(
                                    unit.length() + unit.charAt(0),
                                    unit,
                                    unit.equals("one")
                                            ? "INFO(a, \"license=GPL\"); INFO(b, \"depends=\"); INFO(c, \"name=sample\"); INFO(d, \"vermagic=6.1.0-1-x SMP mod_unload \"); INFO(e, \"author=A\"); INFO(f, \"author=B\");"
                                            : "__attribute__((section(\".init.text\"))) int sample_init(void) { return 0; }"));
            run(
                    "gcc",
                    "-O2",
                    "-fno-toplevel-reorder",
                    "-c",
                    "-o",
                    path(unit + ".o"),
                    path(unit + ".c"));
        }
        run("ld", "-r", "-o", path("sample.ko"), path("one.o"), path("two.o"));
        return Files.readAllBytes(folder.resolve("sample.ko"));
    }

    @Test
    void aModuleSaysItsNameReleaseAndSymbolsInTableOrder() throws Exception {
        KernelModule module = KernelModule.read(module(), "sample.ko");

        assertThat(module.name()).isEqualTo("sample");
        assertThat(module.vermagic()).isEqualTo("6.1.0-1-x SMP mod_unload ");
        assertThat(module.modinfo("author")).containsExactly("A", "B");
        assertThat(module.modinfo("auth")).isEmpty();
        assertThat(module.isSigned()).isFalse();
        List<ElfSymbol> twins = module.symbolsNamed("twin");
        assertThat(twins).hasSize(2).extracting(module::sympos).containsExactly(1, 2);
        assertThat(module.symbolsNamed("state")).hasSize(2);
        assertThat(module.sympos(module.symbolsNamed("one_call").getFirst())).isZero();
        assertThat(module.symbolsNamed("one.c")).as("file symbols").isEmpty();
        assertThat(module.isInit(module.symbolsNamed("sample_init").getFirst())).isTrue();
        assertThat(module.isInit(twins.getFirst())).isFalse();
        assertThat(module.symbols().indexOf(twins.get(0)))
                .isLessThan(module.symbols().indexOf(twins.get(1)));
    }

    @Test
    void theSignatureIsSkipped() throws Exception {
        byte[] module = module();
        byte[] signed = signed(module, 300, 300);

        KernelModule read = KernelModule.read(signed, "sample.ko");

        assertThat(read.isSigned()).isTrue();
        assertThat(read.unsignedLength()).isEqualTo(module.length);
        assertThat(KernelModule.read(module, "sample.ko").unsignedLength())
                .isEqualTo(module.length);
        assertThat(read.name()).isEqualTo("sample");
        assertThat(read.symbols()).hasSameSizeAs(KernelModule.read(module, "sample.ko").symbols());
    }

    @Test
    void aSignatureLongerThanTheFileIsRefused() throws Exception {
        for (int length : new int[] {1 << 20, -1, Integer.MAX_VALUE}) {
            byte[] signed = signed(module(), 10, length);
            assertRefused(signed, "its signature is longer");
        }
        assertRefused(
                "~Module signature appended~\n".getBytes(StandardCharsets.US_ASCII), "signature");
    }

    @ParameterizedTest
    @EnumSource(names = {"GZIP", "XZ", "ZSTD"})
    void compressedModulesAreReadAlike(Compression compression) throws Exception {
        byte[] file = Compressors.compress(compression, signed(module(), 100, 100), folder);

        KernelModule read = KernelModule.read(file, "sample.ko");

        assertThat(read.name()).isEqualTo("sample");
        assertThat(read.isSigned()).isTrue();
        assertRefused(Arrays.copyOf(file, file.length / 2), "cannot be decompressed");
    }

    @Test
    void whatIsNoModuleIsRefused() throws Exception {
        module();
        assertRefused(new byte[0], "");
        assertRefused(Files.readAllBytes(folder.resolve("two.o")), "no kernel module");
        run("gcc", "-shared", "-o", path("program"), path("one.c"));
        assertRefused(Files.readAllBytes(folder.resolve("program")), "no kernel module");
    }

    @ParameterizedTest
    @CsvSource({"6.1,cloud-amd64", "6.12,cloud-amd64"})
    void shippedModulesAreRead(String line, String flavour) throws Exception {
        String release = TestPackages.newestRelease(line, flavour);
        List<Path> found =
                TestPackages.files(
                        TestPackages.image(release),
                        "lib/modules/" + release + "/kernel/fs/*/cifs.ko*");
        if (found.isEmpty()) {
            found =
                    TestPackages.files(
                            TestPackages.image(release),
                            "usr/lib/modules/" + release + "/kernel/fs/*/cifs.ko*");
        }
        KernelModule module = KernelModule.read(found.getFirst());

        assertThat(module.name()).isEqualTo("cifs");
        assertThat(module.vermagic()).startsWith(release + " SMP ");
        assertThat(module.symbols()).filteredOn(ElfSymbol::isFunction).hasSizeGreaterThan(500);
        assertThat(module.symbols()).filteredOn(ElfSymbol::isObject).hasSizeGreaterThan(1_000);
        assertThat(module.symbols()).filteredOn(ElfSymbol::isLocal).isNotEmpty();
        assertThat(module.symbolsNamed("cifs_mount")).hasSize(1);
        assertThat(module.object().section(".gnu.linkonce.this_module")).isPresent();
    }

    @ParameterizedTest
    @CsvSource({"GZIP", "XZ", "ZSTD", "NONE"})
    void damagedModulesAreReadOrRefusedAndNothingElse(String compression) throws Exception {
        byte[] plain = signed(module(), 20, 20);
        byte[] file =
                compression.equals("NONE")
                        ? plain
                        : Compressors.compress(Compression.valueOf(compression), plain, folder);

        Mutations.Outcome outcome =
                Mutations.run(
                        file, file.length, 1_500, bytes -> KernelModule.read(bytes, "sample.ko"));

        assertThat(outcome.refused()).isGreaterThan(150);
        assertThat(outcome.slowest()).isLessThan(Duration.ofSeconds(5));
    }

    private static void assertRefused(byte[] file, String message) {
        assertThatThrownBy(() -> KernelModule.read(file, "sample.ko"))
                .isInstanceOfSatisfying(
                        RebootlessException.class,
                        e -> {
                            assertThat(e.problems().getFirst().code())
                                    .isEqualTo("RBL-KERNEL-MODULE");
                            assertThat(e.problems().getFirst().place()).isEqualTo("sample.ko");
                            assertThat(e.problems().getFirst().message()).contains(message);
                        });
    }

    /** As scripts/sign-file.c appends it, with a claimed length of its own. */
    private static byte[] signed(byte[] module, int length, int claimed) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(module);
        out.writeBytes(new byte[length]);
        // algo, hash, id_type (PKCS#7), signer_len, key_id_len, three of padding, sig_len
        out.writeBytes(ByteBuffer.allocate(12).put(2, (byte) 2).putInt(8, claimed).array());
        out.writeBytes("~Module signature appended~\n".getBytes(StandardCharsets.US_ASCII));
        return out.toByteArray();
    }

    private String path(String name) {
        return folder.resolve(name).toString();
    }

    private static void run(String... command) {
        Subprocess.Result result = Subprocess.of(command).run();
        assertThat(result.ok()).as(result.all()).isTrue();
    }
}
