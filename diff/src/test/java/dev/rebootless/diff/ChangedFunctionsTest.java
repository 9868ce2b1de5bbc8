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

/** Which functions count as changed, new and removed. */
class ChangedFunctionsTest {
    private static final String UNIT =
            """
            extern int printk(const char *, ...);
            extern void sink(int);
            static int counter = 3;
            __attribute__((noinline)) static int twice(int x) { sink(x); return 2 * x + counter; }
            __attribute__((noinline)) static int thrice(int x) { sink(-x); return 3 * x; }
            int work(int x)
            {
                counter++;
                printk("work %d\\n", x);
                return twice(x) + thrice(x);
            }
            int rest(int x)
            {
                return thrice(x) - twice(x);
            }
            """;

    static java.util.List<Gcc> layouts() {
        return java.util.List.of(Gcc.SECTIONS, Gcc.WHOLE, Gcc.WHOLE.with("-fdata-sections"));
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void theSameSourceIsUnchanged(Gcc gcc) {
        assertThat(findings(compare(gcc, UNIT, UNIT))).isEqualTo("unchanged");
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void blankLinesAndCommentsAreUnchanged(Gcc gcc) {
        String moved = "/* one */\n\n" + UNIT.replace("\nint ", "\n\n\n/* two */\nint ");
        assertThat(findings(compare(gcc, UNIT, moved))).isEqualTo("unchanged");
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void oneChangedFunctionIsTheOnlyChangeAndItsCallersStay(Gcc gcc) {
        ChangeSet changes = compare(gcc, UNIT, edit(UNIT, "2 * x + counter", "2 * x - counter"));
        assertThat(findings(changes)).isEqualTo("changed: twice");
        assertThat(replaced(changes)).containsExactly("twice");
        assertThat(carried(changes)).containsExactly("twice");
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void aFunctionThatGrowsMovesTheOthersButDoesNotChangeThem(Gcc gcc) {
        String grown =
                edit(
                        UNIT,
                        "return 2 * x + counter;",
                        "for (int i = 0; i < x; i++) { sink(i * counter); sink(i ^ x); sink(~i); }"
                                + " return 2 * x + counter;");
        assertThat(findings(compare(gcc, UNIT, grown))).isEqualTo("changed: twice");
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void aNewFunctionIsCarriedWithTheChangedOneThatCallsIt(Gcc gcc) {
        String patched =
                edit(
                        edit(UNIT, "return twice(x) + thrice(x);", "return guard(x) + thrice(x);"),
                        "int work(",
                        "__attribute__((noinline)) static int guard(int x)"
                                + " { sink(7); return x < 0 ? 0 : twice(x); }\nint work(");
        ChangeSet changes = compare(gcc, UNIT, patched);
        assertThat(findings(changes)).isEqualTo("changed: work; new: guard");
        assertThat(replaced(changes)).containsExactly("work");
        assertThat(carried(changes)).containsExactly("guard", "work");
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void aNewFunctionThatNothingCallsIsNewButNotCarried(Gcc gcc) {
        ChangeSet changes = compare(gcc, UNIT, UNIT + "int lonely(int x) { return x; }\n");
        assertThat(findings(changes)).isEqualTo("new: lonely");
        assertThat(carried(changes)).isEmpty();
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void aFunctionThatIsGoneIsRemovedAndItsCallerChanged(Gcc gcc) {
        String patched =
                edit(
                        edit(UNIT, " + thrice(x);", ";"),
                        "return thrice(x) - twice(x);",
                        "return -twice(x);");
        patched =
                edit(
                        patched,
                        "__attribute__((noinline)) static int thrice(int x) { sink(-x); return 3 * x; }\n",
                        "");
        assertThat(findings(compare(gcc, UNIT, patched)))
                .isEqualTo("changed: rest work; removed: thrice");
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void aCallOfAnotherFunctionIsAChangeThoughTheBytesAreEqual(Gcc gcc) {
        String patched = edit(UNIT, "thrice(x) - twice(x)", "twice(x) - thrice(x)");
        // The same two calls in the other order: only the targets tell.
        String original = UNIT.replace("thrice(x) - twice(x)", "thrice(x) + twice(x)");
        String swapped = patched.replace("twice(x) - thrice(x)", "twice(x) + thrice(x)");
        assertThat(findings(compare(gcc, original, swapped))).isEqualTo("changed: rest");
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void aChangedStringIsAChangeOfTheFunctionsThatUseItOnly(Gcc gcc) {
        assertThat(findings(compare(gcc, UNIT, edit(UNIT, "work %d", "werk %d"))))
                .isEqualTo("changed: work");
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void aFunctionThatBecomesGlobalOrStaticIsUnchangedIfItsCodeIs(Gcc gcc) {
        String global = edit(UNIT, "static int thrice(int x)", "int thrice(int x)");
        assertThat(findings(compare(gcc, UNIT, global))).isEqualTo("unchanged");
        assertThat(findings(compare(gcc, global, UNIT))).isEqualTo("unchanged");
    }

    @Test
    void anInlinedFunctionShowsAsAChangeOfTheFunctionsItWasInlinedInto() {
        String inlined = UNIT.replace("__attribute__((noinline)) static", "static inline");
        ChangeSet changes =
                compare(Gcc.SECTIONS, inlined, edit(inlined, "return 3 * x", "return 4 * x"));
        assertThat(findings(changes)).isEqualTo("changed: rest work");
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void aRecursiveFunctionIsReplacedAlone(Gcc gcc) {
        String source =
                """
                extern int sink(int);
                __attribute__((noinline)) static int depth(int x) { return x ? sink(depth(x - 1)) + 1 : 0; }
                int top(int x) { return depth(x) + depth(x / 2); }
                """;
        ChangeSet changes = compare(gcc, source, edit(source, "+ 1 : 0", "+ 2 : 0"));
        assertThat(findings(changes)).isEqualTo("changed: depth");
        assertThat(carried(changes)).containsExactly("depth");
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void aWeakFunctionIsAFunctionLikeAnyOther(Gcc gcc) {
        String source =
                """
                extern void sink(int);
                __attribute__((weak)) int hook(int x) { sink(x); return x + 1; }
                int use(int x) { return hook(x) * 2; }
                """;
        assertThat(findings(compare(gcc, source, edit(source, "x + 1", "x + 2"))))
                .isEqualTo("changed: hook");
        assertThat(findings(compare(gcc, source, edit(source, "__attribute__((weak)) ", ""))))
                .isIn("unchanged", "changed: use");
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void anAliasIsTheFunctionItStandsFor(Gcc gcc) {
        String source =
                """
                extern void sink(int);
                __attribute__((noipa)) int real(int x) { sink(x); return x + 1; }
                int other_name(int x) __attribute__((alias("real")));
                int use(int x) { return other_name(x) * 2; }
                """;
        ChangeSet changes = compare(gcc, source, edit(source, "x + 1", "x + 2"));
        assertThat(findings(changes)).isEqualTo("changed: real");
        assertThat(replaced(changes)).containsExactly("real");
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void anAliasThatStandsForAnotherFunctionIsRefused(Gcc gcc) {
        String source =
                """
                extern void sink(int);
                int real(int x) { sink(x); return x + 1; }
                int spare(int x) { sink(x); return x + 5; }
                int an_alias(int x) __attribute__((alias("real")));
                """;
        ChangeSet changes =
                compare(gcc, source, edit(source, "alias(\"real\")", "alias(\"spare\")"));
        assertThat(findings(changes)).isEqualTo("refused: RBL-ALIAS-CHANGED an_alias");
        assertThat(replaced(changes)).isEmpty();
    }
}
