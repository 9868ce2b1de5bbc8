package dev.rebootless.diff;

import static dev.rebootless.diff.Diffs.carried;
import static dev.rebootless.diff.Diffs.compare;
import static dev.rebootless.diff.Diffs.edit;
import static dev.rebootless.diff.Diffs.findings;
import static dev.rebootless.diff.Diffs.replaced;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Changes that leave all named code and data equal, and pairs that look right and are wrong. */
class EasilyMissedChangesTest {
    @Test
    void aFunctionThatNowUsesAnotherInlinesStaticIsRefusedAndPairsNothingWrongly() {
        String source =
                """
                static inline int next_a(void) { static int id; return ++id; }
                static inline int next_b(void) { static int id; return ++id; }
                int f(void) { return next_a(); }
                int g(void) { return next_b(); }
                """;
        String patched = edit(source, "int f(void) { return next_a", "int f(void) { return next_b");
        ChangeSet changes = compare(Gcc.SECTIONS, source, patched);
        assertThat(changes.changed()).contains("f");
        assertThat(changes.refusals())
                .isNotEmpty()
                .allSatisfy(p -> assertThat(p.code()).isEqualTo("RBL-STATIC-UNPAIRED"));
    }

    /** The shape of the fix of CVE-2021-20322 in net/ipv4/route.c. */
    @Test
    void newDataThatAGuardWhichMayBeDoneShouldInitialiseIsRefused() {
        String source =
                """
                extern void fill(void *, int); extern int mix(int, void *);
                #define once(p, n) ({ static _Bool __attribute__((section(".data.once"))) ___done; \\
                    if (!___done) { fill(p, n); ___done = 1; } })
                static int random;
                int hash(int x) { once(&random, 4); return mix(x, &random); }
                """;
        String patched =
                edit(
                        edit(source, "static int random;", "static long key[2];"),
                        "once(&random, 4); return mix(x, &random)",
                        "once(key, 16); return mix(x, key)");
        ChangeSet changes = compare(Gcc.SECTIONS, source, patched);
        assertThat(changes.changed()).containsExactly("hash");
        assertThat(changes.refusals())
                .singleElement()
                .satisfies(p -> assertThat(p.code()).isEqualTo("RBL-ONCE-DONE"));
        assertThat(
                        findings(
                                compare(
                                        Gcc.SECTIONS,
                                        source,
                                        edit(source, "return mix", "return 1 + mix"))))
                .isEqualTo("changed: hash");
    }

    @Test
    void anEntryWithoutNameInATableOfTheLinkerIsSeen() {
        String source =
                """
                int quirk(int x) { return x; }
                asm(".pushsection .pci_fixup_final,\\"a\\"\\n.short 0x1022, 0x7901\\n.long quirk - .\\n.popsection");
                """;
        String line =
                "asm(\".pushsection .pci_fixup_final,\\\"a\\\"\\n.short 0x1022, 0x7902\\n.long quirk - .\\n.popsection\");\n";
        assertThat(findings(compare(Gcc.SECTIONS, source, source))).isEqualTo("unchanged");
        assertThat(findings(compare(Gcc.SECTIONS, source, source + line)))
                .isEqualTo("refused: RBL-TABLE-CHANGED .pci_fixup_final");
        assertThat(findings(compare(Gcc.SECTIONS, source, edit(source, "0x7901", "0x7902"))))
                .isEqualTo("refused: RBL-TABLE-CHANGED .pci_fixup_final");
    }

    @ParameterizedTest
    @CsvSource({
        "_kprobe_blacklist, RBL-TABLE-CHANGED",
        ".apicdrivers, RBL-TABLE-CHANGED",
        ".exitcall.exit, RBL-TABLE-CHANGED",
        "___ksymtab+f, RBL-EXPORT-CHANGED",
        ".export_symbol, RBL-EXPORT-CHANGED",
        ".initcall6.init, RBL-INITCALL",
        "__param, RBL-PARAM",
        "__tracepoints, RBL-TRACEPOINT",
    })
    void aNamedEntryOfATableThatComesOrGoesIsRefused(String section, String code) {
        String source = "int f(int x) { return x; }\n";
        String more =
                source
                        + "static void *__attribute__((used, section(\"%s\"))) entry = f;\n"
                                .formatted(section);
        assertThat(compare(Gcc.SECTIONS, source, more).refusals())
                .singleElement()
                .satisfies(p -> assertThat(p.code()).isEqualTo(code));
        assertThat(compare(Gcc.SECTIONS, more, source).refusals())
                .singleElement()
                .satisfies(p -> assertThat(p.code()).isEqualTo(code));
    }

