package dev.rebootless.diff;

import static dev.rebootless.diff.Diffs.edit;
import static dev.rebootless.diff.Diffs.findings;
import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.elf.ElfObject;
import dev.rebootless.elf.ElfSymbol;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Kinds of change in a unit of the kernel, with its headers and macros, for the machines beside
 * x86-64; each with all things in sections of their own, and as kbuild compiles.
 */
class CrossCompiledKindsTest {
    private static final String NAME = "kernel/kinds";

    private static final String UNIT =
            """
            #include <linux/bug.h>
            #include <linux/jump_label.h>
            #include <linux/module.h>
            #include <linux/percpu.h>
            #include <linux/uaccess.h>

            struct kinds_shape { int kind; int width; };
            int kinds_sink(int);
            void kinds_report(const char *text, int value);
            void kinds_where(const char *file, int line);
            int kinds_leaf(int x);
            int kinds_counted(int x);
            int kinds_again(int x);
            int kinds_text(int x);
            int kinds_name(int which);
            int kinds_warn(int x);
            int kinds_flags(int x);
            int kinds_hit(int x);
            int kinds_branch(int x);
            int kinds_user(int __user *p);
            int kinds_shapes(struct kinds_shape *s, int x);
            int kinds_rare(int x);
            DEFINE_STATIC_KEY_FALSE(kinds_key);
            DEFINE_STATIC_KEY_FALSE(kinds_other_key);
            static DEFINE_PER_CPU(int, kinds_hits);
            int kinds_limit = 5;

            noinline int kinds_leaf(int x) { return kinds_sink(x) + 1; }
            noinline int kinds_counted(int x) { static int count; count += kinds_sink(x); return count; }
            noinline int kinds_again(int x) { static int count; count -= kinds_sink(x); return count; }
            int kinds_text(int x) { kinds_report("first text", x); kinds_where(__FILE__, __LINE__); return x; }
            int kinds_name(int which)
            {
                switch (which) {
                case 0: return 21; case 1: return 3; case 2: return 77; case 3: return 1;
                case 4: return 9; case 5: return 1001; default: return -1;
                }
            }
            int kinds_warn(int x) { if (WARN_ON(x > 3)) return -1; return kinds_sink(x); }
            int kinds_flags(int x) { if (x > 9) __WARN_FLAGS(BUGFLAG_TAINT(TAINT_WARN)); return kinds_sink(x + 2); }
            int kinds_hit(int x) { return this_cpu_inc_return(kinds_hits) + x; }
            int kinds_branch(int x) { if (static_branch_unlikely(&kinds_key)) kinds_sink(1); return x; }
            int kinds_user(int __user *p) { int v; if (get_user(v, p)) return -EFAULT; return v + kinds_limit; }
            static noinline int kinds_part(struct kinds_shape *s, int x) { return kinds_sink(s->width) + x; }
            int kinds_shapes(struct kinds_shape *s, int x) { return kinds_part(s, x) + kinds_part(s + 1, 2); }
            static noinline int kinds_gone(int x) { return kinds_sink(x * 3); }
            int kinds_rare(int x) { return kinds_gone(x) + kinds_leaf(x) + kinds_counted(x); }
            """;

    private static String numbersOut(String findings) {
        return findings.replaceAll("\\.\\d+\\b", ".N");
    }

    private static ChangeSet changes(CrossKernel kernel, String patched, List<String> options) {
        return kernel.compare(NAME, UNIT, patched, options);
    }

    private static void expect(CrossKernel kernel, String patched, String expected) {
        CompletableFuture<ChangeSet> whole =
                CompletableFuture.supplyAsync(() -> changes(kernel, patched, List.of()));
        assertThat(numbersOut(findings(changes(kernel, patched, CrossKernel.SECTIONS))))
                .isEqualTo(expected);
        assertThat(numbersOut(findings(whole.join()))).isEqualTo(expected);
    }

    @ParameterizedTest
    @EnumSource
    void aFunctionWithOtherCodeIsChanged(CrossKernel kernel) {
        expect(kernel, edit(UNIT, "kinds_sink(x) + 1", "kinds_sink(x) + 2"), "changed: kinds_leaf");
    }

    @ParameterizedTest
    @EnumSource
    void aCallOfAnotherFunctionIsAChange(CrossKernel kernel) {
        expect(
                kernel,
                edit(
                        UNIT,
                        "+ kinds_leaf(x) + kinds_counted(x)",
                        "+ kinds_leaf(x) + kinds_again(x)"),
                "changed: kinds_rare");
    }

