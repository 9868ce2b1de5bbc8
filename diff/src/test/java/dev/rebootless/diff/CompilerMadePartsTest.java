package dev.rebootless.diff;

import static dev.rebootless.diff.Diffs.carried;
import static dev.rebootless.diff.Diffs.compare;
import static dev.rebootless.diff.Diffs.edit;
import static dev.rebootless.diff.Diffs.findings;
import static dev.rebootless.diff.Diffs.replaced;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The parts and clones that gcc makes of functions, under their own names. */
class CompilerMadePartsTest {
    static java.util.List<Gcc> layouts() {
        return java.util.List.of(Gcc.SECTIONS, Gcc.WHOLE);
    }

    private static final String COLD =
            """
            extern __attribute__((cold)) int printk(const char *, ...);
            extern __attribute__((cold)) void fail(int);
            int work(int x)
            {
                if (x > 100) {
                    printk("too much: %d\\n", x);
                    fail(x);
                    return -1;
                }
                return x * 3;
            }
            int rest(int x)
            {
                if (x < 0) {
                    fail(-x);
                    printk("too little\\n");
                    return -2;
                }
                return x * 5;
            }
            """;

    @ParameterizedTest
    @MethodSource("layouts")
    void aChangeInTheColdPartReplacesTheFunctionAndBothTravelTogether(Gcc gcc) {
        ChangeSet changes = compare(gcc, COLD, edit(COLD, "too much", "too many"));
        assertThat(findings(changes)).isEqualTo("changed: work.cold");
        assertThat(replaced(changes)).containsExactly("work");
        assertThat(carried(changes)).containsExactly("work", "work.cold");
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void aChangeInTheHotPartTakesTheColdPartAlong(Gcc gcc) {
        ChangeSet changes = compare(gcc, COLD, edit(COLD, "x * 3", "x * 9"));
        assertThat(findings(changes)).isEqualTo("changed: work");
        assertThat(carried(changes)).containsExactly("work", "work.cold");
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void aColdPartThatAppearsIsNewAndCarried(Gcc gcc) {
        String without =
                edit(
                        COLD,
                        "if (x > 100) {\n        printk(\"too much: %d\\n\", x);\n        fail(x);\n        return -1;\n    }\n    ",
                        "");
        ChangeSet changes = compare(gcc, without, COLD);
        assertThat(findings(changes)).isEqualTo("changed: work; new: work.cold");
        assertThat(replaced(changes)).containsExactly("work");
        assertThat(carried(changes)).containsExactly("work", "work.cold");
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void aColdPartThatVanishesIsRemoved(Gcc gcc) {
        String without =
                edit(
                        COLD,
                        "if (x > 100) {\n        printk(\"too much: %d\\n\", x);\n        fail(x);\n        return -1;\n    }\n    ",
                        "");
        ChangeSet changes = compare(gcc, COLD, without);
        assertThat(findings(changes)).isEqualTo("changed: work; removed: work.cold");
        assertThat(carried(changes)).containsExactly("work");
    }

    private static final String CLONES =
            """
            extern void sink(int);
            static __attribute__((noinline)) int scaled(int x, int factor)
            {
                for (int i = 0; i < factor; i++) { sink(x * i); sink(x + factor); }
                return x * factor;
            }
            static __attribute__((noinline)) int loads(const int *p)
            {
                int value = *p;
                sink(value); sink(value + 1);
                return value * 2;
            }
            int a(int x) { return scaled(x, 12); }
            int b(int x) { return scaled(x + 1, 12) + 1; }
            int c(int x) { return loads(&x); }
            int d(int x) { int y = x + 4; return loads(&y); }
            """;

    @ParameterizedTest
    @MethodSource("layouts")
    void aChangedConstpropCloneCountsUnderItsOwnName(Gcc gcc) {
        ChangeSet changes = compare(gcc, CLONES, edit(CLONES, "sink(x * i)", "sink(x - i)"));
        assertThat(findings(changes)).isEqualTo("changed: scaled.constprop.0");
        assertThat(replaced(changes)).containsExactly("scaled.constprop.0");
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void aChangedIsraCloneCountsUnderItsOwnName(Gcc gcc) {
        ChangeSet changes =
                compare(gcc, CLONES, edit(CLONES, "sink(value + 1)", "sink(value + 2)"));
        assertThat(findings(changes)).isEqualTo("changed: loads.isra.0");
        assertThat(carried(changes)).containsExactly("loads.isra.0");
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void aFunctionWhoseCloneIsNoLongerMadeIsNewAndTheCloneRemoved(Gcc gcc) {
        ChangeSet changes =
                compare(gcc, CLONES, edit(CLONES, "scaled(x + 1, 12)", "scaled(x + 1, x)"));
        assertThat(findings(changes))
                .isEqualTo("changed: a b; new: scaled; removed: scaled.constprop.0");
        assertThat(carried(changes)).containsExactly("a", "b", "scaled");
    }

    @Test
    void aPartialInlinedFunctionIsServedByItsPart() {
        String source =
                """
                extern void sink(int); extern int heavy(int, int);
                static int maybe(int x)
                {
                    if (!x) return 0;
                    for (int i = 0; i < 20; i++) { sink(heavy(x, i)); sink(heavy(i, x)); sink(i); sink(x ^ i); }
                    return heavy(x, 3) + heavy(x, 5) + heavy(x, 7);
                }
                int a(int x) { return maybe(x) + 1; }
                int b(int x) { return maybe(x + 2) * 3; }
                """;
        ChangeSet changes =
                compare(Gcc.SECTIONS, source, edit(source, "heavy(x, 7)", "heavy(x, 9)"));
        assertThat(findings(changes)).isEqualTo("changed: maybe.part.0");
        assertThat(carried(changes)).containsExactly("maybe.part.0");
    }

    @Test
    void clonesRenumberedByANewCloneOfTheSameFunctionKeepTheirCallers() {
        String source = CLONES.replace("x + 1, 12", "x + 1, 13");
        String patched = source + "int e(int x) { return scaled(x + 2, 3); }\n";
        ChangeSet changes = compare(Gcc.SECTIONS, source, patched);
        assertThat(changes.changed()).isSubsetOf("a", "b").doesNotContain("c", "d");
        assertThat(changes.added()).contains("e");
        assertThat(changes.verdict()).isEqualTo(Verdict.CHANGED);
    }
}
