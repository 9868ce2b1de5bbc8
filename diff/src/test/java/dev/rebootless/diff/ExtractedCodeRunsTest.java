package dev.rebootless.diff;

import static dev.rebootless.diff.Diffs.edit;
import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.base.Subprocess;
import dev.rebootless.elf.Elf;
import dev.rebootless.elf.ElfObject;
import dev.rebootless.elf.ElfRelocation;
import dev.rebootless.elf.ElfSymbol;
import dev.rebootless.elf.ElfWriter;
import dev.rebootless.elf.RelocationTable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The extracted code runs: the original unit and what was extracted from the patched one are linked
 * into a program, in which the new bodies have the names {@code livepatch_…} and all that they do
 * not carry is the original's. That is a livepatch without the routing.
 */
class ExtractedCodeRunsTest {
    @TempDir Path folder;

    static List<Gcc> layouts() {
        return List.of(Gcc.SECTIONS, Gcc.WHOLE);
    }

    /**
     * What the kernel would give: the entry of ftrace and the return thunk, which do nothing here.
     */
    private static final String STUBS =
            """
            #include <stdio.h>
            #include <stdarg.h>
            asm(".globl __fentry__, __x86_return_thunk, __x86_indirect_thunk_rax, __x86_indirect_thunk_r10\\n"
                "__fentry__: ret\\n__x86_return_thunk: ret\\n__x86_indirect_thunk_rax: jmp *%rax\\n"
                "__x86_indirect_thunk_r10: jmp *%r10\\n");
            void note(const char *text, long value) { printf("%s=%ld ", text, value); }
            """;

    private static ElfSymbol as(ElfSymbol symbol, String name) {
        return new ElfSymbol(
                name,
                symbol.value(),
                symbol.size(),
                symbol.type(),
                Elf.STB_GLOBAL,
                symbol.other(),
                symbol.place());
    }

    /** The same object with some symbols global under other names. */
    private static ElfObject renamed(ElfObject object, Map<ElfSymbol, String> names) {
        Map<ElfSymbol, ElfSymbol> to = new HashMap<>();
        List<ElfSymbol> symbols = new ArrayList<>();
        for (ElfSymbol symbol : object.symbols()) {
            String name = names.get(symbol);
            ElfSymbol other = name == null ? symbol : as(symbol, name);
            to.put(symbol, other);
            symbols.add(other);
        }
        List<RelocationTable> tables = new ArrayList<>();
        for (RelocationTable table : object.relocationTables()) {
            List<ElfRelocation> list = new ArrayList<>();
            for (ElfRelocation relocation : table.relocations()) {
                list.add(
                        relocation.to(
                                to.getOrDefault(relocation.symbol(), relocation.symbol()),
                                relocation.addend()));
            }
            tables.add(new RelocationTable(table.name(), table.flags(), table.target(), list));
        }
        return ElfObject.of(
                object.header(),
                object.sections(),
                symbols,
                tables,
                object.groups(),
                object.linkOrder());
    }

