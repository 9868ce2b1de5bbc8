package dev.rebootless.source.history;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.source.history.FunctionNames.Definition;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Functions in the layout of the kernel's coding style, and what only looks like one. */
class FunctionNamesTest {
    private static List<Definition> definitions(String text) {
        return FunctionNames.definitions(text.lines().toList());
    }

    private static List<String> names(String text) {
        return definitions(text).stream().map(Definition::name).toList();
    }

    @Test
    void aFunctionReachesFromItsHeadToItsClosingBrace() {
        assertThat(
                        definitions(
                                """
                                // SPDX-License-Identifier: GPL-2.0
                                #include <linux/fs.h>

                                static int first(struct inode *inode, int flags)
                                {
                                \tif (flags) {
                                \t\treturn 1;
                                \t}
                                \treturn 0;
                                }
                                EXPORT_SYMBOL(first);

                                void second(void)
                                {
                                }
                                """))
                .containsExactly(new Definition("first", 4, 10), new Definition("second", 13, 15));
    }

    @Test
    void aReturnTypeOnItsOwnLineIsOfTheHead() {
        assertThat(
                        definitions(
                                """
                                static struct dentry *
                                lookup_one(const char *name)
                                {
                                \treturn NULL;
                                }
                                static inline unsigned long
                                __lookup_two (int a)
                                {
                                \treturn a;
                                }
                                """))
                .containsExactly(
                        new Definition("lookup_one", 1, 5), new Definition("__lookup_two", 6, 10));
    }

    @Test
    void parametersMayTakeManyLines() {
        assertThat(
                        definitions(
                                """
                                int many(struct net_device *dev,
                                \t int (*callback)(struct sk_buff *skb, void *data),
                                \t void *data, /* for the callback */
                                \t const struct in6_addr addr[static 2])
                                \t__must_hold(&dev->lock)
                                {
                                \treturn callback(NULL, data);
                                }
                                """))
                .containsExactly(new Definition("many", 1, 8));
    }