    @ParameterizedTest
    @EnumSource
    void aFunctionThatComesIsNew(CrossKernel kernel) {
        expect(
                kernel,
                edit(
                        UNIT,
                        "noinline int kinds_leaf(int x) { return kinds_sink(x) + 1; }",
                        "static noinline int kinds_come(int x) { return kinds_sink(x) * 7; }\n"
                                + "noinline int kinds_leaf(int x) { return kinds_come(x) + 1; }"),
                "changed: kinds_leaf; new: kinds_come");
    }

    @ParameterizedTest
    @EnumSource
    void aFunctionThatGoesIsRemoved(CrossKernel kernel) {
        expect(
                kernel,
                edit(
                        edit(UNIT, "return kinds_gone(x) + ", "return x + "),
                        "static noinline int kinds_gone(int x) { return kinds_sink(x * 3); }",
                        ""),
                "changed: kinds_rare; removed: kinds_gone");
    }

    @ParameterizedTest
    @EnumSource
    void staticLocalsWhoseSuffixMovesAreStillTheSame(CrossKernel kernel) {
        // gcc numbers from the end of the unit.
        String patched =
                edit(
                        UNIT,
                        "kinds_report(\"first text\", x);",
                        "static int a, b; a += x; b ^= a; kinds_report(\"first text\", a + b);");
        ElfObject before = kernel.compile(NAME, UNIT, CrossKernel.SECTIONS);
        ElfObject after = kernel.compile(NAME, patched, CrossKernel.SECTIONS);
        assertThat(names(before, "count.")).isNotEqualTo(names(after, "count.")).hasSize(2);
        assertThat(numbersOut(findings(ObjectDiff.compare(before, after))))
                .isEqualTo("changed: kinds_text; data: a.N b.N");
    }

    private static List<String> names(ElfObject object, String prefix) {
        return object.symbols().stream()
                .map(ElfSymbol::name)
                .filter(n -> n.startsWith(prefix))
                .sorted()
                .toList();
    }

    @ParameterizedTest
    @EnumSource
    void aFunctionWithAnotherStringIsChanged(CrossKernel kernel) {
        expect(kernel, edit(UNIT, "first text", "other text"), "changed: kinds_text");
    }

    @ParameterizedTest
    @EnumSource
    void linesThatMoveAreNoChange(CrossKernel kernel) {
        expect(
                kernel,
                edit(UNIT, "struct kinds_shape {", "\n\n\nstruct kinds_shape {"),
                "unchanged");
    }

    @ParameterizedTest
    @EnumSource
    void dataThatComesIsNew(CrossKernel kernel) {
        ChangeSet changes =
                changes(
                        kernel,
                        edit(
                                edit(
                                        UNIT,
                                        "int kinds_limit = 5;",
                                        "int kinds_limit = 5, kinds_more = 6;"),
                                "kinds_sink(x) + 1",
                                "kinds_sink(x) + kinds_more"),
                        CrossKernel.SECTIONS);
        assertThat(findings(changes)).isEqualTo("changed: kinds_leaf; data: kinds_more");
    }

    @ParameterizedTest
    @EnumSource
    void anotherInitialValueIsRefused(CrossKernel kernel) {
        expect(
                kernel,
                edit(UNIT, "kinds_limit = 5", "kinds_limit = 7"),
                "data: kinds_limit; refused: RBL-DATA-CHANGED kinds_limit");
    }

    @ParameterizedTest
    @EnumSource
    void anotherValueInASwitchTableIsAChange(CrossKernel kernel) {
        expect(kernel, edit(UNIT, "return 1001", "return 1002"), "changed: kinds_name");
    }

    @ParameterizedTest
    @EnumSource
    void aPartThatTheCompilerMadeIsChangedUnderItsOwnName(CrossKernel kernel) {
        expect(
                kernel,
                edit(UNIT, "kinds_sink(s->width) + x", "kinds_sink(s->width) - x"),
                "changed: kinds_part.isra.N");
    }

    @ParameterizedTest
    @EnumSource
    void aWarningThatComesIsAChange(CrossKernel kernel) {
        expect(
                kernel,
                edit(
                        UNIT,
                        "{ return kinds_sink(x) + 1; }",
                        "{ WARN_ON(x == 4); return kinds_sink(x) + 1; }"),
                "changed: kinds_leaf");
    }

