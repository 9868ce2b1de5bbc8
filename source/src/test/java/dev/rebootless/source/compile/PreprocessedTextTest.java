package dev.rebootless.source.compile;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** What counts as a difference of preprocessed text. */
class PreprocessedTextTest {
    @Test
    void lineMarkersAndWhiteSpaceAreNoDifference() {
        assertThat(PreprocessedText.ofC("# 1 \"a.h\"\nint a\n  = 1;\n\n\nint b;\n"))
                .isEqualTo(PreprocessedText.ofC("int a = 1;\n# 7 \"a.h\" 2\nint b;\n"));
    }

    @Test
    void whiteSpaceInAStringIsADifference() {
        assertThat(PreprocessedText.ofC("char *s = \"a  b\";\n"))
                .isNotEqualTo(PreprocessedText.ofC("char *s = \"a b\";\n"));
    }

    @Test
    void aPragmaIsADifference() {
        assertThat(PreprocessedText.ofC("#pragma pack(1)\nint a;\n"))
                .isNotEqualTo(PreprocessedText.ofC("int a;\n"));
    }

    @Test
    void anotherLineOfAssemblerIsADifference() {
        assertThat(PreprocessedText.ofLines("# 1 \"x.S\"\n nop\n\n ret\n"))
                .isEqualTo(PreprocessedText.ofLines(" nop\n ret\n"))
                .isNotEqualTo(PreprocessedText.ofLines(" nop ret\n"));
    }

    @Test
    void aChangedFieldEnumeratorTypedefOrAttributeChangesTheType() {
        assertChanged("struct s { int a; };", "struct s { int a; int b; };", "struct s");
        assertChanged(
                "struct s { int a; };", "struct s { int a; } __attribute__((packed));", "struct s");
        assertChanged("enum e { A };", "enum e { A, B };", "enum e");
        assertChanged("typedef int t;", "typedef long t;", "typedef t");
        assertChanged("typedef struct { int a; } t;", "typedef struct { long a; } t;", "typedef t");
        assertChanged(
                "union u { struct { int a[4]; }; };",
                "union u { struct { int a[5]; }; };",
                "union u");
    }

    @Test
    void aTypedefHasTheNameThatItsDeclaratorGives() {
        assertThat(types("typedef int a[(sizeof(struct s) / sizeof(b))];").types())
                .containsOnlyKeys("typedef a");
        assertThat(types("typedef int (c)(int x, struct s *y);").types())
                .containsOnlyKeys("typedef c");
        assertThat(types("typedef t *(*d)(int (*f)(void));").types()).containsOnlyKeys("typedef d");
        assertThat(types("typedef void (*(*e[2])(int))(char);").types())
                .containsOnlyKeys("typedef e");
        assertThat(types("typedef void f(int (*g)(void));").types()).containsOnlyKeys("typedef f");
        assertThat(types("typedef struct { int z[4]; } h[8];").types())
                .containsOnlyKeys("typedef h");
        assertThat(types("typedef __typeof__(sizeof(int)) i;").types())
                .containsOnlyKeys("typedef i");
        assertThat(types("typedef s (*const j)(void);").types()).containsOnlyKeys("typedef j");
    }

    /**
     * The sweep: mm/page_alloc.c with {@code linux/crash_dump.h}, which declares more such types.
     */
    @Test
    void aNewTypedefOfAnArrayWhoseLengthIsASizeChangesNoOther() {
        String before = "typedef long a[sizeof(int)]; typedef int (*b)(int (*)(void));";
        String after =
                before
                        + " typedef long c[sizeof(long)]; typedef int (d)(void (*)(void), int (*)(void));";
        assertThat(types(before).changesTo(types(after)).types()).isEmpty();
        assertChanged(before, after.replace("a[sizeof(int)]", "a[sizeof(char)]"), "typedef a");
    }

    @Test
    void codeAndNewTypesChangeNoType() {
        String before = "struct s { int a; }; struct s *f(struct s *p) { return p; } int x;";
        String after =
                "struct s {int a;}; struct n { int b; };"
                        + " struct s *f(struct s *p) { struct l { int c; } q; return p + 1; }";
        assertThat(types(before).changesTo(types(after)).types()).isEmpty();
        assertThat(types(before).types()).containsOnlyKeys("struct s");
    }

    private static void assertChanged(String before, String after, String... types) {
        assertThat(types(before).changesTo(types(after)).types()).containsKeys(types);
    }

    private static Declarations types(String text) {
        return Declarations.of(PreprocessedText.ofC(text + "\n"));
    }
}
