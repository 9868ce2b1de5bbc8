package dev.rebootless.source.compile;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is only added to a header is told by its names; anything else is left to the compiler. */
class AddedDeclarationsTest {
    private static final String HEADER =
            """
            /* SPDX-License-Identifier: GPL-2.0 */
            #ifndef _LINUX_H
            #define _LINUX_H
            #include <linux/types.h>

            #define SIZE(a)\t\\
            \t((a) + 1)
            struct s {
            \tint a;
            \tint (*call)(struct s *s); /* int f(void); */
            };
            enum e { ONE, TWO };
            typedef int (*callback_t)(int);
            #ifdef CONFIG_X
            int old(int a);
            #else
            static inline int old(int a)
            {
            \treturn a;
            }
            #endif
            extern int variable;

            int last(void);

            #endif /* _LINUX_H */
            """;

    /** sched.h is beyond this class, and a line with a macro is not. */
    @Test
    void macrosAreSeenWhateverStandsAroundThem() {
        String odd = "#define A \\\n\t1\nint odd() }}\nint last;\n";
        assertThat(of(odd, odd.replace("int last", "#define FRESH(a) \\\n\t((a) + 1)\nint last")))
                .contains(Set.of("FRESH"));
        // Within another macro, beside another change, and not a macro.
        assertThat(of(odd, odd.replace("\t1\n", "#define FRESH 1\n\t1\n"))).isEmpty();
        assertThat(of(odd, odd.replace("int last", "#define FRESH 1\nlong last"))).isEmpty();
        assertThat(of(odd, odd.replace("int last", "#undef A\nint last"))).isEmpty();
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }

    private static Optional<Set<String>> of(String before, String after) {
        return AddedDeclarations.of(bytes(before), bytes(after));
    }

    /** With a text put in before the variable. */
    private static Optional<Set<String>> adding(String text) {
        return changing("extern int variable;", text + "\nextern int variable;");
    }

