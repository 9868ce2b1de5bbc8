package dev.rebootless.diff;

import static dev.rebootless.diff.Diffs.carried;
import static dev.rebootless.diff.Diffs.compare;
import static dev.rebootless.diff.Diffs.edit;
import static dev.rebootless.diff.Diffs.findings;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Entries of the kernel's tables belong to the function whose code they describe. The macros here
 * write the layouts of 6.1: arch/x86/include/asm/{bug,extable,alternative,jump_label}.h and
 * paravirt.h.
 */
class SpecialTablesTest {
    static final String MACROS =
            """
            extern void sink(int); extern long key_a, key_b; extern int pv_op[4];
            #define BUG(flags) asm volatile("1: .byte 0x0f,0x0b\\n" \\
              ".pushsection __bug_table,\\"aw\\"\\n2: .long 1b - .\\n.long %c0 - .\\n.word %c1\\n.word %c2\\n" \\
              ".org 2b+12\\n.popsection\\n999:\\n.pushsection .discard.reachable\\n.long 999b - .\\n.popsection\\n" \\
              : : "i"(__FILE__), "i"(__LINE__), "i"(flags))
            #define LOAD(to, from, kind) asm volatile("1: movl %1, %0\\n2:\\n" \\
              ".pushsection __ex_table,\\"a\\"\\n.balign 4\\n.long (1b) - .\\n.long (2b) - .\\n.long " #kind "\\n.popsection" \\
              : "=r"(to) : "m"(from))
            #define ALTERNATIVE(old, new, feature) asm volatile("661: " old "\\n662:\\n" \\
              ".skip -(((665f-664f)-(662b-661b)) > 0) * ((665f-664f)-(662b-661b)),0x90\\n663:\\n" \\
              ".pushsection .altinstructions,\\"a\\"\\n.long 661b - .\\n.long 664f - .\\n.word " #feature "\\n" \\
              ".byte 663b-661b\\n.byte 665f-664f\\n.popsection\\n" \\
              ".pushsection .altinstr_replacement,\\"ax\\"\\n664: " new "\\n665:\\n.popsection" : : : "rax", "memory")
            #define HAS_FEATURE(bit) ({ __label__ yes, no; _Bool r; asm goto("661: jmp 6f\\n662:\\n" \\
              ".skip -((5f-4f) - (662b-661b) > 0) * ((5f-4f) - (662b-661b)),0x90\\n3:\\n" \\
              ".pushsection .altinstructions,\\"a\\"\\n.long 661b - .\\n.long 4f - .\\n.word 117\\n.byte 3b - 661b\\n.byte 5f - 4f\\n.popsection\\n" \\
              ".pushsection .altinstr_replacement,\\"ax\\"\\n4: jmp %l[no]\\n5:\\n.popsection\\n" \\
              ".pushsection .altinstructions,\\"a\\"\\n.long 661b - .\\n.long 7f - .\\n.word 85\\n.byte 3b - 661b\\n.byte 8f - 7f\\n.popsection\\n" \\
              ".pushsection .altinstr_replacement,\\"ax\\"\\n7:\\n8:\\n.popsection\\n" \\
              ".pushsection .altinstr_aux,\\"ax\\"\\n6: testb $" #bit ", pv_op(%%rip)\\n jnz %l[yes]\\n jmp %l[no]\\n.popsection\\n" \\
              : : : : yes, no); if (0) { yes: r = 1; } else if (0) { no: r = 0; } r; })
            #define PARAVIRT(type) asm volatile("771: call *pv_op(%%rip)\\n772:\\n" \\
              ".pushsection .parainstructions,\\"a\\"\\n.balign 8\\n.quad 771b\\n.byte " #type "\\n.byte 772b-771b\\n.balign 8\\n.popsection" : : : "rax", "memory")
            #define LOCKED(v) asm volatile(".pushsection .smp_locks,\\"a\\"\\n.balign 4\\n.long 671f - .\\n.popsection\\n671: lock; incl %0" : "+m"(v))
            #define BRANCH(key) ({ __label__ yes; _Bool r = 0; asm goto("1: .byte 0x0f,0x1f,0x44,0x00,0x00\\n" \\
              ".pushsection __jump_table,\\"aw\\"\\n.balign 8\\n.long 1b - .\\n.long %l[yes] - .\\n.quad " #key " - .\\n.popsection" : : : : yes); \\
              if (0) { yes: r = 1; } r; })
            """;

    private static final String UNIT =
            MACROS
                    + """
                    int locked;
                    int bug(int x) { if (x == 3) BUG(1 << 1); sink(x); return x; }
                    int load(int *p) { int r; LOAD(r, *p, 3); sink(r); return r; }
                    int alternative(int x) { ALTERNATIVE("nop", "lfence", 96); sink(x); return x; }
                    int feature(int x) { if (HAS_FEATURE(4)) sink(x); return x; }
                    int paravirt(int x) { PARAVIRT(7); sink(x); return x; }
                    int lock(int x) { LOCKED(locked); sink(x); return x; }
                    int branch(int x) { if (BRANCH(key_a)) sink(x); return x + 1; }
                    """;

