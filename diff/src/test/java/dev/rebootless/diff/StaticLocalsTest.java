package dev.rebootless.diff;

import static dev.rebootless.diff.Diffs.carried;
import static dev.rebootless.diff.Diffs.compare;
import static dev.rebootless.diff.Diffs.edit;
import static dev.rebootless.diff.Diffs.findings;
import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.elf.ElfObject;
import org.junit.jupiter.api.Test;

/**
 * The numbers of static locals shift; their state must stay with the right one, or nothing is
 * built.
 */
class StaticLocalsTest {
    private static final String UNIT =
            """
            extern void sink(int);
            int first(int x)
            {
                static int count;
                return count += x;
            }
            int second(int x)
            {
                static int count;
                sink(x);
                return count += 2 * x;
            }
            int third(int x) { sink(x); return x; }
            """;

    private static String namesOf(ElfObject object, String prefix) {
        return String.join(
                " ",
                object.symbols().stream()
                        .map(s -> s.name())
                        .filter(n -> n.startsWith(prefix))
                        .sorted()
                        .toList());
    }

    @Test
    void numbersShiftedByANewStaticElsewhereAreUnchangedForTheOthers() {
        String patched =
                edit(
                        UNIT,
                        "extern void sink(int);\n",
                        "extern void sink(int);\nint zeroth(int x) { static int count; return count ^= x; }\n");
        assertThat(namesOf(Gcc.SECTIONS.compile(patched), "count"))
                .as("the compiler numbers them anew")
                .isNotEqualTo(namesOf(Gcc.SECTIONS.compile(UNIT), "count"));
        ChangeSet changes = compare(Gcc.SECTIONS, UNIT, patched);
        assertThat(changes.added()).containsExactly("zeroth");
        assertThat(changes.changed()).isEmpty();
        assertThat(changes.removed()).isEmpty();
        assertThat(changes.data()).singleElement().asString().startsWith("count.");
        assertThat(changes.verdict()).isEqualTo(Verdict.CHANGED);
        assertThat(findings(compare(Gcc.WHOLE, UNIT, patched))).isEqualTo(findings(changes));
    }

    @Test
    void theStaticOfAChangedFunctionKeepsItsState() {
        ChangeSet changes = compare(Gcc.SECTIONS, UNIT, edit(UNIT, "2 * x", "3 * x"));
        assertThat(findings(changes)).isEqualTo("changed: second");
        assertThat(carried(changes)).containsExactly("second");
    }

    @Test
    void aNewStaticOfAnotherNameInAChangedFunctionIsCarried() {
        String patched = edit(UNIT, "return x;", "static int seen; seen += x; return seen;");
        ChangeSet changes = compare(Gcc.SECTIONS, UNIT, patched);
        assertThat(findings(changes)).isEqualTo("changed: third; data: seen.0");
        assertThat(carried(changes)).containsExactly("seen.0", "third");
    }

    @Test
    void aNewStaticWithANameThatOtherFunctionsUseIsCarriedAndTheirsStay() {
        String patched = edit(UNIT, "return x;", "static int count; count -= x; return count;");
        ChangeSet changes = compare(Gcc.SECTIONS, UNIT, patched);
        assertThat(changes.changed()).containsExactly("third");
        assertThat(changes.refusals()).isEmpty();
        assertThat(changes.data()).singleElement().asString().startsWith("count.");
        assertThat(carried(changes)).hasSize(2).contains("third");
    }

    @Test
    void aSecondStaticOfTheSameNameInOneFunctionIsRefused() {
        String patched =
                edit(
                        UNIT,
                        "return count += 2 * x;",
                        "if (x > 9) { static int count; sink(count++); } return count += 2 * x;");
        ChangeSet changes = compare(Gcc.SECTIONS, UNIT, patched);
        assertThat(changes.changed()).containsExactly("second");
        assertThat(changes.verdict()).isEqualTo(Verdict.REFUSED);
        assertThat(changes.refusals())
                .isNotEmpty()
                .allSatisfy(p -> {
                    assertThat(p.code()).isEqualTo("RBL-STATIC-UNPAIRED");
                    assertThat(p.place()).startsWith("count.");
                    assertThat(p.message()).contains("second");
                });
    }