    /** With one text in the place of another, which stands there once. */
    private static Optional<Set<String>> changing(String from, String to) {
        assertThat(HEADER.split(java.util.regex.Pattern.quote(from), -1)).hasSize(2);
        return of(HEADER, HEADER.replace(from, to));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "int f(int a);",
                "extern int f(void);",
                "void f(struct unknown *u, int (*call)(int a), int b[2]);",
                "struct s *f(void);",
                "struct s f(void);",
                "const struct s *f(void);",
                "union u *f(void);",
                "enum e f(void);",
                "unsigned long\nf(\n\tint a,\n\tint b\n)\n;",
                "int __must_check f(void);",
                "void f(const char *fmt, ...) __printf(1, 2);",
                "int f(int a __attribute__((unused)));",
                "int f(void) __attribute__((pure));",
                "extern int f;",
                "extern struct s f;",
                "extern struct s f[3];",
                "extern const char *const f[];",
                "extern struct s *f;",
                "static inline int f(void) { return 1; }",
                "static inline int f(int a)\n{\n\tif (a) {\n\t\tint b = a;\n\t\treturn b;\n\t}\n\treturn 0;\n}",
                "static inline struct s *f(struct s *s)\n\t__must_hold(&s->a)\n{\n\treturn s;\n}",
                "static __always_inline void f(void)\n{\n\tasm volatile(\"\" ::: \"memory\");\n}",
                "struct f { int a; };",
                "struct f {\n\tint a;\n\tint (*call)(struct f *f);\n\tstruct { int b; };\n};",
                "union f { int a; long b; };",
                "#define f 1",
                "#define f(a) ((a) + 1)",
                "#  define   f\t1",
                "#define f",
                "#define f do { \\\n\tif (1) { \\\n\t\tg(); \\\n} while (0)",
                "#define f \"/* no comment */ #if\"",
                "/* a */ int /* b */ f /* c */ (void) /* d */ ; // e"
            })
    void aDeclarationThatIsAddedIsToldByItsName(String text) {
        assertThat(adding(text)).contains(Set.of("f"));
        assertThat(
                        changing(
                                "#include <linux/types.h>\n",
                                "#include <linux/types.h>\n" + text + "\n"))
                .contains(Set.of("f"));
        assertThat(changing("int last(void);\n", "int last(void);\n\n" + text + "\n\n"))
                .contains(Set.of("f"));
    }

    @Test
    void anEnumIsToldByItsNameAndItsConstants() {
        assertThat(adding("enum f { A, B = SIZE(2), C = (1 << 3), };"))
                .contains(Set.of("f", "A", "B", "C"));
        assertThat(adding("enum { A };")).contains(Set.of("A"));
    }

    @Test
    void severalDeclarationsAreToldByAllTheirNames() {
        String after =
                HEADER.replace("enum e {", "struct f { int a; };\nint g(struct f *f);\nenum e {")
                        .replace("int last(void);", "int last(void);\n#define M 1\nextern int v;");
        assertThat(of(HEADER, after)).contains(Set.of("f", "g", "M", "v"));
    }

    @Test
    void aHeaderOfNothingButAdditionsIsToldByAllItsNames() {
        assertThat(of("", "int f(void);\n#define M\n")).contains(Set.of("f", "M"));
        assertThat(of("int f(void);\n", "")).isEmpty();
    }

    @Test
    void conditionsThatAreOpenedAndClosedMayBeAdded() {
        assertThat(
                        adding(
                                """
                                #ifdef CONFIG_Y
                                int f(void);
                                #if IS_ENABLED(CONFIG_Z)
                                int g(void);
                                #elif defined(CONFIG_W)
                                #define g(a) (a)
                                #endif
                                #else
                                static inline int f(void) { return 0; }
                                #endif
                                """))
                .contains(Set.of("f", "g"));
        assertThat(adding("#ifndef f\n#define f 1\n#endif")).contains(Set.of("f"));
        assertThat(
                        changing(
                                "#ifdef CONFIG_X\n",
                                "#ifdef CONFIG_X\n#ifdef CONFIG_Y\nint f(void);\n#endif\n"))
                .contains(Set.of("f"));
    }

    @Test
    void withinAConditionThatIsThereADeclarationMayBeAdded() {
        assertThat(changing("int old(int a);\n", "int old(int a);\nint f(int a);\n"))
                .contains(Set.of("f"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "/* int f(void); */",
                "// int f(void);",
                "/*\n * #define f 1\n * struct s { int a; };\n */",
                "\n\n\t\n",
                "struct unknown;",
                "union unknown;"
            })
    void whatDeclaresNothingHasNoNames(String text) {
        assertThat(adding(text)).contains(Set.of());
    }

    @Test
    void otherBlanksAndCommentsChangeNothing() {
        assertThat(changing("\tint a;", "  int  a ; /* longer */")).contains(Set.of());
        assertThat(changing("#endif /* _LINUX_H */", "#endif")).contains(Set.of());
        assertThat(changing("#define SIZE(a)\t\\\n\t((a) + 1)", "#define SIZE(a) ((a) + 1)"))
                .contains(Set.of());
        assertThat(of(HEADER, HEADER.replace("\n", "\r\n"))).contains(Set.of());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\tint a;|\tlong a;",
                "\tint a;|\tint a;\n\tint b;",
                "\tint a;|\tint b;\n\tint a;",
                "};\nenum|} __packed;\nenum",
                "ONE, TWO|ONE, TWO, THREE",
                "ONE, TWO|ZERO, ONE, TWO",
                "ONE, TWO|ONE = 1, TWO",
                "return a;|return a + 1;",
                "return a;|f(); return a;",
                "static inline int old|static __always_inline int old",
                "((a) + 1)|((a) + 2)",
                "((a) + 1)|((a) + 1) + f()",
                "#define SIZE(a)|#define SIZE(b)",
                "int old(int a);|int old(long a);",
                "int old(int a);|int old(int a) __cold;",
                "int old(int a);|",
                "extern int variable;|",
                "extern int variable;|extern long variable;",
                "extern int variable;|extern int variable, f;",
                "extern int variable;|int variable;",
                "#include <linux/types.h>|",
                "#include <linux/types.h>|#include <linux/bits.h>",
                "(*callback_t)(int)|(*callback_t)(long)",
                "#ifdef CONFIG_X|#ifndef CONFIG_X",
                "#ifdef CONFIG_X|#if defined(CONFIG_X) \\\n || 1"
            })
    void whatWasThereAndIsOtherwiseNowIsLeftToTheCompiler(String change) {
        String[] parts = change.split("\\|", 2);
        assertThat(changing(parts[0], parts[1])).isEmpty();
        // A harmless addition beside it makes it no better.
        assertThat(
                        of(
                                HEADER,
                                HEADER.replace(parts[0], parts[1])
                                        .replace("int last(", "int f(void);\nint last(")))
                .isEmpty();
    }

    @Test
    void declarationsThatChangedTheirOrderAreLeftToTheCompiler() {
        assertThat(of("int a(void);\nint b(void);\n", "int b(void);\nint a(void);\n")).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "#include <linux/bits.h>",
                "#include \"f.h\"",
                "#undef SIZE",
                "#undef f",
                "#pragma pack(1)",
                "#error f",
                "#warning f",
                "#line 3",
                "#",
                "typedef int f;",
                "typedef struct { int a; } f;",
                "typedef int (*f)(int);",
                "int f;",
                "int f = 1;",
                "static int f;",
                "static const char f[] = \"int g(void);\";",
                "struct s f;",
                "struct s f = { 1 };",
                "struct { int a; };",
                "struct f { int a; } g;",
                "struct f { int a; } __packed;",
                "struct f { int a; } __attribute__((aligned(8)));",
                "enum f;",
                "int (*f)(int);",
                "static_assert(sizeof(int) == 4);",
                "asm(\".globl f\");",
                "DEFINE_MUTEX(f);",
                "DECLARE_BITMAP(f, 3)",
                "extern int f, g;",
                "extern \"C\" { int f(void); }",
                "\"int f(void);\"",
                "7",
                ";"
            })
    void whatMayDoMoreThanDeclareIsLeftToTheCompiler(String text) {
        assertThat(adding(text)).isEmpty();
        assertThat(adding("#ifdef CONFIG_Y\n" + text + "\n#endif")).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "#ifdef CONFIG_Y",
                "#if 0\nint f(void);",
                "#endif",
                "int f(void);\n#endif",
                "#else",
                "#elif 1\nint f(void);",
                "#endif\n#ifdef CONFIG_Y",
                "#ifdef CONFIG_Y\n#endif\n#endif",
                "#ifdef CONFIG_Y\n#ifdef CONFIG_Z\n#endif"
            })
    void conditionsThatAreNotClosedAreLeftToTheCompiler(String text) {
        assertThat(adding(text)).isEmpty();
        assertThat(changing("int old(int a);\n", "int old(int a);\n" + text + "\n")).isEmpty();
    }

    @Test
    void aConditionPutAroundWhatWasThereIsLeftToTheCompiler() {
        assertThat(
                        changing(
                                "extern int variable;",
                                "#ifdef CONFIG_Y\nextern int variable;\n#endif"))
                .isEmpty();
        assertThat(
                        changing(
                                "extern int variable;",
                                "#if 0\nint f(void);\n#else\nextern int variable;\n#endif"))
                .isEmpty();
        assertThat(changing("struct s {\n", "#if 0\nstruct s {\n")).isEmpty();
        // The same one opened again, which leaves the old declaration in another.
        assertThat(changing("#ifdef CONFIG_X\n", "#ifdef CONFIG_X\n#endif\n#ifdef CONFIG_Y\n"))
                .isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "int f(void",
                "int f(void))",
                "int f(void) {",
                "}",
                "};",
                "struct f {",
                "int f(void)",
                "int f(void) } { ;",
                "#define f 1\nint g",
                "#ifdef CONFIG_Y\nstatic inline int f(int a) {\n#else\nstatic inline int f(long a)"
                        + " {\n#endif\n\treturn 0;\n}"
            })
    void bracketsThatDoNotGoTogetherLeaveADoubt(String text) {
        assertThat(adding(text)).isEmpty();
        assertThat(of(HEADER, HEADER + text)).isEmpty();
    }

    @Test
    void aCommentThatHidesWhatWasThereIsLeftToTheCompiler() {
        assertThat(adding("/* never closed")).isEmpty();
        assertThat(changing("extern int variable;", "/* extern int variable; */")).isEmpty();
    }

    @Test
    void aDirectiveWithinAFunctionLeavesADoubt() {
        assertThat(
                        adding(
                                """
                                static inline int f(void)
                                {
                                #define ONE 3
                                \treturn 0;
                                }
                                """))
                .isEmpty();
    }

    /**
     * With a macro before its name, a declaration is told by the macro, which is mentioned where it
     * is defined: then whoever asks looks further.
     */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "__printf(1, 2) void f(const char *fmt, ...);",
                "extern __printf(1, 2) void f(const char *fmt, ...);",
                "extern __printf(1, 2)\nvoid f(const char *fmt, ...);",
                "void __printf(1, 2) f(const char *fmt, ...);",
                "static inline __printf(1, 2) void f(const char *fmt, ...) { }",
                "static inline __attribute__((const)) int f(void) { return 0; }",
                "struct __aligned(8) f { int a; };",
                "int f __attribute__((section(\"x\")));",
                "static int f __aligned(8);",
                "extern int f __read_mostly;",
                "static DEFINE_MUTEX(f);"
            })
    void aMacroBeforeANameIsNoWayPastTheSearch(String text) {
        assertThat(adding(text).orElse(Set.of("__printf")))
                .containsAnyOf(
                        "f",
                        "__printf",
                        "__attribute__",
                        "__aligned",
                        "__read_mostly",
                        "DEFINE_MUTEX");
    }

    @Test
    void whatStandsInCommentsAndStringsIsNoCode() {
        assertThat(
                        adding(
                                "#define f \"}\" /* { */ '{'\n"
                                        + "static inline const char *g(void) { return \"}\\\"\"; } // }"))
                .contains(Set.of("f", "g"));
        assertThat(changing("/* int f(void); */", "/* int f(long); } */")).contains(Set.of());
        assertThat(
                        of(
                                "static inline char f(void) { return '/*'; }\nint a; /* */\n",
                                "static inline char f(void) { return '/*'; }\nint b; /* */\n"))
                .isEmpty();
    }

    /** Any two texts made of these lines: an answer is right wherever one is given. */
    @Test
    void noLineThatWasThereIsMissingWhereNamesAreGiven() {
        long seed = Long.getLong("rebootless.seed", System.nanoTime());
        System.out.println("shuffled headers: -Drebootless.seed=" + seed);
        Random random = new Random(seed);
        List<String> pieces =
                List.of(
                        "int a(void);",
                        "struct b { int x; };",
                        "#define C 1",
                        "static inline int d(void) { return 1; }",
                        "extern int e;",
                        "#ifdef X",
                        "#else",
                        "#endif",
                        "#include <x.h>",
                        "typedef int t;",
                        "/* z */");
        int given = 0;
        for (int round = 0; round < 5_000; round++) {
            List<String> before = new ArrayList<>();
            for (int i = random.nextInt(6); i > 0; i--) {
                before.add(pieces.get(random.nextInt(pieces.size())));
            }
            List<String> after = new ArrayList<>(before);
            for (int i = random.nextInt(4); i > 0; i--) {
                String piece = pieces.get(random.nextInt(pieces.size()));
                after.add(random.nextInt(after.size() + 1), piece);
            }
            boolean taken = random.nextInt(3) == 0 && !after.isEmpty();
            String gone = taken ? after.remove(random.nextInt(after.size())) : "";
            Optional<Set<String>> names = of(String.join("\n", before), String.join("\n", after));
            if (names.isEmpty()) {
                continue;
            }
            given++;
            List<String> rest = new ArrayList<>(after);
            before.forEach(rest::remove);
            String hint = "seed %d: %s then %s without %s".formatted(seed, before, after, gone);
            assertThat(rest).as(hint).doesNotContain("#include <x.h>", "typedef int t;");
            assertThat(rest.stream().filter(l -> l.startsWith("#ifdef")).count())
                    .as(hint)
                    .isEqualTo(rest.stream().filter(l -> l.equals("#endif")).count());
            Set<String> expected = new TreeSet<>();
            rest.forEach(l -> nameOf(l).ifPresent(expected::add));
            assertThat(names.get()).as(hint).isEqualTo(expected);
            assertThat(withoutComments(before)).as(hint).isSubsetOf(withoutComments(after));
        }
        assertThat(given).as("seed %d", seed).isGreaterThan(100);
    }

    private static Optional<String> nameOf(String line) {
        return switch (line) {
            case "int a(void);" -> Optional.of("a");
            case "struct b { int x; };" -> Optional.of("b");
            case "#define C 1" -> Optional.of("C");
            case "static inline int d(void) { return 1; }" -> Optional.of("d");
            case "extern int e;" -> Optional.of("e");
            default -> Optional.empty();
        };
    }

    private static List<String> withoutComments(List<String> lines) {
        return lines.stream().filter(l -> !l.startsWith("/*")).toList();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                // Every unit that includes it gets the code.
                "int f(void) { return 1; }",
                "static void __used f(void) { }",
                // What follows is swallowed, or is not what it looks like.
                "static inline int f(void) MACRO { return 1; }\nint g(void);",
                "int f(void), v;",
                "extern int f(int a), g(int b);",
                "struct s (*fp)(void);",
                "extern foo_t (*fp)(void);",
                "static int v2[N(3)] = { 1 };",
                "struct s v2[N(2)] = { 1 };",
                "int x[sizeof(int)];",
                "extern struct s f[SIZE(1)];",
                "int v2 __attribute__((section(\"x\")));",
                // The backslash hides what stands behind it from the compiler.
                "// \\",
            })
    void whatOnlyLooksLikeADeclarationIsDoubted(String text) {
        assertThat(adding(text)).isEmpty();
    }

    @Test
    void typesAndEnumeratorsWithinATypeAreNamedAsWell() {
        assertThat(adding("struct n { enum ne { NA, NB } x; struct inner { int y; } z; };"))
                .contains(Set.of("n", "ne", "NA", "NB", "inner"));
    }
}
