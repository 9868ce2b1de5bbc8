package dev.rebootless.elf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.base.Subprocess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Objects made by the real compiler are read, written and judged by binutils. */
class ElfReaderTest {
    private static final String SOURCE =
            """
            extern int printk(const char *, ...);
            static int counter = 3;
            static const char *const names[] = {"one", "two"};
            int shared;
            __attribute__((section(".data.once"))) static _Bool once;
            __attribute__((noinline)) static int twice(int x) { return 2 * x + counter; }
            __attribute__((weak)) int weak_one(int x) { return x; }
            int work(int x)
            {
                if (!once) { once = 1; printk("first %s\\n", names[x & 1]); }
                counter++;
                return twice(x) + shared + weak_one(x);
            }
            """;

    @TempDir Path folder;

    private Path compile(String... options) throws IOException {
        Path source = Files.writeString(folder.resolve("unit.c"), SOURCE);
        Path object = folder.resolve("unit.o");
        var command =
                new java.util.ArrayList<>(
                        List.of("gcc", "-O2", "-c", source.toString(), "-o", object.toString()));
        command.addAll(List.of(options));
        assertThat(Subprocess.of(command).run().err()).isEmpty();
        return object;
    }

    @Test
    void anObjectOfGccIsReadWithItsFunctionsAndTheirRelocations() throws IOException {
        ElfObject object =
                ElfReader.read(compile("-ffunction-sections", "-fdata-sections", "-fno-pic"));
        ElfSymbol work = object.symbolsNamed("work").getFirst();
        assertThat(work.isFunction()).isTrue();
        assertThat(work.section().orElseThrow().name()).isEqualTo(".text.work");
        assertThat(object.relocations(work.section().orElseThrow()))
                .extracting(r -> r.symbol().label())
                .contains("printk", "shared");
    }

    @Test
    void whatIsWrittenReadsTheSameForReadelf() throws IOException {
        for (String[] options :
                List.of(new String[] {"-g"}, new String[] {"-ffunction-sections", "-fPIC"})) {
            Path before = compile(options);
            Path after = folder.resolve("after.o");
            Files.write(after, ElfWriter.write(ElfReader.read(before)));
            String dump = Subprocess.of("objdump", "-drsw", before.toString()).run().out();
            assertThat(
                            Subprocess.of("objdump", "-drsw", after.toString())
                                    .run()
                                    .out()
                                    .replace("after.o", "unit.o"))
                    .isEqualTo(dump);
            assertThat(Subprocess.of("readelf", "-aW", after.toString()).run().err()).isEmpty();
            Path linked = folder.resolve("linked.o");
            assertThat(
                            Subprocess.of("ld", "-r", after.toString(), "-o", linked.toString())
                                    .run()
                                    .err())
                    .isEmpty();
        }
    }

    @Test
    void writingTwiceGivesTheSameBytes() throws IOException {
        byte[] once = ElfWriter.write(ElfReader.read(compile()));
        assertThat(ElfWriter.write(ElfReader.read(once))).isEqualTo(once);
    }

    @Test
    void aSectionThatIsStillReferredToCannotBeDropped() throws IOException {
        ElfObject object = ElfReader.read(compile("-ffunction-sections"));
        ElfSection twice = object.section(".text.twice").orElseThrow();
        assertThatThrownBy(() ->
                        ElfObject.of(
                                object.header(),
                                object.sections().stream().filter(s -> s != twice).toList(),
                                object.symbols(),
                                object.relocationTables(),
                                object.groups(),
                                Map.of()))
                .isInstanceOf(RebootlessException.class)
                .hasMessageContaining("twice")
                .hasMessageContaining("points at .text.twice");
    }

    @Test
    void filesThatAreNoElfAreRefusedWithTheirName() throws IOException {
        Path text = Files.writeString(folder.resolve("note.txt"), "hello");
        assertThatThrownBy(() -> ElfReader.read(text))
                .isInstanceOf(RebootlessException.class)
                .hasMessageContaining("RBL-ELF")
                .hasMessageContaining("note.txt");
        assertThatThrownBy(() -> ElfReader.read(folder.resolve("absent.o")))
                .hasMessageContaining("RBL-FILE");
    }

    @Test
    void damagedFilesAreRefusedOrReadAndNeverAnythingElse() throws IOException {
        byte[] good = Files.readAllBytes(compile("-ffunction-sections"));
        long seed = Long.getLong("rebootless.seed", System.nanoTime());
        System.out.println("seed " + seed + " (-Drebootless.seed)");
        Random random = new Random(seed);
        int refused = 0;
        for (int round = 0; round < 20_000; round++) {
            byte[] bad = good.clone();
            int changes = 1 + random.nextInt(4);
            for (int i = 0; i < changes; i++) {
                // The header and the section table are where damage matters most.
                int at =
                        switch (random.nextInt(3)) {
                            case 0 -> random.nextInt(64);
                            case 1 ->
                                    bad.length - 1 - random.nextInt(Math.min(bad.length, 64 * 20));
                            default -> random.nextInt(bad.length);
                        };
                bad[at] =
                        (byte)
                                (random.nextBoolean()
                                        ? random.nextInt()
                                        : random.nextBoolean() ? 0 : 0xff);
            }
            if (random.nextInt(5) == 0) {
                bad = java.util.Arrays.copyOf(bad, random.nextInt(bad.length));
            }
            try {
                ElfReader.read(bad);
            } catch (RebootlessException e) {
                assertThat(e.problems().getFirst().code()).isEqualTo("RBL-ELF");
                refused++;
            }
        }
        assertThat(refused).isGreaterThan(1000);
    }
}