    private static final String TWO =
            """
            extern void sink(int);
            int both(int x)
            {
                if (x > 0) {
                    static int n = 5;
                    sink(n += x);
                } else {
                    static int n = 7;
                    sink(n -= x);
                }
                return x;
            }
            """;

    @Test
    void twoStaticsOfOneNameInAnUnchangedFunctionPairByTheirUse() {
        String patched = TWO + "int more(int x) { static int n = 9; return n += x; }\n";
        ChangeSet changes = compare(Gcc.SECTIONS, TWO, patched);
        assertThat(changes.changed()).isEmpty();
        assertThat(changes.added()).containsExactly("more");
        assertThat(changes.data()).hasSize(1);
        assertThat(changes.refusals()).isEmpty();
    }

    @Test
    void twoStaticsOfOneNameInAChangedFunctionPairIfTheirContentAgrees() {
        assertThat(findings(compare(Gcc.SECTIONS, TWO, edit(TWO, "return x;", "return x + 1;"))))
                .isEqualTo("changed: both");
    }

    @Test
    void twoStaticsOfOneNameThatChangePlacesAreRefused() {
        String patched = edit(TWO, "x > 0", "x <= 0").replace("n += x", "n ? x : -x");
        patched = edit(edit(patched, "n = 5", "n = 6"), "n = 7", "n = 5").replace("n = 6", "n = 7");
        ChangeSet changes = compare(Gcc.SECTIONS, TWO, patched);
        assertThat(changes.verdict()).isEqualTo(Verdict.REFUSED);
        assertThat(changes.refusals())
                .allSatisfy(
                        p -> assertThat(p.code()).isIn("RBL-STATIC-UNPAIRED", "RBL-DATA-CHANGED"));
    }

    @Test
    void onceFlagsThatCannotBePairedAreCarriedSinceTheyOnlySayWhetherAMessageWasPrinted() {
        String source =
                """
                extern int printk(const char *, ...);
                #define once(c, m) ({ static _Bool __attribute__((section(".data.once"))) __already_done; \\
                    if ((c) && !__already_done) { __already_done = 1; printk(m); } })
                int alone(int x) { once(x > 3, "a\\n"); return x; }
                int grows(int x) { once(x > 4, "b\\n"); return x + 1; }
                """;
        String patched =
                edit(
                        source,
                        "once(x > 4, \"b\\n\");",
                        "once(x > 4, \"b\\n\"); once(x > 9, \"c\\n\");");
        ChangeSet changes = compare(Gcc.SECTIONS, source, patched);
        assertThat(changes.changed()).containsExactly("grows");
        assertThat(changes.refusals()).isEmpty();
        assertThat(changes.data()).allMatch(n -> n.startsWith("__already_done."));
        assertThat(changes.verdict()).isEqualTo(Verdict.CHANGED);
        // Who prints its first message has no part in it.
        assertThat(carried(changes)).contains("grows").doesNotContain("alone");
    }

    @Test
    void aStaticThatOnlyTheOriginalHasIsRemoved() {
        String patched =
                edit(
                        UNIT,
                        "static int count;\n    sink(x);\n    return count += 2 * x;",
                        "sink(x); return x;");
        ChangeSet changes = compare(Gcc.SECTIONS, UNIT, patched);
        assertThat(changes.changed()).containsExactly("second");
        assertThat(changes.removed()).singleElement().asString().startsWith("count.");
        assertThat(changes.data()).isEmpty();
        assertThat(changes.verdict()).isEqualTo(Verdict.CHANGED);
    }