    @ParameterizedTest
    @EnumSource
    void anEntryOfTheBugTableWithOtherFlagsIsAChange(CrossKernel kernel) {
        expect(
                kernel,
                edit(UNIT, "BUGFLAG_TAINT(TAINT_WARN)", "BUGFLAG_TAINT(TAINT_CRAP)"),
                "changed: kinds_flags");
    }

    @ParameterizedTest
    @EnumSource
    void aPerCpuVariableThatComesIsNew(CrossKernel kernel) {
        String use = edit(UNIT, "kinds_sink(x) + 1", "kinds_sink(x) + this_cpu_read(kinds_more)");
        String hits = "static DEFINE_PER_CPU(int, kinds_hits);";
        String more = "static DEFINE_PER_CPU(int, kinds_more);";
        // gcc lays data out from the end of the unit: this one comes to lie behind the other.
        assertThat(findings(changes(kernel, edit(use, hits, more + hits), CrossKernel.SECTIONS)))
                .isEqualTo("changed: kinds_leaf; data: kinds_more");
        // And this one before it. kinds_hit has the address of a section that all per-CPU variables
        // share, and that it means kinds_hits alone cannot be told: it counts as changed.
        assertThat(findings(changes(kernel, edit(use, hits, hits + more), CrossKernel.SECTIONS)))
                .isEqualTo("changed: kinds_hit kinds_leaf; data: kinds_more");
    }

    @ParameterizedTest
    @EnumSource
    void anotherStaticKeyIsAChange(CrossKernel kernel) {
        expect(
                kernel,
                edit(
                        UNIT,
                        "static_branch_unlikely(&kinds_key)",
                        "static_branch_unlikely(&kinds_other_key)"),
                "changed: kinds_branch");
    }

    @ParameterizedTest
    @EnumSource
    void anotherAccessToUserMemoryIsAChange(CrossKernel kernel) {
        expect(
                kernel,
                edit(UNIT, "if (get_user(v, p))", "if (get_user(v, p + 1) || get_user(v, p))"),
                "changed: kinds_user");
    }

    @ParameterizedTest
    @EnumSource
    void debugDataMakesNoDifference(CrossKernel kernel) {
        List<String> options = new java.util.ArrayList<>(CrossKernel.SECTIONS);
        options.add("-g");
        assertThat(
                        findings(
                                changes(
                                        kernel,
                                        edit(
                                                UNIT,
                                                "int kinds_text(int x) {",
                                                "\n\nint kinds_text(int x) {"),
                                        options)))
                .isEqualTo("unchanged");
    }

    private static final String ALTERNATIVES =
            """
            #include <linux/kernel.h>
            #if defined(CONFIG_ARM64)
            #include <asm/alternative.h>
            #define KINDS_SET(n) "mov x9, #" #n
            #define KINDS_INSTEAD(n) asm volatile(ALTERNATIVE(KINDS_SET(1), KINDS_SET(n), 5) ::: "x9")
            #elif defined(CONFIG_S390)
            #include <asm/alternative.h>
            #define KINDS_SET(n) "lghi 1," #n
            #define KINDS_INSTEAD(n) asm volatile(ALTERNATIVE(KINDS_SET(1), KINDS_SET(n), 40) ::: "1")
            #else
            #include <asm/cputable.h>
            #include <asm/feature-fixups.h>
            #define KINDS_SET(n) "li 9, " #n
            #define KINDS_INSTEAD(n) \\
                asm volatile(ASM_FTR_IF(KINDS_SET(1), KINDS_SET(n), %0, %0) :: "i" (CPU_FTR_ARCH_300) : "9")
            #endif
            int kinds_before(int x);
            int kinds_instead(int x);
            int kinds_after(int x);
            int kinds_before(int x) { KINDS_INSTEAD(2); return x + 1; }
            int kinds_instead(int x) { KINDS_INSTEAD(3); return x + 2; }
            int kinds_after(int x) { KINDS_INSTEAD(4); return x + 3; }
            """;

    /** .altinstructions, or the fixup tables of powerpc. */
    @ParameterizedTest
    @EnumSource
    void anotherReplacementOfAnAlternativeIsAChangeOfItsFunctionAlone(CrossKernel kernel) {
        for (List<String> options : List.of(CrossKernel.SECTIONS, List.<String>of())) {
            assertThat(
                            findings(
                                    kernel.compare(
                                            NAME,
                                            ALTERNATIVES,
                                            edit(ALTERNATIVES, "INSTEAD(3)", "INSTEAD(6)"),
                                            options)))
                    .isEqualTo("changed: kinds_instead");
        }
    }
}
