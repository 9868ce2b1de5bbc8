package dev.rebootless.diff;

import static dev.rebootless.diff.Diffs.compare;
import static dev.rebootless.diff.Diffs.edit;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.rebootless.base.Subprocess;
import dev.rebootless.elf.ElfObject;
import dev.rebootless.elf.ElfReader;
import dev.rebootless.elf.ElfSection;
import dev.rebootless.elf.ElfSymbol;
import dev.rebootless.elf.ElfWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** The extracted object holds what moves, refers to what stays, and is an object to binutils. */
class ExtractedObjectTest {
    private static final String UNIT =
            """
            extern __attribute__((cold)) int printk(const char *, ...);
            extern void sink(const void *);
            static int counter = 3;
            int shared_data;
            static const int limits[] = {1, 2, 4, 8};
            struct ops { int (*call)(int); };
            static __attribute__((noinline)) int helper(int x) { sink(&x); return x + counter++; }
            static int work(int x);
            struct ops table = { work };
            static int work(int x)
            {
                static int calls;
                if (__builtin_expect(x > 100, 0)) {
                    printk("too much: %d in %s\\n", x, __func__);
                    return -1;
                }
                calls++;
                sink(limits); sink(&table); sink(work); sink("in place");
                return helper(x) * 3 + shared_data + calls + (x ? work(x - 1) : 0);
            }
            int rest(int x) { sink("rest"); return work(x) + helper(x); }
            """;

    static List<Gcc> layouts() {
        return List.of(Gcc.SECTIONS, Gcc.WHOLE);
    }

    @TempDir Path folder;

    private static List<String> sections(Extraction extraction) {
        return extraction.object().sections().stream().map(ElfSection::name).sorted().toList();
    }

    private static List<String> undefined(Extraction extraction) {
        return extraction.object().symbols().stream()
                .filter(ElfSymbol::isUndefined)
                .map(ElfSymbol::name)
                .sorted()
                .toList();
    }

    private static List<String> defined(Extraction extraction) {
        return extraction.object().symbols().stream()
                .filter(s -> !s.isUndefined() && !s.isSectionSymbol())
                .map(ElfSymbol::name)
                .sorted()
                .toList();
    }

    /** The relocations of a section as {@code offset-free} text: symbol and where it is. */
    private static List<String> targets(Extraction extraction, String section) {
        ElfObject object = extraction.object();
        return object.relocations(object.section(section).orElseThrow()).stream()
                .map(r ->
                        r.symbol().isUndefined()
                                ? r.symbol().name()
                                : "own " + r.symbol().section().orElseThrow().name())
                .distinct()
                .sorted()
                .toList();
    }

    /** What binutils and our own reader say of it. */
    private void requireSound(Extraction extraction) throws IOException {
        byte[] bytes = ElfWriter.write(extraction.object());
        assertThat(ElfWriter.write(ElfReader.read(bytes))).as("round trip").isEqualTo(bytes);
        Path file = Files.write(folder.resolve("extracted.o"), bytes);
        Subprocess.Result readelf = Subprocess.of("readelf", "-aW", file.toString()).run();
        assertThat(readelf.err()).isEmpty();
        assertThat(readelf.ok()).isTrue();
        Path linked = folder.resolve("linked.o");
        Subprocess.Result ld =
                Subprocess.of(
                                "ld",
                                "-r",
                                "-z",
                                "noexecstack",
                                file.toString(),
                                "-o",
                                linked.toString())
                        .run();
        assertThat(ld.err()).isEmpty();
        assertThat(ld.ok()).isTrue();
        assertThat(Subprocess.of("objdump", "-dr", linked.toString()).run().out())
                .doesNotContain("(bad)");
    }