    @Test
    void aSystemCallHasTheNameThatItsMacroIsGiven() {
        assertThat(
                        names(
                                """
                                SYSCALL_DEFINE3(open, const char __user *, filename, int, flags,
                                \t\tumode_t, mode)
                                {
                                \treturn do_sys_open(AT_FDCWD, filename, flags, mode);
                                }

                                COMPAT_SYSCALL_DEFINE1(old_thing, int, a)
                                {
                                \treturn 0;
                                }

                                SYSCALL_DEFINE0(getpid)
                                {
                                \treturn task_tgid_vnr(current);
                                }
                                """))
                .containsExactly("open", "old_thing", "getpid");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "static __init int wanted(void)",
                "__init\nstatic int wanted(void)",
                "static int __init wanted(void)",
                "static __always_inline int wanted(void)",
                "__printf(1, 2)\nint wanted(const char *fmt, ...)",
                "static __printf(2, 3) void wanted(int a, const char *fmt, ...)",
                "static __printf(2, 3)\nvoid wanted(int a, const char *fmt, ...)",
                "__attribute__((noinline)) int wanted(void)",
                "static noinline_for_stack int wanted(void)",
                "__bpf_kfunc int wanted(void)",
                "__bpf_kfunc\nstruct task_struct *wanted(s32 pid)",
                "asmlinkage __visible void wanted(void)",
                "noinstr void wanted(void)",
                "int wanted(void) __acquires(rcu)",
                "int wanted(void)\n\t__acquires(&a->lock)\n\t__releases(&b->lock)",
                "__must_hold(&lock) static void wanted(void)",
                "struct inode *wanted(struct super_block *sb)",
                "enum hrtimer_restart wanted(struct hrtimer *timer)",
                "const struct file_operations *wanted(int a)",
                "unsigned long long wanted(u64 a)",
                "__section(\".ref.text\") int wanted(void)"
            })
    void whatStandsBeforeAndBehindANameIsNotTakenForIt(String head) {
        assertThat(names(head + "\n{\n\tother(1);\n}\n")).containsExactly("wanted");
        assertThat(names("int before(void)\n{\n}\n\n" + head + "\n{\n}\n\nint after(void)\n{\n}\n"))
                .containsExactly("before", "wanted", "after");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "int prototype(void);",
                "extern int prototype(int a,\n\t\t int b);",
                "struct inode *prototype(struct super_block *sb)\n\t__acquires(rcu);",
                "__printf(1, 2)\nvoid prototype(const char *fmt, ...);",
                "int variable = call(1);",
                "static int (*pointer)(struct inode *inode);",
                "typedef int (*function_t)(int);",
                "typedef struct {\n\tint (*a)(void);\n} t;",
                "typedef struct PACKED(4) {\n\tint a;\n} t;",
                "module_init(start);",
                "MODULE_LICENSE(\"GPL\");",
                "EXPORT_SYMBOL_GPL(thing)",
                "DEFINE_MUTEX(lock);",
                "static DEFINE_PER_CPU(struct s, x) = {\n\t.lock = INIT(x),\n};",
                "#define wanted(a) { a }",
                "/* int comment(void)\n * {\n * }\n */"
            })
    void aDeclarationIsNone(String text) {
        assertThat(names(text + "\n")).isEmpty();
        assertThat(names(text + "\n\nint after(void)\n{\n}\n")).containsExactly("after");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "static const struct file_operations fops = {\n\t.open = open,\n};",
                "static const struct file_operations fops =\n{\n\t.open = open,\n};",
                "static struct ctl_table table[] = {\n\t{ .proc = handler, .max = MAX(1, 2) },\n\t{}\n};",
                "static int (*const handlers[])(int) = {\n\t[ONE] = one,\n};",
                "static const u8 bytes[SIZE(3)] = {\n\t1, 2,\n};",
                "static struct s one = { .a = CALL(1) };",
                "struct s {\n\tint (*a)(void);\n\tint b;\n};",
                "struct s {\n\tint a;\n} __packed;",
                "struct s __aligned(8) {\n\tint a;\n};",
                "enum e {\n\tA = BIT(0),\n\tB,\n};",
                "enum e { A, B };",
                "union u {\n\tint a;\n};"
            })
    void aTypeOrAnInitialiserIsNone(String text) {
        assertThat(names(text + "\n")).isEmpty();
        assertThat(names(text + "\n\nint after(void)\n{\n}\n")).containsExactly("after");
        assertThat(names(text + "\nint after(void)\n{\n}\n")).containsExactly("after");
    }

    @Test
    void aFunctionOfOneLineIsOne() {
        assertThat(
                        definitions(
                                """
                                static inline int one(void) { return 0; }
                                static inline void two(struct s *s) {}
                                static inline bool three(int a) { return call(a); }
                                """))
                .containsExactly(
                        new Definition("one", 1, 1),
                        new Definition("two", 2, 2),
                        new Definition("three", 3, 3));
    }

    @Test
    void whatIsExportedJustBeforeAFunctionIsNotItsName() {
        assertThat(names("EXPORT_SYMBOL_GPL(other)\nint wanted(void)\n{\n}\n"))
                .containsExactly("wanted");
    }

    @Test
    void theBraceMayStandBehindTheParameters() {
        assertThat(definitions("int wanted(int a,\n\t   int b) {\n\treturn 0;\n}\n"))
                .containsExactly(new Definition("wanted", 1, 4));
    }

    @Test
    void whatIsCalledWithinAFunctionIsNoDefinition() {
        assertThat(
                        names(
                                """
                                int wanted(int a)
                                {
                                \tfor (;;) {
                                \t\tcall(a);
                                \t}
                                again:
                                \tif (a)
                                \t\tgoto again;
                                #ifdef CONFIG_X
                                \tother(a);
                                #endif
                                \treturn 0;
                                }
                                """))
                .containsExactly("wanted");
    }

    @Test
    void aMacroOfManyLinesThatDefinesFunctionsIsNone() {
        assertThat(
                        names(
                                """
                                #define SHOW(name)\t\t\t\\
                                static ssize_t name##_show(int a)\t\\
                                {\t\t\t\t\t\\
                                \treturn call(a);\t\t\t\\
                                }

                                int after(void)
                                {
                                \treturn 0;
                                }
                                """))
                .containsExactly("after");
    }

    @Test
    void namesAreASortedSet() {
        String two = "int b(void)\n{\n}\n\nint a(void)\n{\n}\n\n#else\nint b(void)\n{\n}\n";
        assertThat(FunctionNames.of(two.lines().toList())).containsExactly("a", "b");
        assertThat(FunctionNames.of(List.of())).isEmpty();
    }

    @Test
    void aFunctionWithoutAnEndReachesToTheEndOfTheFile() {
        assertThat(definitions("int wanted(void)\n{\n\treturn 0;\n"))
                .containsExactly(new Definition("wanted", 1, 3));
    }

    @Test
    void aHeadOfEndlesslyManyLinesIsNone() {
        assertThat(names("int wanted(\n" + "\tint a,\n".repeat(100) + "\tint b)\n{\n}\n"))
                .isEmpty();
        // Looking 40 lines ahead from each of many must stay cheap.
        long start = System.nanoTime();
        assertThat(names("word\n".repeat(200_000))).isEmpty();
        assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(20));
    }

    /** Any text has definitions that lie in it one behind the other. */
    @Test
    void ofAnyTextTheDefinitionsStandInOrderWithinIt() {
        long seed = Long.getLong("rebootless.seed", System.nanoTime());
        System.out.println("shuffled lines: -Drebootless.seed=" + seed);
        Random random = new Random(seed);
        List<String> pieces =
                List.of(
                        "int f(void)",
                        "static int",
                        "g(int a,",
                        "\tint b)",
                        "{",
                        "}",
                        "};",
                        "\treturn h(1);",
                        "struct s {",
                        "static struct s x = {",
                        "#ifdef A",
                        "#endif",
                        "",
                        "int p(void);",
                        "SYSCALL_DEFINE1(c, int, d)",
                        "SYSCALL_DEFINE1(",
                        "int o(void) { return 0; }",
                        "((((",
                        "typedef int (*t)(int);",
                        "#define M(a) \\");
        int found = 0;
        for (int round = 0; round < 2_000; round++) {
            List<String> lines = new ArrayList<>();
            for (int i = random.nextInt(40); i >= 0; i--) {
                lines.add(pieces.get(random.nextInt(pieces.size())));
            }
            int last = 0;
            for (Definition definition : FunctionNames.definitions(lines)) {
                assertThat(definition.name()).as("seed %d: %s", seed, lines).matches("\\w+");
                assertThat(definition.first()).as("seed %d: %s", seed, lines).isGreaterThan(last);
                assertThat(definition.last())
                        .as("seed %d: %s", seed, lines)
                        .isBetween(definition.first(), lines.size());
                last = definition.last();
                found++;
            }
        }
        assertThat(found).as("seed %d", seed).isPositive();
    }
}