    static java.util.List<Gcc> layouts() {
        return java.util.List.of(Gcc.SECTIONS, Gcc.WHOLE);
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void theSameTablesAreUnchangedAndSoIsAMovedLine(Gcc gcc) {
        assertThat(findings(compare(gcc, UNIT, UNIT))).isEqualTo("unchanged");
        assertThat(findings(compare(gcc, UNIT, UNIT.replace("int bug(", "\n\n\nint bug("))))
                .as("the line number in __bug_table does not count")
                .isEqualTo("unchanged");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "BUG(1 << 1)              | BUG(1 << 2)                        | bug",
                "LOAD(r, *p, 3)           | LOAD(r, *p, 4)                     | load",
                "(\"nop\", \"lfence\", 96) | (\"nop\", \"mfence\", 96)         | alternative",
                "(\"nop\", \"lfence\", 96) | (\"nop\", \"lfence\", 97)         | alternative",
                "HAS_FEATURE(4)           | HAS_FEATURE(8)                     | feature",
                "PARAVIRT(7)              | PARAVIRT(8)                        | paravirt",
                "BRANCH(key_a)            | BRANCH(key_b)                      | branch",
            })
    void aTableEntryThatChangesIsAChangeOfItsFunctionAlone(String from, String to, String name) {
        for (Gcc gcc : layouts()) {
            ChangeSet changes = compare(gcc, UNIT, edit(UNIT, from, to));
            assertThat(findings(changes)).isEqualTo("changed: " + name);
            assertThat(changes.replaced()).hasSize(1);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "bug, sink(x); return x; }\\nint load, sink(~x); return x; }\\nint load",
        "load, sink(r), sink(~r)",
    })
    void aChangedFunctionDoesNotTouchTheEntriesOfOthers(String name, String from, String to) {
        String patched = edit(UNIT, from.replace("\\n", "\n"), to.replace("\\n", "\n"));
        ChangeSet changes = compare(Gcc.SECTIONS, UNIT, patched);
        assertThat(findings(changes)).isEqualTo("changed: " + name);
        assertThat(carried(changes)).containsExactly(name);
    }

    @Test
    void theReplacementAndTheAuxiliaryCodeTravelWithTheirFunctionAlone() {
        ChangeSet changes =
                compare(
                        Gcc.SECTIONS,
                        UNIT,
                        edit(
                                UNIT,
                                "sink(x); return x; }\nint paravirt",
                                "sink(-x); return x; }\nint paravirt"));
        assertThat(findings(changes)).isEqualTo("changed: feature");
        assertThat(carried(changes))
                .hasSize(3)
                .contains("feature", ".altinstr_aux+0x0")
                .anyMatch(n -> n.startsWith(".altinstr_replacement+"));
        changes =
                compare(
                        Gcc.SECTIONS,
                        UNIT,
                        edit(
                                UNIT,
                                "sink(x); return x; }\nint feature",
                                "sink(-x); return x; }\nint feature"));
        assertThat(carried(changes)).containsExactly(".altinstr_replacement+0x0", "alternative");
    }

    @Test
    void functionsThatComeInAnotherOrderAndBringTheirTablesInAnotherOrderAreUnchanged() {
        String jump = "int first(int x) { if (BRANCH(key_a)) sink(x); return x + 1; }\n";
        String both =
                "int both(int x) { ALTERNATIVE(\"nop\", \"lfence\", 96);"
                        + " if (BRANCH(key_a)) sink(x); return x; }\n";
        Gcc gcc = Gcc.SECTIONS.with("-fno-toplevel-reorder");
        assertThat(findings(compare(gcc, MACROS + jump + both, MACROS + both + jump)))
                .isEqualTo("unchanged");
    }

    @Test
    void aNewEntryIsAChange() {
        String patched = edit(UNIT, "int branch(int x) {", "int branch(int x) { LOCKED(locked);");
        assertThat(findings(compare(Gcc.SECTIONS, UNIT, patched))).isEqualTo("changed: branch");
    }

    @Test
    void aTableOfAnotherFormThanTheKernelsIsRefused() {
        String odd = UNIT + "asm(\".pushsection __ex_table,\\\"a\\\"\\n.long 0\\n.popsection\");\n";
        assertThat(findings(compare(Gcc.SECTIONS, UNIT, odd)))
                .contains("refused: RBL-TABLE-FORM __ex_table");
    }

    @Test
    void anAlternativeWithoutReplacementTakesNothingOfTheNextFunctionAlong() {
        String source =
                MACROS
                        + """
                        int moved(int x) { if (HAS_FEATURE(4)) sink(x); return x + 1; }
                        int after(int x) { if (HAS_FEATURE(8)) sink(x); return x - 1; }
                        """;
        ChangeSet changes = compare(Gcc.SECTIONS, source, edit(source, "x + 1", "x + 2"));
        assertThat(findings(changes)).isEqualTo("changed: moved");
        assertThat(carried(changes))
                .containsExactly(".altinstr_aux+0x0", ".altinstr_replacement+0x0", "moved");
    }
}