    /** Kernels with call padding count calls there (CONFIG_CALL_PADDING). */
    @ParameterizedTest
    @MethodSource("layouts")
    void thePaddingBeforeAFunctionMovesWithItAndAColdPartHasNone(Gcc gcc) throws IOException {
        Gcc padded = gcc.with("-fpatchable-function-entry=16,16", "-falign-functions=16");
        ChangeSet changes = compare(padded, UNIT, edit(UNIT, "helper(x) * 3", "helper(x) * 5"));
        Extraction extraction = Extractor.extract(changes);
        requireSound(extraction);
        ElfSymbol work =
                extraction.object().symbols().stream()
                        .filter(s -> s.name().equals("work"))
                        .findFirst()
                        .orElseThrow();
        assertThat(work.value()).isEqualTo(16);
        ElfSection section = work.section().orElseThrow();
        assertThat(section.alignment()).isEqualTo(16);
        assertThat(java.util.Arrays.copyOf(section.content(), 16)).containsOnly(0x90);
        assertThat(section.content()[16]).isNotEqualTo((byte) 0x90);
        assertThat(extraction.object().symbols())
                .filteredOn(s -> s.name().equals("work.cold"))
                .singleElement()
                .satisfies(s -> assertThat(s.value()).isZero());
        assertThat(sections(extraction)).doesNotContain("__patchable_function_entries");
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void aChangedFunctionIsExtractedWithItsColdPartAndStringsAndNothingElse(Gcc gcc)
            throws IOException {
        ChangeSet changes = compare(gcc, UNIT, edit(UNIT, "helper(x) * 3", "helper(x) * 5"));
        Extraction extraction = Extractor.extract(changes);
        requireSound(extraction);
        assertThat(defined(extraction))
                .hasSize(3)
                .contains("work", "work.cold")
                .anyMatch(n -> n.startsWith("__func__."));
        assertThat(sections(extraction))
                .contains(".text.work", ".text.unlikely.work.cold", "__mcount_loc")
                .allMatch(n ->
                        n.startsWith(".text.")
                                || n.startsWith(".rodata")
                                || n.equals("__mcount_loc"));
        assertThat(undefined(extraction))
                .contains("__fentry__", "__x86_return_thunk", "helper")
                .contains("limits", "printk", "shared_data", "sink", "table", "work")
                .doesNotContain("counter", "rest");
        assertThat(extraction.replaced())
                .singleElement()
                .satisfies(r -> {
                    assertThat(r.original().name()).isEqualTo("work");
                    assertThat(r.body().name()).isEqualTo("work");
                    assertThat(r.body().section().orElseThrow().name()).isEqualTo(".text.work");
                    assertThat(r.original().section()).isPresent();
                });
    }

    @Test
    void theAddressOfAReplacedFunctionIsTheOriginals() {
        Extraction extraction =
                Extractor.extract(
                        compare(Gcc.SECTIONS, UNIT, edit(UNIT, "helper(x) * 3", "helper(x) * 5")));
        ElfSymbol original =
                extraction.originals().entrySet().stream()
                        .filter(e -> e.getKey().name().equals("work"))
                        .findFirst()
                        .orElseThrow()
                        .getValue();
        assertThat(original.isFunction()).isTrue();
        assertThat(original).isEqualTo(extraction.replaced().getFirst().original());
        assertThat(targets(extraction, ".text.work")).contains("work", "table", "limits");
        // What jumps from the cold part back goes to the new body.
        assertThat(targets(extraction, ".text.unlikely.work.cold")).contains("own .text.work");
    }

    @Test
    void undefinedSymbolsThatTheUnitDefinesAreMappedToTheOriginalsSymbols() {
        ChangeSet changes =
                compare(Gcc.SECTIONS, UNIT, edit(UNIT, "helper(x) * 3", "helper(x) * 5"));
        Extraction extraction = Extractor.extract(changes);
        assertThat(extraction.originals().keySet())
                .allSatisfy(s -> assertThat(s.isUndefined()).isTrue())
                .extracting(ElfSymbol::name)
                .contains("helper", "limits", "shared_data", "table", "work")
                .doesNotContain("printk", "sink", "__fentry__");
        assertThat(extraction.originals().values())
                .isSubsetOf(changes.original().object().symbols());
    }

    @Test
    void aRenumberedStaticIsReferredToByTheOriginalsName() {
        String source =
                """
                extern void sink(int);
                int last(int x) { static int count; return count += x; }
                """;
        String patched =
                "int first(int x) { static int count; return count -= x; }\n"
                        + edit(source, "count += x", "count += 2 * x");
        ChangeSet changes = compare(Gcc.SECTIONS, source, patched);
        // Which of the two is meant cannot be told from a changed function alone, or it is found.
        if (changes.verdict() == Verdict.REFUSED) {
            assertThat(changes.refusals())
                    .allSatisfy(p -> assertThat(p.code()).isEqualTo("RBL-STATIC-UNPAIRED"));
        } else {
            assertThat(undefined(Extractor.extract(changes))).contains("count.0");
        }
    }

    @Test
    void newDataAreExtractedAndOldDataNever() throws IOException {
        String patched =
                edit(
                        edit(
                                UNIT,
                                "int shared_data;",
                                "int shared_data;\nstatic int fresh = 9;\nstatic char room[64];"),
                        "sink(&table);",
                        "sink(&table); sink(&fresh); sink(room);");
        Extraction extraction = Extractor.extract(compare(Gcc.SECTIONS, UNIT, patched));
        requireSound(extraction);
        assertThat(defined(extraction))
                .contains("fresh", "room")
                .doesNotContain("limits", "counter", "table");
        ElfSection room = extraction.object().section(".bss.room").orElseThrow();
        assertThat(room.isNobits()).isTrue();
        assertThat(room.size()).isEqualTo(64);
        assertThat(extraction.object().section(".data.fresh").orElseThrow().content())
                .containsExactly(9, 0, 0, 0);
    }

    @Test
    void aNewFunctionIsExtractedAndCalledByItsOwnBody() throws IOException {
        String patched =
                edit(
                        edit(UNIT, "return work(x) + helper(x)", "return guard(x) + helper(x)"),
                        "int rest(",
                        "static __attribute__((noinline)) int guard(int x) { sink(&x); return work(x); }\nint rest(");
        Extraction extraction = Extractor.extract(compare(Gcc.SECTIONS, UNIT, patched));
        requireSound(extraction);
        assertThat(defined(extraction)).containsExactly("guard", "rest");
        assertThat(targets(extraction, ".text.rest")).contains("own .text.guard", "helper");
        assertThat(targets(extraction, ".text.guard")).contains("work", "sink");
    }

    @ParameterizedTest
    @CsvSource({".word, 12", ".4byte, 14"})
    void tablesOfTheKernelAreExtractedEntryByEntry(String flagsOfAlternatives, int entrySize)
            throws IOException {
        // struct alt_instr has 16 bits for the feature in 6.1 and 32 in 6.12.
        String source =
                SpecialTablesTest.MACROS
                                .replace(".word 117", flagsOfAlternatives + " 117")
                                .replace(".word 85", flagsOfAlternatives + " 85")
                                .replace(".word \" #feature", flagsOfAlternatives + " \" #feature")
                        + """
                        int kept(int x) { if (x == 3) BUG(1); ALTERNATIVE("nop", "lfence", 96); PARAVIRT(7); sink(x); return x; }
                        int moved(int x)
                        {
                            int r;
                            if (x == 3) BUG(2);
                            LOAD(r, x, 3);
                            ALTERNATIVE("nop", "mfence", 97);
                            if (HAS_FEATURE(4)) sink(r);
                            PARAVIRT(9);
                            if (BRANCH(key_a)) sink(x);
                            return x + 1;
                        }
                        int after(int x) { ALTERNATIVE("nop", "sfence", 98); if (HAS_FEATURE(8)) sink(x); return x; }
                        """;
        for (Gcc gcc : layouts()) {
            Extraction extraction =
                    Extractor.extract(compare(gcc, source, edit(source, "x + 1", "x + 2")));
            requireSound(extraction);
            ElfObject object = extraction.object();
            assertThat(size(object, "__bug_table")).isEqualTo(12);
            assertThat(size(object, "__ex_table")).isEqualTo(12);
            assertThat(size(object, ".altinstructions")).isEqualTo(3L * entrySize);
            assertThat(size(object, ".parainstructions")).isEqualTo(16);
            assertThat(size(object, "__jump_table")).isEqualTo(16);
            assertThat(size(object, "__mcount_loc")).isEqualTo(8);
            assertThat(size(object, ".discard.reachable")).isEqualTo(4);
            assertThat(object.section(".altinstr_replacement").orElseThrow().content())
                    .as("mfence, and the jump to the label no")
                    .startsWith(0x0f, 0xae, 0xf0, 0xe9)
                    .hasSize(8);
            for (String table :
                    List.of("__ex_table", ".parainstructions", "__mcount_loc", ".altinstr_aux")) {
                assertThat(targets(extraction, table))
                        .as(table)
                        .allMatch(t -> t.equals("own .text.moved") || t.equals("pv_op"));
            }
            assertThat(targets(extraction, "__jump_table"))
                    .containsExactly("key_a", "own .text.moved");
            assertThat(targets(extraction, "__bug_table"))
                    .as("its file's name and its code")
                    .hasSize(2)
                    .contains("own .text.moved")
                    .anyMatch(t -> t.startsWith("own .rodata"));
            assertThat(undefined(extraction)).doesNotContain("kept", "after", "moved");
        }
    }

    private static long size(ElfObject object, String section) {
        return object.section(section).orElseThrow().size();
    }

    @Test
    void ofSectionsOfOneNameTheStrictestAlignmentHolds() {
        String source =
                """
                extern void sink(void *);
                int use(int x) { sink(0); return x; }
                """;
        String patched =
                """
                extern void sink(void *);
                static char loose = 1;
                asm(".section .data.loose,\\"aw\\",@progbits,unique,7\\n.balign 32\\n.type strict,@object\\n.size strict,4\\nstrict: .long 5\\n.text");
                extern char strict;
                int use(int x) { sink(&loose); sink(&strict); return x; }
                """;
        Extraction extraction = Extractor.extract(compare(Gcc.SECTIONS, source, patched));
        ElfSymbol strict = extraction.object().symbolsNamed("strict").getFirst();
        ElfSection section = strict.section().orElseThrow();
        assertThat(section.alignment()).isEqualTo(32);
        assertThat(strict.value() % 32).isZero();
    }

    @Test
    void wideAndCutStringsKeepTheirContent() throws IOException {
        String source =
                """
                extern void sink(const void *);
                int use(int x) { sink("abc"); return x; }
                """;
        String patched =
                edit(
                        source,
                        "sink(\"abc\");",
                        "sink(L\"wide\"); sink(\"tail of it\" + 5); sink(\"\");");
        Extraction extraction = Extractor.extract(compare(Gcc.SECTIONS, source, patched));
        requireSound(extraction);
        String content =
                extraction.object().sections().stream()
                        .filter(ElfSection::isStrings)
                        .map(s ->
                                new String(
                                        s.content(), java.nio.charset.StandardCharsets.ISO_8859_1))
                        .reduce("", String::concat);
        assertThat(content).contains("of it\0").contains("w\0i\0d\0e\0\0\0").doesNotContain("abc");
    }

    @Test
    void refusedChangesAreNotExtracted() {
        ChangeSet changes = compare(Gcc.SECTIONS, UNIT, edit(UNIT, "counter = 3", "counter = 4"));
        assertThat(changes.verdict()).isEqualTo(Verdict.REFUSED);
        assertThatThrownBy(() -> Extractor.extract(changes))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void extractingTwiceGivesTheSameBytes() {
        String patched = edit(UNIT, "helper(x) * 3", "helper(x) * 5");
        byte[] once =
                ElfWriter.write(Extractor.extract(compare(Gcc.SECTIONS, UNIT, patched)).object());
        byte[] twice =
                ElfWriter.write(Extractor.extract(compare(Gcc.SECTIONS, UNIT, patched)).object());
        assertThat(twice).isEqualTo(once);
    }
}
