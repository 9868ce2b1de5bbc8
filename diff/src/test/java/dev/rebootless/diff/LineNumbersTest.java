package dev.rebootless.diff;

import static dev.rebootless.diff.Diffs.compare;
import static dev.rebootless.diff.Diffs.edit;
import static dev.rebootless.diff.Diffs.findings;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** A line that moves is no change, and nothing else is taken for a line. */
class LineNumbersTest {
    private static final String UNIT =
            """
            extern __attribute__((cold)) int _printk(const char *, ...);
            extern void __warn_printk(const char *, ...);
            extern void __might_sleep(const char *, int);
            extern void other(int, const char *, int); extern int get(void);
            int sleeps(int x) { __might_sleep(__FILE__, __LINE__); return x + 1; }
            int asserts(int x)
            {
                if (__builtin_expect(!get(), 0))
                    __warn_printk("assertion failed at %s (%d)\\n", __FILE__, __LINE__);
                return x;
            }
            void bad(unsigned long *p) { _printk("%s:%d: bad pgd %p(%016lx)\\n", __FILE__, __LINE__, p, *p); }
            int counts(int x) { other(100, "mm/not_a_file.txt", 7); return x; }
            int passes(int x) { other(50, __FILE__, x); return x; }
            """;

    @Test
    void linesHandedToReportsMoveWithoutAChange() {
        for (Gcc gcc : java.util.List.of(Gcc.SECTIONS, Gcc.WHOLE)) {
            assertThat(findings(compare(gcc, UNIT, "\n\n\n" + UNIT))).isEqualTo("unchanged");
            assertThat(findings(compare(gcc, UNIT, UNIT.replace("\nint ", "\n\n\nint "))))
                    .isEqualTo("unchanged");
        }
    }

    @Test
    void whatChangesBesidesTheLineIsAChange() {
        String moved = "\n" + UNIT;
        assertThat(findings(compare(Gcc.SECTIONS, UNIT, edit(moved, "x + 1", "x + 2"))))
                .isEqualTo("changed: sleeps");
        assertThat(
                        findings(
                                compare(
                                        Gcc.SECTIONS,
                                        UNIT,
                                        edit(moved, "assertion failed", "assertion  failed"))))
                .isEqualTo("changed: asserts");
        assertThat(findings(compare(Gcc.SECTIONS, UNIT, edit(moved, "%016lx", "%017lx"))))
                .isEqualTo("changed: bad");
    }

    @Test
    void aConstantThatIsNoLineIsAChange() {
        assertThat(findings(compare(Gcc.SECTIONS, UNIT, edit(UNIT, "other(100,", "other(101,"))))
                .isEqualTo("changed: counts");
        assertThat(findings(compare(Gcc.SECTIONS, UNIT, edit(UNIT, ".txt\", 7", ".txt\", 8"))))
                .isEqualTo("changed: counts");
        assertThat(findings(compare(Gcc.SECTIONS, UNIT, edit(UNIT, "other(50", "other(51"))))
                .as("a constant before the file's name")
                .isEqualTo("changed: passes");
    }

    @Test
    void linesInsideOfMessagesMoveWithoutAChange() {
        String source =
                """
                extern int _printk(const char *, ...);
                #define TEXT(x) #x
                #define LINE(x) TEXT(x)
                void overflow(void) { _printk("field at " __FILE__ ":" LINE(__LINE__)); }
                void other(void) { _printk("ratio 5:7 of a.cfg:3"); }
                """;
        assertThat(findings(compare(Gcc.SECTIONS, source, "\n\n\n\n\n\n\n" + source)))
                .isEqualTo("unchanged");
        assertThat(findings(compare(Gcc.SECTIONS, source, edit(source, "field at", "fields at"))))
                .isEqualTo("changed: overflow");
        assertThat(findings(compare(Gcc.SECTIONS, source, edit(source, "5:7", "5:8"))))
                .isEqualTo("changed: other");
        assertThat(findings(compare(Gcc.SECTIONS, source, edit(source, "a.cfg:3", "a.cfg:4"))))
                .isEqualTo("changed: other");
    }

    @Test
    void listsOfBtfTypesPairThoughTheirNamesHoldLines() {
        String source =
                """
                #define GLUE(a, b) a##b
                #define PASTE(a, b) GLUE(a, b)
                #define ID(name) ITEM(PASTE(PASTE(__BTF_ID__struct__##name##__, __COUNTER__), __LINE__))
                #define ITEM(symbol) ITEM_(symbol)
                #define ITEM_(symbol) asm(".pushsection .BTF_ids,\\"a\\"\\n.local " #symbol "\\n.type " #symbol \\
                    ",STT_OBJECT\\n.size " #symbol ",4\\n" #symbol ":\\n.zero 4\\n.popsection\\n");
                #define LIST(name) asm(".pushsection .BTF_ids,\\"a\\"\\n.local " #name "\\n" #name ":\\n.popsection"); extern unsigned name[];
                LIST(first)
                ID(sock)
                ID(file)
                LIST(second)
                ID(sock)
                ID(tcp6_sock)
                unsigned get(int x) { return first[x] + second[x]; }
                """;
        assertThat(findings(compare(Gcc.SECTIONS, source, "\n\n" + source))).isEqualTo("unchanged");
        assertThat(
                        findings(
                                compare(
                                        Gcc.SECTIONS,
                                        source,
                                        edit(source, "first[x] +", "first[x] -"))))
                .isEqualTo("changed: get");
        assertThat(
                        compare(Gcc.SECTIONS, source, edit(source, "ID(tcp6", "ID(udp)\nID(tcp6"))
                                .verdict())
                .isNotEqualTo(Verdict.UNCHANGED);
    }
}