    @ParameterizedTest
    @CsvSource({".kprobes.text", ".sched.text", ".noinstr.text"})
    void aFunctionThatMovesToASectionOfMeaningIsRefused(String section) {
        String source = "int f(int x) { return x; }\n";
        String patched = "__attribute__((section(\"%s\"))) ".formatted(section) + source;
        assertThat(findings(compare(Gcc.SECTIONS, source, patched)))
                .isEqualTo("changed: f; refused: RBL-SECTION-UNPATCHABLE f");
    }

    @Test
    void aFunctionThatBecomesColdIsNoOtherFunction() {
        String source = "int f(int x) { return x; }\n";
        assertThat(findings(compare(Gcc.SECTIONS, source, "__attribute__((cold)) " + source)))
                .isEqualTo("unchanged");
    }

    private static final String WALK =
            """
            #define READ_MOSTLY __attribute__((section(".data..read_mostly")))
            extern void use(long *);
            static long table[16] READ_MOSTLY;
            static int first READ_MOSTLY;
            void walk(void) { for (long *p = table; p < table + 16; p++) use(p); }
            int get(void) { return first; }
            void set(int x) { first = x; table[x] = x; }
            """;

    @Test
    void aPointerBehindAnArrayIsNotTakenForTheNewVariableThere() {
        Gcc gcc = Gcc.SECTIONS.with("-fno-toplevel-reorder");
        String patched =
                edit(
                        edit(
                                WALK,
                                "static int first",
                                "static int fresh READ_MOSTLY;\nstatic int first"),
                        "return first;",
                        "return first + fresh++;");
        ChangeSet changes = compare(gcc, WALK, patched);
        assertThat(changes.refusals())
                .isNotEmpty()
                .allSatisfy(p -> assertThat(p.code()).isEqualTo("RBL-DATA-BOUNDARY"));
    }

    @Test
    void aVariableBehindAnArrayWhereBothStayIsJustReferredTo() {
        Gcc gcc = Gcc.SECTIONS.with("-fno-toplevel-reorder");
        ChangeSet changes = compare(gcc, WALK, edit(WALK, "return first;", "return first + 1;"));
        assertThat(findings(changes)).isEqualTo("changed: get");
        assertThat(carried(changes)).containsExactly("get");
    }

    @Test
    void aPointerBehindAStringIsThatStringAndNotTheNext() {
        String source =
                """
                extern void range(const char *, const char *);
                static const char *text(void) { return "abcdefgh"; }
                void f(void) { range(text(), text() + 9); }
                void g(void) { range("other", 0); }
                """;
        assertThat(findings(compare(Gcc.SECTIONS, source, edit(source, "other", "others"))))
                .isEqualTo("changed: g");
    }

    @Test
    void codeOfAnAsmStatementWithoutTypeAndSizeIsCompared() {
        String source =
                """
                asm(".text\\n.globl quick\\nquick: mov $1,%eax\\n ret\\n");
                extern int quick(void);
                int f(void) { return quick(); }
                """;
        assertThat(findings(compare(Gcc.SECTIONS, source, source))).isEqualTo("unchanged");
        ChangeSet changes = compare(Gcc.SECTIONS, source, edit(source, "mov $1", "mov $2"));
        assertThat(changes.verdict()).isNotEqualTo(Verdict.UNCHANGED);
        assertThat(changes.refusals())
                .singleElement()
                .satisfies(p -> assertThat(p.code()).isEqualTo("RBL-CODE-REFERENCE"));
    }

    @Test
    void aLargerAlignmentOfExistingDataIsRefused() {
        String source = "static char buffer[64]; char *get(int x) { return buffer + x; }\n";
        String patched = edit(source, "buffer[64]", "buffer[64] __attribute__((aligned(128)))");
        assertThat(findings(compare(Gcc.SECTIONS, source, patched)))
                .isEqualTo("data: buffer; refused: RBL-DATA-CHANGED buffer");
        assertThat(findings(compare(Gcc.SECTIONS, patched, source))).isEqualTo("unchanged");
    }

