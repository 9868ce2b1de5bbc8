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