    /** Links original, extracted object and a main program, and gives what it prints. */
    private String run(Gcc gcc, String original, String patched, String main) throws IOException {
        ElfObject before = gcc.compile(original);
        Extraction extraction = Extractor.extract(ObjectDiff.compare(before, gcc.compile(patched)));
        Map<ElfSymbol, String> inExtracted = new HashMap<>();
        extraction
                .replaced()
                .forEach(r -> inExtracted.put(r.body(), "livepatch_" + r.body().name()));
        Map<ElfSymbol, String> inOriginal = new HashMap<>();
        extraction
                .originals()
                .forEach((here, there) -> {
                    // A name of its own, so that namesakes stay apart.
                    String name = "original_" + before.symbols().indexOf(there);
                    inExtracted.put(here, name);
                    inOriginal.put(there, name);
                });
        List<ElfSymbol> symbols = new ArrayList<>(before.symbols());
        inOriginal.forEach((symbol, name) -> symbols.add(as(symbol, name)));
        ElfObject exporting =
                ElfObject.of(
                        before.header(),
                        before.sections(),
                        symbols,
                        before.relocationTables(),
                        before.groups(),
                        before.linkOrder());
        Files.write(folder.resolve("original.o"), ElfWriter.write(exporting));
        Files.write(
                folder.resolve("extracted.o"),
                ElfWriter.write(renamed(extraction.object(), inExtracted)));
        Files.writeString(folder.resolve("main.c"), STUBS + main);
        Subprocess.Result link =
                Subprocess.of(
                                "gcc-12",
                                "-no-pie",
                                "-static",
                                "-O1",
                                "-z",
                                "noexecstack",
                                "-o",
                                "program",
                                "main.c",
                                "original.o",
                                "extracted.o")
                        .in(folder)
                        .run();
        assertThat(link.err()).isEmpty();
        Subprocess.Result result = Subprocess.of(folder.resolve("program").toString()).run();
        assertThat(result.status()).isZero();
        return result.out().strip();
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void theNewBodyBehavesAnewAndGoesOnWithTheOriginalsState(Gcc gcc) throws IOException {
        String unit =
                """
                extern void note(const char *, long);
                static int total = 100;
                static const int step[] = {1, 2, 3, 4};
                int count(int x)
                {
                    static int calls;
                    total += step[x & 3];
                    calls++;
                    note("calls", calls);
                    return total;
                }
                """;
        String patched =
                edit(
                        edit(unit, "total += step[x & 3]", "total += 10 * step[x & 3]"),
                        "\"calls\"",
                        "\"new calls\"");
        assertThat(
                        run(
                                gcc,
                                unit,
                                patched,
                                """
                                int count(int); int livepatch_count(int);
                                int main(void)
                                {
                                    note("a", count(0)); note("b", livepatch_count(1)); note("c", count(3));
                                    return 0;
                                }
                                """))
                .isEqualTo("calls=1 a=101 new calls=2 b=121 calls=3 c=125");
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void newFunctionsAndDataWorkAndOldOnesAreCalledInPlace(Gcc gcc) throws IOException {
        String unit =
                """
                extern void note(const char *, long);
                struct ops { int (*call)(int); };
                static __attribute__((noinline)) int helper(int x) { note("helper", x); return x * 2; }
                static struct ops table = { helper };
                static int kind(int x)
                {
                    switch (x) { case 0: return 17; case 1: return 4; case 2: return 99; case 3: return -3; case 4: return 12; }
                    return 1;
                }
                __attribute__((noipa)) int work(int x)
                {
                    return table.call(x) + kind(x);
                }
                int same_table(struct ops *other) { return other == &table; }
                void swap(int (*f)(int)) { table.call = f; }
                """;
        String patched =
                edit(
                        edit(
                                unit,
                                "return table.call(x) + kind(x);",
                                "return table.call(x) + kind(x) + clamp(x) + (table.call == work);"),
                        "__attribute__((noipa)) int work",
                        """
                        static const char *const words[] = {"zero", "one", "two"};
                        static long clamped; __attribute__((noipa)) int work(int);
                        static __attribute__((noinline)) int clamp(int x) { note(words[x], ++clamped); return helper(x) * 100; }
                        __attribute__((noipa)) int work\
                        """);
        patched = edit(patched, "case 2: return 99", "case 2: return 98");
        assertThat(
                        run(
                                gcc,
                                unit,
                                patched,
                                """
                                int work(int); int livepatch_work(int); void swap(int (*)(int));
                                int main(void)
                                {
                                    note("old", work(2)); note("new", livepatch_work(2)); note("new", livepatch_work(1));
                                    // The address of a replaced function is the original's, in both.
                                    swap(work);
                                    return 0;
                                }
                                """))
                .isEqualTo(
                        "helper=2 old=103 helper=2 two=1 helper=2 new=502 helper=1 one=2 helper=1 new=206");
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void theColdPartOfTheNewBodyIsTheNewOne(Gcc gcc) throws IOException {
        String unit =
                """
                extern __attribute__((cold)) void note(const char *, long);
                int check(int x)
                {
                    if (__builtin_expect(x > 100, 0)) {
                        note("too much", x);
                        return -1;
                    }
                    return x;
                }
                """;
        assertThat(gcc.compile(unit).symbolsNamed("check.cold")).hasSize(1);
        assertThat(
                        run(
                                gcc,
                                unit,
                                edit(unit, "too much", "too many"),
                                """
                                int check(int); int livepatch_check(int);
                                int main(void)
                                {
                                    note("a", check(101)); note("b", livepatch_check(102)); note("c", livepatch_check(5));
                                    return 0;
                                }
                                """))
                .isEqualTo("too much=101 a=-1 too many=102 b=-1 c=5");
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void aFunctionThatFtraceCannotRouteIsCarriedAndItsCallersCallTheNewOne(Gcc gcc)
            throws IOException {
        String unit =
                """
                extern void note(const char *, long);
                #define notrace __attribute__((no_instrument_function, noipa))
                static notrace int weigh(int x) { note("weigh", x); return x * 2; }
                static notrace int twice(int x) { return weigh(x) + weigh(x + 1); }
                __attribute__((noipa)) int first(int x) { return weigh(x) + 1; }
                __attribute__((noipa)) int second(int x) { return twice(x) + 1; }
                __attribute__((noipa)) int third(int x) { return first(x) + 1; }
                """;
        assertThat(
                        run(
                                gcc,
                                unit,
                                edit(unit, "x * 2", "x * 3"),
                                """
                                int first(int); int livepatch_first(int); int livepatch_second(int);
                                int main(void)
                                {
                                    note("a", first(10)); note("b", livepatch_first(10));
                                    note("c", livepatch_second(10));
                                    return 0;
                                }
                                """))
                .isEqualTo("weigh=10 a=21 weigh=10 b=31 weigh=10 weigh=11 c=64");
    }
}