    @Test
    void aNumberedStaticAndAGlobalOfItsNameAreTwo() {
        String source = "int gone(void) { static int n; return ++n; }\n";
        assertThat(findings(compare(Gcc.SECTIONS, source, "int n;\n")))
                .isEqualTo("removed: gone n.0; data: n");
    }

    @Test
    void aConstantBehindAPathThatIsNotTheUnitsIsNoLine() {
        String source =
                """
                extern void note(const char *, int);
                void f(void) { note("fw.h", 3); }
                void g(void) { note("another.c", 3); }
                """;
        assertThat(findings(compare(Gcc.SECTIONS, source, edit(source, "fw.h\", 3", "fw.h\", 4"))))
                .isEqualTo("changed: f");
        assertThat(findings(compare(Gcc.SECTIONS, source, edit(source, ".c\", 3", ".c\", 4"))))
                .isEqualTo("changed: g");
    }

    @Test
    void whereLinesArePinnedEveryConstantCounts() {
        String source =
                """
                extern void note(const char *, int);
                void f(void) { note(__FILE__, 3); }
                """;
        String patched = edit(source, ", 3", ", 4");
        assertThat(compare(Gcc.SECTIONS, source, patched).verdict()).isEqualTo(Verdict.UNCHANGED);
        assertThat(
                        ObjectDiff.compare(
                                        Gcc.SECTIONS.compile(source),
                                        Gcc.SECTIONS.compile(patched),
                                        SourceLines.ARE_PINNED)
                                .changed())
                .containsExactly("f");
    }

    @Test
    void aFunctionThatBecomesCpuIdleIsReplacedWhereFtraceMayStillActInIt() {
        String source = "int f(int x) { return x; }\n";
        String idle = "__attribute__((section(\".cpuidle.text\"))) " + source;
        assertThat(findings(compare(Gcc.SECTIONS, source, idle))).isEqualTo("changed: f");
        assertThat(findings(compare(Gcc.SECTIONS, idle, source))).isEqualTo("changed: f");
        // As __noinstr_section says of later kernels.
        String silent = "__attribute__((no_instrument_function)) " + idle;
        assertThat(findings(compare(Gcc.SECTIONS, source, silent)))
                .isEqualTo("changed: f; refused: RBL-SECTION-UNPATCHABLE f");
    }

    /** Before any tool has made the table of ftrace sites, the calls themselves tell. */
    @Test
    void aFunctionWithoutFentryIsRefusedAlsoWhereTheTableIsNotMadeYet() {
        String source =
                """
                extern void sink(int);
                __attribute__((no_instrument_function)) void quiet(int x) { sink(x * 2); }
                void traced(int x) { sink(x * 3); }
                """;
        Gcc gcc = Gcc.SECTIONS.with("-mno-record-mcount");
        assertThat(gcc.compile(source).sectionsNamed("__mcount_loc")).isEmpty();
        assertThat(findings(compare(gcc, source, edit(source, "x * 2", "x * 9"))))
                .isEqualTo("changed: quiet; refused: RBL-NO-FENTRY quiet");
        assertThat(findings(compare(gcc, source, edit(source, "x * 3", "x * 9"))))
                .isEqualTo("changed: traced");
    }

    private static final String UNROUTED =
            """
            extern void sink(int);
            #define notrace __attribute__((no_instrument_function, noipa))
            static notrace int quiet(int x) { sink(x * 2); return x; }
            __attribute__((noipa)) int first(int x) { return quiet(x) + 1; }
            int second(int x) { return first(x) - 1; }
            """;

    @Test
    void callersOfAStaticFunctionWithoutFentryAreReplacedInItsPlace() {
        ChangeSet changes =
                compare(Gcc.SECTIONS, UNROUTED, edit(UNROUTED, "sink(x * 2)", "sink(x * 9)"));
        assertThat(findings(changes)).isEqualTo("changed: quiet");
        assertThat(replaced(changes)).containsExactly("first");
        assertThat(changes.replacedCode()).extracting(Item::name).contains("first", "quiet");
        assertThat(changes.copied()).containsOnly(Map.entry("quiet", List.of("first")));
        assertThat(changes.warnings())
                .containsExactly(
                        "quiet: ftrace cannot route calls of this function, so it moves, and what calls it is replaced:"
                                + " first");
    }

