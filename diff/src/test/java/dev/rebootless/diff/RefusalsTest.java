package dev.rebootless.diff;

import static dev.rebootless.diff.Diffs.compare;
import static dev.rebootless.diff.Diffs.edit;
import static dev.rebootless.diff.Diffs.findings;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.elf.Elf;
import dev.rebootless.elf.ElfHeader;
import dev.rebootless.elf.ElfObject;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What must not be built, each with its code and the thing it is about. */
class RefusalsTest {
    private static final String UNIT =
            """
            extern void sink(int);
            #define __init __attribute__((section(".init.text"), noinline))
            #define __initdata __attribute__((section(".init.data")))
            #define __exit __attribute__((section(".exit.text"), noinline))
            #define notrace __attribute__((no_instrument_function))
            static int start_value __initdata = 3;
            int __init start(int x) { sink(x + start_value); return x; }
            void __exit stop(int x) { sink(x - 1); }
            notrace __attribute__((noinline)) int quiet(int x) { sink(x * 2); return x; }
            __attribute__((section(".noinstr.text"), noinline)) int entry(int x) { sink(x * 3); return x; }
            __attribute__((section(".sched.text"), noinline)) int schedule(int x) { sink(x * 5); return x; }
            int first(int x) { return quiet(x) + 1; }
            int second(int x) { return quiet(x) + entry(x); }
            """;

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "x + start_value | x - start_value | changed: start; refused: RBL-INIT-CHANGED start",
                "sink(x - 1)     | sink(x - 2)     | changed: stop; refused: RBL-INIT-CHANGED stop",
                "sink(x * 2)     | sink(x * 9)     | changed: quiet; refused: RBL-NO-FENTRY quiet",
                "sink(x * 3)     | sink(x * 9)     | changed: entry; refused: RBL-SECTION-UNPATCHABLE entry",
                "sink(x * 5)     | sink(x * 9)     | changed: schedule",
                "= 3;            | = 4;            | data: start_value; refused: RBL-INIT-CHANGED start_value",
            })
    void aChangeOfCodeThatFtraceDoesNotReachIsRefused(String from, String to, String expected) {
        assertThat(findings(compare(Gcc.SECTIONS, UNIT, edit(UNIT, from, to)))).isEqualTo(expected);
        assertThat(findings(compare(Gcc.WHOLE, UNIT, edit(UNIT, from, to)))).isEqualTo(expected);
    }

    @Test
    void aFunctionThatFtraceDoesNotReachIsRefusedWithTheNamesOfItsCallers() {
        ChangeSet changes = compare(Gcc.SECTIONS, UNIT, edit(UNIT, "sink(x * 2)", "sink(x * 9)"));
        assertThat(changes.refusals().getFirst().message()).contains("used by: first, second");
        assertThat(changes.refusals().getFirst().remedy()).contains("functions that call it");
    }

    @Test
    void aFunctionThatBecomesNotraceIsReplacedSinceTheOriginalHasItsEntry() {
        assertThat(
                        findings(
                                compare(
                                        Gcc.SECTIONS,
                                        UNIT,
                                        edit(UNIT, "int first(", "notrace int first("))))
                .isEqualTo("changed: first");
    }

    @Test
    void aFunctionThatMovesIntoTheInitSectionIsRefused() {
        assertThat(
                        findings(
                                compare(
                                        Gcc.SECTIONS,
                                        UNIT,
                                        edit(UNIT, "int first(", "int __init first("))))
                .isEqualTo("changed: first; refused: RBL-INIT-CHANGED first");
    }

    @Test
    void newInitCodeThatNothingCarriedCallsIsNoReasonToRefuse() {
        assertThat(
                        findings(
                                compare(
                                        Gcc.SECTIONS,
                                        UNIT,
                                        UNIT + "int __init later(int x) { sink(x); return x; }\n")))
                .isEqualTo("new: later");
    }

    private static final String TABLE =
            """
            extern void sink(int);
            #define NOTE(section, flags, where) ".pushsection " section ",\\"" flags "\\"\\n.quad " where "\\n.popsection\\n"
            int noted(int x)
            {
                sink(x);
                asm volatile("1: nop\\n" NOTE("__unknown_sites", "a", "1b"));
                return x + 1;
            }
            int rest(int x) { sink(-x); return x + 2; }
            """;

    @Test
    void anUnknownSectionThatPointsIntoCarriedCodeIsRefused() {
        assertThat(findings(compare(Gcc.SECTIONS, TABLE, edit(TABLE, "x + 1", "x + 4"))))
                .isEqualTo("changed: noted; refused: RBL-SECTION-UNKNOWN noted");
        String unallocated = edit(TABLE, "\"a\", \"1b\"", "\"\", \"1b\"");
        assertThat(
                        findings(
                                compare(
                                        Gcc.SECTIONS,
                                        unallocated,
                                        edit(unallocated, "x + 1", "x + 4"))))
                .isEqualTo("changed: noted; refused: RBL-SECTION-UNKNOWN noted");
    }

    @Test
    void anUnknownSectionThatPointsAtOtherCodeIsNoReasonToRefuse() {
        assertThat(findings(compare(Gcc.SECTIONS, TABLE, edit(TABLE, "x + 2", "x + 5"))))
                .isEqualTo("changed: rest");
        String start = edit(TABLE, "\"a\", \"1b\"", "\"a\", \"noted\"");
        assertThat(findings(compare(Gcc.SECTIONS, start, edit(start, "x + 1", "x + 4"))))
                .as("the address of the function stays the original's")
                .isEqualTo("changed: noted");
    }

    @Test
    void anUnknownSectionThatPointsAtCarriedColdCodeIsRefused() {
        String source =
                """
                extern void __attribute__((cold)) fail(int); extern int sink(int);
                int work(int x)
                {
                    if (__builtin_expect(x > 7, 0)) {
                        fail(x);
                        asm volatile("1: nop\\n.pushsection __unknown_sites,\\"a\\"\\n.quad 1b\\n.popsection");
                        fail(x + 1);
                        return -1;
                    }
                    return x * 3;
                }
                """;
        ChangeSet changes = compare(Gcc.SECTIONS, source, edit(source, "x * 3", "x * 9"));
        assertThat(findings(changes))
                .isEqualTo("changed: work; refused: RBL-SECTION-UNKNOWN work.cold");
    }

    private static final String EXPORTS =
            """
            extern void sink(int);
            #define EXPORT(f) asm(".pushsection ___ksymtab+" #f ",\\"a\\"\\n.balign 4\\n__ksymtab_" #f \\
              ":\\n.long " #f "- .\\n.long __kstrtab_" #f " - .\\n.long 0\\n.popsection\\n" \\
              ".pushsection __ksymtab_strings,\\"aMS\\",%progbits,1\\n__kstrtab_" #f ":\\n.asciz \\"" #f "\\"\\n.popsection");
            #define initcall(f) static void *__initcall_##f __attribute__((used, section(".initcall6.init"))) = f;
            int shared(int x) { sink(x); return x; }
            int private(int x) { sink(-x); return x; }
            EXPORT(shared)
            initcall(shared)
            """;

    @Test
    void anExportedFunctionThatChangesIsReplacedLikeAnyOther() {
        assertThat(findings(compare(Gcc.SECTIONS, EXPORTS, edit(EXPORTS, "sink(x)", "sink(~x)"))))
                .isEqualTo("changed: shared");
    }

    @Test
    void aNewExportIsRefused() {
        ChangeSet changes = compare(Gcc.SECTIONS, EXPORTS, EXPORTS + "EXPORT(private)\n");
        assertThat(changes.changed()).isEmpty();
        assertThat(changes.refusals())
                .singleElement()
                .satisfies(p -> {
                    assertThat(p.code()).isEqualTo("RBL-EXPORT-CHANGED");
                    assertThat(p.place()).isEqualTo("__ksymtab_private");
                });
    }

    /** As EXPORT_SYMBOL is since 6.4 (include/linux/export.h, ___EXPORT_SYMBOL). */
    private static final String EXPORTS_FOR_MODPOST =
            """
            extern void sink(int);
            #define EXPORT(f, license) asm(".pushsection .export_symbol,\\"a\\"\\n__export_symbol_" #f ":\\n" \\
              ".asciz \\"" license "\\"\\n.asciz \\"\\"\\n.balign 8\\n.quad " #f "\\n.popsection");
            int shared(int x) { sink(x); return x; }
            int other(int x) { sink(x + 1); return x; }
            int private(int x) { sink(-x); return x; }
            EXPORT(shared, "GPL")
            EXPORT(other, "")
            """;

    @Test
    void anExportThatModpostReadsIsSeenToComeGoAndChange() {
        String source = EXPORTS_FOR_MODPOST;
        assertThat(findings(compare(Gcc.SECTIONS, source, edit(source, "sink(x)", "sink(~x)"))))
                .isEqualTo("changed: shared");
        assertThat(compare(Gcc.SECTIONS, source, source + "EXPORT(private, \"GPL\")\n").refusals())
                .singleElement()
                .satisfies(p -> assertThat(p.code()).isEqualTo("RBL-EXPORT-CHANGED"))
                .satisfies(p -> assertThat(p.place()).isEqualTo("__export_symbol_private"));
        assertThat(
                        compare(Gcc.SECTIONS, source, edit(source, "EXPORT(other, \"\")\n", ""))
                                .refusals())
                .singleElement()
                .satisfies(p -> assertThat(p.code()).isEqualTo("RBL-EXPORT-CHANGED"))
                .satisfies(p -> assertThat(p.place()).isEqualTo("__export_symbol_other"));
        assertThat(
                        compare(
                                        Gcc.SECTIONS,
                                        source,
                                        edit(source, "(other, \"\")", "(other, \"GPL\")"))
                                .refusals())
                .singleElement()
                .satisfies(p -> assertThat(p.code()).isEqualTo("RBL-EXPORT-CHANGED"))
                .satisfies(p -> assertThat(p.place()).isEqualTo("__export_symbol_other"));
    }

    @Test
    void aNewInitcallIsRefused() {
        assertThat(findings(compare(Gcc.SECTIONS, EXPORTS, EXPORTS + "initcall(private)\n")))
                .isEqualTo("data: __initcall_private; refused: RBL-INITCALL __initcall_private");
    }

    @Test
    void newDataInASectionThatOnlyTheKernelImageHasIsRefused() {
        String source = "extern void sink(int *);\nint use(int x) { sink(&x); return x; }\n";
        String patched =
                "static int hook __attribute__((section(\".special.data\"))) = 1;\n"
                        + edit(source, "sink(&x)", "sink(&hook)");
        assertThat(findings(compare(Gcc.SECTIONS, source, patched)))
                .isEqualTo("changed: use; data: hook; refused: RBL-SECTION hook");
    }

    @Test
    void objectsThatAreNotForThisToolAreRefusedBeforeAnythingIsCompared() {
        ElfObject object = Gcc.SECTIONS.compile(UNIT);
        assertThatThrownBy(() -> ObjectDiff.compare(object, withHeader(object, Elf.ET_DYN, 62)))
                .isInstanceOf(RebootlessException.class)
                .hasMessageContaining("RBL-ELF");
        assertThatThrownBy(() -> ObjectDiff.compare(withHeader(object, Elf.ET_REL, 183), object))
                .isInstanceOf(RebootlessException.class)
                .hasMessageContaining("RBL-ARCHITECTURE");
    }

    private static ElfObject withHeader(ElfObject object, int type, int machine) {
        return ElfObject.of(
                new ElfHeader(object.header().order(), 0, type, machine, 0, 0),
                object.sections(),
                object.symbols(),
                object.relocationTables(),
                object.groups(),
                object.linkOrder());
    }

    /** As drivers/block/zram/zram_drv.c has it: what is not the default is freed. */
    private static final String DEFAULTS =
            """
            extern void release(const void *), keep(const char *), sink(int);
            extern const char *within(const char *);
            static const char *fallback = "lzo-rle";
            struct device { const char *name; };
            int reset(struct device *d, int x)
            {
                if (d->name != fallback)
                    release(d->name);
                d->name = fallback;
                return x + 1;
            }
            int free_all(struct device *d, int x)
            {
                if (d->name != fallback)
                    release(d->name);
                return x + 3;
            }
            int set(struct device *d, int x) { d->name = fallback; return x + 5; }
            int show(int x) { keep("other"); return x + 7; }
            int walk(int x)
            {
                const char *text = "[[[[";
                const char *at = within(text);
                if (at > text)
                    sink(*at);
                return x + 9;
            }
            """;

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "x + 1 | x + 2 | changed: reset; refused: RBL-STRING-IDENTITY reset",
                "x + 3 | x + 2 | changed: free_all; refused: RBL-STRING-IDENTITY free_all",
                // Stores what the others compare.
                "x + 5 | x + 2 | changed: set; refused: RBL-STRING-IDENTITY set",
                // Asks whether a pointer has left the string's begin.
                "x + 9 | x + 2 | changed: walk",
                // Has nothing to do with it.
                "x + 7 | x + 2 | changed: show",
            })
    void codeForWhichAStringIsItsAddressIsRefused(String from, String to, String expected) {
        assertThat(findings(compare(Gcc.SECTIONS, DEFAULTS, edit(DEFAULTS, from, to))))
                .isEqualTo(expected);
    }

    /** The original compares what it stores, once the livepatch is gone. */
    @Test
    void codeThatKeepsAStringWhichOnlyTheOriginalComparesIsRefused() {
        String comparing = "if (d->name != fallback)\n        release(d->name);";
        String original =
                DEFAULTS.substring(0, DEFAULTS.indexOf("int free_all"))
                        + "int show(int x) { keep(\"other\"); return x + 7; }\n";
        assertThat(findings(compare(Gcc.SECTIONS, original, edit(original, comparing, ""))))
                .isEqualTo("changed: reset; refused: RBL-STRING-IDENTITY reset");
    }

    @Test
    void everyRefusalNamesAThingAndARemedy() {
        for (String edit : List.of("sink(x - 1)", "sink(x * 2)", "sink(x * 3)")) {
            compare(Gcc.SECTIONS, UNIT, edit(UNIT, edit, "sink(77)"))
                    .refusals()
                    .forEach(p -> {
                        assertThat(p.place()).isNotBlank();
                        assertThat(p.message()).isNotBlank();
                        assertThat(p.remedy()).isNotBlank();
                    });
        }
    }
}
