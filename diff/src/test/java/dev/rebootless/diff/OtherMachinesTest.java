package dev.rebootless.diff;

import static dev.rebootless.diff.Diffs.edit;
import static dev.rebootless.diff.Diffs.findings;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.base.Subprocess;
import dev.rebootless.elf.ElfHeader;
import dev.rebootless.elf.ElfObject;
import dev.rebootless.elf.ElfReader;
import dev.rebootless.elf.ElfWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What holds for objects of each machine, by gcc and clang, without a kernel's headers. */
class OtherMachinesTest {
    private static final String UNIT =
            """
            extern int sink(int);
            static int left, right, third;
            static int counter = 3;
            static const int limits[] = {1, 2, 4, 8};
            struct ops { int (*call)(int); };
            static __attribute__((noinline)) int leaf(int x) { return x * 31 + (x >> 3); }
            static __attribute__((noinline)) int other(int x) { return x * 37 + (x >> 5); }
            static __attribute__((noinline)) int helper(int x) { sink(x); return x + counter++; }
            struct ops table = { helper };
            int set(int x) { left = x; right = x + 1; third = sink(x); return left; }
            int get(void) { return left - 3 * right + 7 * third; }
            int tail(int x) { return leaf(x + 1); }
            int work(int x)
            {
                static int calls;
                int r;
                switch (x) { case 0: r = 7; break; case 1: r = 5; break; case 2: r = 99; break; case 3: r = -3; break; case 4: r = 2; break; default: r = 0; }
                return helper(x) * 3 + limits[x & 3] + calls++ + r + leaf(x) + other(x);
            }
            """;

    private static final String GCC_AARCH64 = "aarch64-linux-gnu-gcc-12";
    private static final String GCC_PPC64LE = "powerpc64le-linux-gnu-gcc-12";
    private static final String GCC_S390X = "s390x-linux-gnu-gcc-12";
    private static final String CLANG = "clang-14 --target=";