    /** Each is a way to reach the old function, or to be in the new one, that nothing routes. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                // A jump leaves no caller on the stack, where the kernel would look for one.
                "int tail(int x) { return quiet(x); }",
                "int (*pointer)(int) = quiet;",
                "extern void give(int (*)(int)); void taken(void) { give(quiet); }",
                "__attribute__((section(\".noinstr.text\"))) int entry(int x) { return quiet(x) + 3; }",
                "__attribute__((section(\".init.text\"))) int start(int x) { return quiet(x) + 3; }",
                "notrace int known(int x) { return quiet(x) + 3; }",
            })
    void aStaticFunctionWithoutFentryThatIsReachedOtherwiseIsRefused(String use) {
        String source = UNROUTED + use + "\n";
        assertThat(
                        findings(
                                compare(
                                        Gcc.SECTIONS,
                                        source,
                                        edit(source, "sink(x * 2)", "sink(x * 9)"))))
                .isEqualTo("changed: quiet; refused: RBL-NO-FENTRY quiet");
    }

    @Test
    void aStaticFunctionWithoutFentryThatThePatchReachesByAJumpIsRefused() {
        assertThat(
                        findings(
                                compare(
                                        Gcc.SECTIONS,
                                        UNROUTED,
                                        edit(
                                                edit(UNROUTED, "sink(x * 2)", "sink(x * 9)"),
                                                "quiet(x) + 1",
                                                "quiet(x)"))))
                .isEqualTo("changed: first quiet; refused: RBL-NO-FENTRY quiet");
    }

    /**
     * objtool would take the caller to go on behind the call of a function that it does not see.
     */
    @Test
    void aStaticFunctionThatDoesNotReturnIsCarriedWithTheCodeThatEndsInItsCall() {
        String source =
                """
                extern void sink(int);
                static __attribute__((noinline)) void stop(int x) { sink(x); __builtin_trap(); }
                static __attribute__((noipa)) int helper(int x) { sink(x); return x; }
                int check(int x) { if (x > 5) stop(x); return helper(x); }
                int other(int x) { if (x > 7) stop(x); return helper(x); }
                """;
        ChangeSet changes = compare(Gcc.SECTIONS, source, edit(source, "x > 5", "x > 6"));
        assertThat(findings(changes)).isEqualTo("changed: check");
        assertThat(replaced(changes)).containsExactly("check");
        assertThat(carried(changes)).contains("check", "stop").doesNotContain("helper", "other");
        String pointed = source + "void (*pointer)(int) = stop;\n";
        assertThat(carried(compare(Gcc.SECTIONS, pointed, edit(pointed, "x > 5", "x > 6"))))
                .contains("check")
                .doesNotContain("stop");
    }

    @Test
    void aNewFunctionInASectionOfMeaningIsRefused() {
        String source = "extern void sink(int);\nint f(int x) { return x; }\n";
        String patched =
                edit(
                        source,
                        "int f(int x) { return x; }",
                        "__attribute__((noinline, section(\".kprobes.text\"))) static int help(int x)"
                                + " { sink(x); return x; }\nint f(int x) { return help(x); }");
        assertThat(compare(Gcc.SECTIONS, source, patched).refusals())
                .singleElement()
                .satisfies(p -> assertThat(p.code()).isEqualTo("RBL-SECTION-UNPATCHABLE"));
    }

    @Test
    void linesOfModuleInformationMayRepeat() {
        String source =
                """
                #define INFO(n, s) static const char __UNIQUE_ID_alias##n[] \\
                    __attribute__((used, section(".modinfo"))) = "alias=" s;
                INFO(12, "fs-a") INFO(13, "fs-b")
                int f(int x) { return x; }
                """;
        assertThat(findings(compare(Gcc.SECTIONS, source, source))).isEqualTo("unchanged");
        assertThat(findings(compare(Gcc.SECTIONS, source, edit(source, "return x;", "return -x;"))))
                .isEqualTo("changed: f");
    }

    @Test
    void aNewConstantBesideAGuardIsNoDataToInitialise() {
        String source =
                """
                extern void fill(void *, int); extern int mix(int, void *);
                static int random;
                int hash(int x)
                {
                    static _Bool __attribute__((section(".data.once"))) ___done;
                    if (!___done) { fill(&random, 4); ___done = 1; }
                    return mix(x, &random);
                }
                """;
        String patched =
                edit(
                        source,
                        "return mix(x, &random);",
                        "static const int table[] = {3, 1, 4, 1, 5, 9}; return mix(table[x & 3], &random);");
        assertThat(compare(Gcc.SECTIONS, source, patched).refusals()).isEmpty();
    }
}