    @Test
    void aStaticThatLeavesOneFunctionIsNotTheOneThatComesInAnother() {
        String source =
                """
                extern void sink(int);
                int leaves(int x) { static int count; return count += x; }
                int comes(int x) { sink(x); return x; }
                """;
        String patched =
                edit(
                        edit(source, "static int count; return count += x;", "return x + 2;"),
                        "sink(x); return x;",
                        "static int count; sink(x); return count -= x;");
        ChangeSet changes = compare(Gcc.SECTIONS, source, patched);
        assertThat(changes.changed()).containsExactly("comes", "leaves");
        assertThat(changes.refusals())
                .singleElement()
                .satisfies(p -> assertThat(p.code()).isEqualTo("RBL-STATIC-UNPAIRED"));
    }

    @Test
    void twoEqualStaticsOfOneNameInAChangedFunctionAreRefused() {
        String source = edit(edit(TWO, "n = 5", "n"), "n = 7", "n");
        ChangeSet changes = compare(Gcc.SECTIONS, source, edit(source, "return x;", "return -x;"));
        assertThat(changes.changed()).containsExactly("both");
        assertThat(changes.refusals())
                .hasSize(2)
                .allSatisfy(p -> assertThat(p.code()).isEqualTo("RBL-STATIC-UNPAIRED"));
    }

    @Test
    void twoRateLimitsInAChangedFunctionKeepTheirState() {
        String source =
                """
                struct state { int interval, burst; };
                extern int ___ratelimit(struct state *, const char *);
                extern int printk(const char *, ...);
                #define limited(m) ({ static struct state _rs = { 5, 10 }; \
                    if (___ratelimit(&_rs, __func__)) printk(m); })
                int talks(int x) { if (x > 3) limited("a\\n"); else limited("b\\n"); return x; }
                """;
        ChangeSet changes = compare(Gcc.SECTIONS, source, edit(source, "return x;", "return -x;"));
        assertThat(findings(changes)).isEqualTo("changed: talks");
        assertThat(carried(changes)).noneMatch(n -> n.startsWith("_rs"));
    }

    @Test
    void aStaticThatTwoEditedFunctionsMayMeanIsNotSplitBetweenThem() {
        String source =
                """
                static inline int id_a(void) { static int n; return ++n; }
                int f(void) { return id_a(); }
                int g(void) { return id_a() * 2; }
                """;
        String patched =
                edit(
                        edit(
                                edit(
                                        source,
                                        "int f(void) { return id_a()",
                                        "int f(void) { return id_b()"),
                                "* 2",
                                "* 3"),
                        "int f(void)",
                        "static inline int id_b(void) { static int n; return --n; }\nint f(void)");
        ChangeSet changes = compare(Gcc.SECTIONS, source, patched);
        assertThat(changes.changed()).containsExactly("f", "g");
        assertThat(changes.refusals())
                .isNotEmpty()
                .allSatisfy(p -> assertThat(p.code()).isEqualTo("RBL-STATIC-UNPAIRED"));
    }

    /** NL_SET_ERR_MSG() of include/linux/netlink.h. */
    @Test
    void aSecondMessageOfAMacroIsNewAndTheFirstStays() {
        String source =
                """
                extern void set(const char *);
                #define message(m) ({ static const char __msg[] = m; set(__msg); })
                int f(int x) { if (x > 9) message("too large"); return x; }
                """;
        String patched = edit(source, "return x;", "if (x < 0) message(\"too small\"); return x;");
        ChangeSet changes = compare(Gcc.SECTIONS, source, patched);
        assertThat(changes.changed()).containsExactly("f");
        assertThat(changes.refusals()).isEmpty();
        assertThat(carried(changes)).filteredOn(n -> n.startsWith("__msg")).hasSize(1);
        String replaced = edit(patched, "too large", "too big");
        assertThat(compare(Gcc.SECTIONS, source, replaced).verdict()).isEqualTo(Verdict.REFUSED);
    }
}