    private static ElfObject compile(String compiler, String source, String... options) {
        try {
            Path folder = Files.createTempDirectory("rebootless-machine-");
            try {
                Files.writeString(folder.resolve("unit.c"), source);
                List<String> command = new ArrayList<>(List.of(compiler.split(" ")));
                command.addAll(
                        List.of("-O2", "-fno-common", "-fno-PIE", "-ffreestanding", "-fno-inline"));
                command.addAll(List.of(options));
                command.addAll(List.of("-c", "-o", "unit.o", "unit.c"));
                Subprocess.Result result = Subprocess.of(command).in(folder).run();
                assertThat(result.ok()).as(result.all()).isTrue();
                return ElfReader.read(folder.resolve("unit.o"));
            } finally {
                AtomicFiles.removeTree(folder);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String compare(String compiler, String from, String to, String... options) {
        return findings(
                ObjectDiff.compare(
                        compile(compiler, UNIT, options),
                        compile(compiler, edit(UNIT, from, to), options)));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                GCC_AARCH64,
                GCC_PPC64LE,
                GCC_S390X,
                CLANG + "x86_64-linux-gnu",
                CLANG + "aarch64-linux-gnu",
                CLANG + "powerpc64le-linux-gnu",
                CLANG + "s390x-linux-gnu"
            })
    void changesAreFoundWhicheverCompilerMadeThePair(String compiler) {
        for (String option : List.of("-ffunction-sections", "-fno-function-sections")) {
            assertThat(compare(compiler, "x * 31", "x * 33", option)).isEqualTo("changed: leaf");
            assertThat(compare(compiler, "{ sink(x); return", "{ sink(x + 1); return", option))
                    .isEqualTo("changed: helper");
            assertThat(compare(compiler, "counter = 3", "counter = 4", option))
                    .isEqualTo("data: counter; refused: RBL-DATA-CHANGED counter");
            assertThat(compare(compiler, "{1, 2, 4, 8}", "{1, 2, 4, 9}", option))
                    .isEqualTo("data: limits; refused: RBL-DATA-CHANGED limits");
            assertThat(compare(compiler, "r = 99", "r = 98", option)).contains("changed: work");
            assertThat(
                            compare(
                                    compiler,
                                    "extern int sink(int);",
                                    "\nextern int sink(int);",
                                    option))
                    .isEqualTo("unchanged");
        }
    }

    /** The assembler resolves them: without their meaning, equal bytes could hide a change. */
    @ParameterizedTest
    @ValueSource(strings = {GCC_AARCH64, GCC_PPC64LE, GCC_S390X, CLANG + "aarch64-linux-gnu"})
    void branchesBetweenFunctionsOfOneSectionAreFollowed(String compiler) {
        assertThat(compare(compiler, "return leaf(x + 1)", "return other(x + 1)"))
                .isEqualTo("changed: tail");
        // leaf grows, so that every distance to it and behind it is another. (work may follow: gcc
        // knows which registers leaf leaves alone.)
        assertThat(compare(compiler, "return x * 31 +", "return x * 31 + x / 7 + x % 11 +"))
                .isIn("changed: leaf", "changed: leaf work");
        // The two change places: tail's bytes may be the same, but it calls what it called.
        String swapped =
                edit(
                        edit(
                                edit(
                                        UNIT,
                                        "int leaf(int x) { return x * 31 + (x >> 3); }",
                                        "int @"),
                                "int other(int x) { return x * 37 + (x >> 5); }",
                                "int leaf(int x) { return x * 31 + (x >> 3); }"),
                        "int @",
                        "int other(int x) { return x * 37 + (x >> 5); }");
        assertThat(
                        findings(
                                ObjectDiff.compare(
                                        compile(compiler, UNIT), compile(compiler, swapped))))
                .isEqualTo("unchanged");
    }

    /** gcc reaches several variables from the address of one: other places are a change. */
    @ParameterizedTest
    @ValueSource(strings = {GCC_AARCH64, GCC_PPC64LE, GCC_S390X})
    void variablesBehindASectionAnchorThatChangePlacesAreNotTakenForEachOther(String compiler) {
        String source =
                """
                extern void use(int *, int *, int *);
                static int a, b, c;
                void f(void) { use(&a, &b, &c); }
                int g(void) { return a - 3 * b + 7 * c; }
                void h(int x) { a = x; b = x + 1; c = x * 5; }
                """;
        String swapped = edit(source, "a - 3 * b", "b - 3 * a");
        assertThat(
                        findings(
                                ObjectDiff.compare(
                                        compile(compiler, source), compile(compiler, swapped))))
                .contains("g");
        // Order of definition decides the places, so that equal bytes would mean other variables.
        String renamed =
                source.replace("static int a, b, c;", "static int b, a, c;")
                        .replace("use(&a, &b, &c)", "use(&b, &a, &c)")
                        .replace("a - 3 * b + 7 * c", "b - 3 * a + 7 * c")
                        .replace("a = x; b = x + 1", "b = x; a = x + 1");
        assertThat(
                        findings(
                                ObjectDiff.compare(
                                        compile(compiler, source), compile(compiler, renamed))))
                .isEqualTo("changed: f g h");
    }

    @ParameterizedTest
    @CsvSource({"183,true", "21,true", "22,false", "243,true", "62,false"})
    void pairsForDifferentMachinesOrUnservedOnesAreOneClearError(int machine, boolean little) {
        ElfObject served = compile(GCC_AARCH64, UNIT);
        ElfObject other = withMachine(served, machine, little);
        if (machine != 183) {
            assertThatThrownBy(() -> ObjectDiff.compare(served, other))
                    .isInstanceOf(RebootlessException.class)
                    .hasMessageContaining("RBL-ARCHITECTURE");
        }
        ElfObject wrongOrder = withMachine(served, machine, !little);
        if (machine != 62) {
            assertThatThrownBy(() -> ObjectDiff.compare(wrongOrder, wrongOrder))
                    .isInstanceOf(RebootlessException.class)
                    .hasMessageContaining("RBL-ARCHITECTURE");
        }
    }

    private static ElfObject withMachine(ElfObject object, int machine, boolean little) {
        return ElfObject.of(
                new ElfHeader(
                        little ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN,
                        0,
                        object.header().type(),
                        machine,
                        0,
                        0),
                object.sections(),
                object.symbols(),
                object.relocationTables(),
                object.groups(),
                object.linkOrder());
    }

    @Test
    void anExtractedObjectForAnotherMachineIsRefused() {
        ChangeSet changes =
                ObjectDiff.compare(
                        compile(GCC_S390X, UNIT),
                        compile(GCC_S390X, edit(UNIT, "x * 31", "x * 33")));
        assertThat(changes.verdict()).isEqualTo(Verdict.CHANGED);
        assertThatThrownBy(() -> Extractor.extract(changes))
                .isInstanceOf(RebootlessException.class)
                .hasMessageContaining("RBL-ARCHITECTURE");
    }

    @ParameterizedTest
    @ValueSource(strings = {GCC_AARCH64, GCC_PPC64LE, GCC_S390X})
    void aRelocationThatIsNotKnownIsRefused(String compiler) {
        ElfObject object = compile(compiler, UNIT);
        ElfObject strange =
                ElfObject.of(
                        object.header(),
                        object.sections(),
                        object.symbols(),
                        object.relocationTables().stream()
                                .map(t ->
                                        dev.rebootless.elf.RelocationTable.of(
                                                t.target(),
                                                t.relocations().stream()
                                                        .map(r ->
                                                                new dev.rebootless.elf
                                                                        .ElfRelocation(
                                                                        r.offset(),
                                                                        199,
                                                                        r.symbol(),
                                                                        r.addend()))
                                                        .toList()))
                                .toList(),
                        object.groups(),
                        object.linkOrder());
        assertThatThrownBy(() -> ObjectDiff.compare(object, strange))
                .isInstanceOf(RebootlessException.class)
                .hasMessageContaining("RBL-RELOCATION");
    }

    @ParameterizedTest
    @ValueSource(strings = {GCC_AARCH64, GCC_PPC64LE, GCC_S390X})
    void damagedObjectsAreComparedOrRefusedAndNeverAnythingElse(String compiler) {
        ElfObject sound = compile(compiler, UNIT);
        byte[] patched = ElfWriter.write(compile(compiler, edit(UNIT, "x * 31", "x * 33")));
        assertThat(ElfWriter.write(ElfReader.read(patched))).isEqualTo(patched);
        long seed = Long.getLong("rebootless.seed", System.nanoTime());
        System.out.println("seed " + seed + " (-Drebootless.seed)");
        Random random = new Random(seed);
        long end = System.nanoTime() + 5_000_000_000L;
        int compared = 0;
        int refused = 0;
        int round = 0;
        for (; round < 2_000 && System.nanoTime() < end; round++) {
            byte[] bad = DamagedObjectsTest.damaged(patched, random);
            try {
                ElfObject object = ElfReader.read(bad);
                ObjectDiff.compare(sound, object);
                ObjectDiff.compare(object, sound);
                compared++;
            } catch (RebootlessException e) {
                refused++;
            } catch (RuntimeException | Error e) {
                throw new AssertionError("round " + round + " of seed " + seed, e);
            }
        }
        assertThat(compared).isGreaterThan(20);
        assertThat(refused).isGreaterThan(20);
    }
}
