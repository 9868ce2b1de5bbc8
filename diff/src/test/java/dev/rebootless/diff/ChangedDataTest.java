package dev.rebootless.diff;

import static dev.rebootless.diff.Diffs.carried;
import static dev.rebootless.diff.Diffs.compare;
import static dev.rebootless.diff.Diffs.edit;
import static dev.rebootless.diff.Diffs.findings;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Existing data stay where they are, so they must not change; what the compiler made may. */
class ChangedDataTest {
    private static final String UNIT =
            """
            extern void sink(const void *);
            extern int outside_a(int), outside_b(int);
            int initialised = 3;
            static int zero;
            static const int limits[] = {1, 2, 4, 8, 9, 1, 3};
            static const char *const names[] = {"alpha", "beta"};
            char text[] = "hello";
            struct ops { int (*call)(int); int flags; };
            static int call_me(int x) { return x + initialised; }
            struct ops table = { call_me, 7 };
            struct ops foreign = { outside_a, 7 };
            int use(int x)
            {
                sink(&initialised); sink(&zero); sink(limits); sink(names); sink(text);
                return limits[x] + table.call(x);
            }
            """;

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "initialised = 3      | initialised = 4        | initialised",
                "initialised = 3      | initialised = 0        | initialised",
                "static int zero      | static int zero = 1    | zero",
                "static int zero      | static long zero       | zero",
                "{1, 2, 4, 8, 9       | {1, 2, 4, 8, 7         | limits",
                "8, 9, 1, 3}          | 8, 9, 1, 3, 0}         | limits",
                "\"beta\"             | \"gamma\"              | names",
                "\"hello\"            | \"hallo\"              | text",
                "call_me, 7           | call_me, 8             | table",
                "{ outside_a, 7       | { outside_b, 7         | foreign",
                "static const int lim | static int lim         | limits",
            })
    void dataThatChangesIsRefusedByItsName(String from, String to, String name) {
        String patched = edit(UNIT, from, to);
        ChangeSet changes = compare(Gcc.SECTIONS, UNIT, patched);
        assertThat(changes.data()).containsExactly(name);
        assertThat(changes.refusals())
                .singleElement()
                .satisfies(p -> {
                    assertThat(p.code()).isEqualTo("RBL-DATA-CHANGED");
                    assertThat(p.place()).isEqualTo(name);
                });
        assertThat(changes.verdict()).isEqualTo(Verdict.REFUSED);
        // Without a section for each variable only those that stay in one section can be told by
        // it.
        assertThat(compare(Gcc.WHOLE, UNIT, patched).data()).containsExactly(name);
    }

    @Test
    void aTableOfFunctionsIsUnchangedWhenOneOfItsFunctionsChanges() {
        ChangeSet changes =
                compare(
                        Gcc.SECTIONS,
                        UNIT,
                        edit(UNIT, "return x + initialised", "return x - initialised"));
        assertThat(findings(changes)).isEqualTo("changed: call_me");
        assertThat(carried(changes)).containsExactly("call_me");
    }

    @Test
    void aVariableThatBecomesGlobalOrStaticIsUnchanged() {
        assertThat(findings(compare(Gcc.SECTIONS, UNIT, edit(UNIT, "static int zero", "int zero"))))
                .isEqualTo("unchanged");
    }

    @Test
    void newDataIsCarriedWithTheFunctionThatUsesIt() {
        String patched =
                edit(
                        edit(
                                UNIT,
                                "static int zero;",
                                "static int zero;\nstatic int limit = 12;\nlong fresh;"),
                        "sink(&zero);",
                        "sink(&zero); sink(&limit); fresh++;");
        ChangeSet changes = compare(Gcc.SECTIONS, UNIT, patched);
        assertThat(findings(changes)).isEqualTo("changed: use; data: fresh limit");
        assertThat(carried(changes)).containsExactly("fresh", "limit", "use");
    }

    @Test
    void newDataThatPointsAtOldDataAndFunctionsTakesNoneOfThemAlong() {
        String patched =
                edit(
                        edit(
                                UNIT,
                                "int use(int x)",
                                "static struct ops second = { call_me, 1 };\nint use(int x)"),
                        "sink(text);",
                        "sink(text); sink(&second);");
        ChangeSet changes = compare(Gcc.SECTIONS, UNIT, patched);
        assertThat(findings(changes)).isEqualTo("changed: use; data: second");
        assertThat(carried(changes)).containsExactly("second", "use");
    }

    @Test
    void aVariableThatIsGoneIsRemoved() {
        String patched = edit(edit(UNIT, "static int zero;\n", ""), " sink(&zero);", "");
        assertThat(findings(compare(Gcc.SECTIONS, UNIT, patched)))
                .isEqualTo("changed: use; removed: zero");
    }

    private static final String SWITCH =
            """
            int kind(int x)
            {
                switch (x) {
                case 0: return 17; case 1: return 4; case 2: return 99; case 3: return -3;
                case 4: return 12; case 5: return 8; default: return 0;
                }
            }
            int kind2(int x)
            {
                switch (x) {
                case 0: return 7; case 1: return 5; case 2: return 99; case 3: return -3;
                case 4: return 2; case 5: return 88; default: return 0;
                }
            }
            """;

    @Test
    void aTableThatTheCompilerMadeOfASwitchBelongsToItsFunction() {
        assertThat(Gcc.SECTIONS.compile(SWITCH).symbols())
                .anyMatch(s -> s.name().startsWith("CSWTCH."));
        ChangeSet changes = compare(Gcc.SECTIONS, SWITCH, edit(SWITCH, "return 17", "return 18"));
        assertThat(findings(changes)).isEqualTo("changed: kind");
        assertThat(carried(changes))
                .hasSize(2)
                .contains("kind")
                .anyMatch(n -> n.startsWith("CSWTCH."));
    }

    @Test
    void theNameOfAFunctionInItsMessagesIsNoVariable() {
        String source =
                """
                extern int printk(const char *, ...);
                int first(int x) { printk("%s\\n", __func__); return x; }
                int second(int x) { printk("%s %d\\n", __func__, x); return x; }
                """;
        String more =
                edit(
                        source,
                        "int second",
                        "int between(int x) { printk(\"%s!\", __func__); return x; }\nint second");
        ChangeSet changes = compare(Gcc.SECTIONS, source, more);
        assertThat(findings(changes)).isEqualTo("new: between");
        changes = compare(Gcc.SECTIONS, source, edit(source, "x); return x", "x); return -x"));
        assertThat(findings(changes)).isEqualTo("changed: second");
        assertThat(carried(changes))
                .hasSize(2)
                .contains("second")
                .anyMatch(n -> n.startsWith("__func__."));
    }

    @Test
    void aConstantThatTheAssemblerMayMergeIsComparedByItsContent() {
        String source =
                """
                asm(".pushsection .rodata.cst8,\\"aM\\",@progbits,8\\n.LCa: .quad 0x1234\\n.LCb: .quad 0x5678\\n.popsection");
                long first(void) { long r; asm("movq .LCa(%%rip), %0" : "=r"(r)); return r; }
                long second(void) { long r; asm("movq .LCb(%%rip), %0" : "=r"(r)); return r; }
                """;
        assertThat(findings(compare(Gcc.SECTIONS, source, source))).isEqualTo("unchanged");
        ChangeSet changes = compare(Gcc.SECTIONS, source, edit(source, "0x5678", "0x5679"));
        assertThat(findings(changes)).isEqualTo("changed: second");
        assertThat(carried(changes)).containsExactly(".rodata.cst8+0x8", "second");
        // Another order of the constants is no change.
        String other =
                edit(
                        source,
                        ".LCa: .quad 0x1234\\n.LCb: .quad 0x5678",
                        ".LCb: .quad 0x5678\\n.LCa: .quad 0x1234");
        assertThat(findings(compare(Gcc.SECTIONS, source, other))).isEqualTo("unchanged");
    }

    @Test
    void anAbsoluteSymbolOfAnotherValueIsAChange() {
        String source =
                """
                asm(".globl setting\\n.set setting, 5");
                long get(void) { long r; asm("movq $setting, %0" : "=r"(r)); return r; }
                """;
        assertThat(findings(compare(Gcc.SECTIONS, source, source))).isEqualTo("unchanged");
        assertThat(
                        findings(
                                compare(
                                        Gcc.SECTIONS,
                                        source,
                                        edit(source, "setting, 5", "setting, 6"))))
                .isEqualTo("changed: get");
    }

    @Test
    void perCpuDataIsDataLikeAnyOther() {
        String source =
                """
                extern void sink(long *);
                __attribute__((section(".data..percpu"))) long here = 1;
                void use(void) { sink(&here); }
                """;
        assertThat(findings(compare(Gcc.SECTIONS, source, edit(source, "= 1", "= 2"))))
                .isEqualTo("data: here; refused: RBL-DATA-CHANGED here");
        assertThat(
                        findings(
                                compare(
                                        Gcc.SECTIONS,
                                        source,
                                        edit(source, ".data..percpu", ".data..read_mostly"))))
                .isEqualTo("data: here; refused: RBL-DATA-CHANGED here");
    }
}
