package dev.rebootless.source.compile;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What may change a declaration is seen in a file's text; statements alone are not. */
class FileOutlineTest {
    private static final String FILE =
            """
            #include <linux/fs.h>
            #define SIZE 4
            /* A struct in a comment { */
            struct s { int a[SIZE]; } __packed;
            static const char *names[] = { "a", "{" };
            DEFINE_PER_CPU(struct s, x);
            static struct s *f(struct s *p, int n)
            {
            #ifdef CONFIG_X
            \tif (n > 1) {
            \t\tn--;
            \t}
            #else
            \tn = 2;
            #endif
            \treturn p + n;
            }
            SYSCALL_DEFINE1(g, int, n)
            {
            \tstruct inner { int b; } q = { n };
            \treturn q.b;
            }
            """;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "n = 2;|n = 3; { n++; }",
                "return q.b;|return q.b + sizeof(struct s);",
                "/* A struct|/* Another }} struct",
                "return p + n;|return p + n + '}';"
            })
    void statementsAreNotSeen(String change) {
        assertThat(FileOutline.of(bytes(changed(change)))).isEqualTo(FileOutline.of(bytes(FILE)));
        assertThat(FileOutline.of(bytes(FILE))).isPresent();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "int a[SIZE];|int a[SIZE]; int b;",
                "SIZE 4|SIZE 5",
                "__packed|",
                "int b; }|long b; }",
                "int n)|long n)",
                "static struct s *f|struct s *f",
                "struct s, x|struct t, x",
                "#ifdef CONFIG_X|#ifdef CONFIG_Y",
                "n = 2;|struct inner { long c; } r; n = 2;",
                "n = 2;|\n#define SIZE2 3\n"
            })
    void whatMayChangeADeclarationIsSeen(String change) {
        assertThat(FileOutline.of(bytes(changed(change))))
                .isNotEqualTo(FileOutline.of(bytes(FILE)));
    }

    @Test
    void aTypeThatAMacroBeginsIsNotTakenForAFunction() {
        String one = "struct s ALIGNED(8) { int a; };";
        assertThat(FileOutline.of(bytes(one)))
                .isNotEqualTo(FileOutline.of(bytes(one.replace("int", "long"))));
        assertThat(FileOutline.of(bytes("STRUCT(s) { int a; };"))).isEmpty();
    }

    @Test
    void bracesThatBranchesOpenDifferentlyLeaveADoubt() {
        String text =
                "int f(int n)\n{\n#ifdef A\nif (n) {\n#else\nif (!n) {\n#endif\nn++;\n}\nreturn n;\n}\n";
        assertThat(FileOutline.of(bytes(text))).isEmpty();
    }

    private static String changed(String change) {
        int bar = change.indexOf('|');
        String was = change.substring(0, bar);
        assertThat(FILE).contains(was);
        return FILE.replace(was, change.substring(bar + 1));
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }
}
