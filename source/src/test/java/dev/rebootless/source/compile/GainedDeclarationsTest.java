package dev.rebootless.source.compile;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.source.compile.GainedDeclarations.Gained;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class GainedDeclarationsTest {
    private static final String OLDER =
            """
            #ifndef TUNNEL_H
            #define TUNNEL_H
            struct net_device;
            int old_prototype(struct net_device *dev);
            static inline void adjust(struct net_device *dev, unsigned int headroom)
            {
            	if (headroom > 5)
            		old_prototype(dev);
            }
            #ifdef CONFIG_X
            int only_with_x(void);
            #endif
            #endif
            """;

    private static List<Gained> gained(String newer) {
        return GainedDeclarations.of(OLDER.lines().toList(), newer.lines().toList());
    }

    /** The older version with what is gained put in. */
    private static String applied(List<Gained> gained) {
        List<String> lines = new ArrayList<>(OLDER.lines().toList());
        for (Gained one : gained.reversed()) {
            lines.addAll(one.after(), one.lines());
        }
        return String.join("\n", lines) + "\n";
    }

    @Test
    void aNewInlineFunctionIsGainedWithoutTheChangeOfTheOneThatUsesIt() {
        String limit = "static inline unsigned int limit(unsigned int x)\n{\n\treturn x;\n}\n";
        List<Gained> gained =
                gained(
                        OLDER.replace(
                                        "static inline void adjust",
                                        limit + "static inline void adjust")
                                .replace("headroom > 5", "limit(headroom) > 5"));
        assertThat(gained).hasSize(1);
        assertThat(gained.getFirst().names()).containsExactly("limit");
        assertThat(applied(gained))
                .isEqualTo(OLDER.replace("#ifdef CONFIG_X", limit + "#ifdef CONFIG_X"));
    }

    @Test
    void macrosPrototypesAndTypesAreGainedInTheirPlaces() {
        String newer =
                OLDER.replace(
                                "int only_with_x(void);\n",
                                "int only_with_x(void);\nint also_with_x(int a,\n\t\tint b);\n")
                        .replace(
                                "struct net_device;\n",
                                "struct net_device;\nstruct fresh { int a; };\n#define PLUS(a) \\\n\t((a) + 1)\n");
        List<Gained> gained = gained(newer);
        assertThat(gained)
                .extracting(Gained::names)
                .containsExactly(Set.of("fresh"), Set.of("PLUS"), Set.of("also_with_x"));
        assertThat(applied(gained)).isEqualTo(newer);
    }

    @Test
    void aGroupThatDefinesANameEitherWayIsGainedAsOne() {
        String group =
                "#if defined(CONFIG_Y) && \\\n    !defined(CONFIG_Z)\n#define fresh(a) 1\n#else\n#define fresh(a) 2\n#endif\n";
        String newer = OLDER.replace("#ifdef CONFIG_X\n", group + "#ifdef CONFIG_X\n");
        assertThat(gained(newer))
                .singleElement()
                .satisfies(g -> assertThat(g.names()).containsExactly("fresh"));
        assertThat(applied(gained(newer))).isEqualTo(newer);
    }

    /** The macros of include/linux/cleanup.h glue names together, and end without a semicolon. */
    @Test
    void aGuardIsGained() {
        String guard =
                "DEFINE_LOCK_GUARD_0(quiet,\n\t\t    _T->flags = save(),\n\t\t    restore(_T->flags), int flags)\n";
        String newer = OLDER.replace("#ifdef CONFIG_X\n", guard + "#ifdef CONFIG_X\n");
        assertThat(gained(newer))
                .singleElement()
                .satisfies(g -> assertThat(g.names()).contains("quiet", "class_quiet_t"));
        assertThat(applied(gained(newer))).isEqualTo(newer);
    }

    /** A header such as sched.h, of which the rest is not understood. */
    @Test
    void aMacroIsGainedWhateverStandsAroundIt() {
        List<String> older =
                List.of(
                        "#define FLAG_A 1",
                        "#define FLAG_HOLE 2",
                        "#define FLAG_C 4",
                        "int odd() }}",
                        "");
        List<String> newer =
                List.of(
                        "#define FLAG_A 1",
                        "#define FLAG_B \\",
                        "\t2",
                        "#define FLAG_C 4",
                        "int odd() }}",
                        "");
        assertThat(GainedDeclarations.of(older, newer))
                .containsExactly(
                        new Gained(Set.of("FLAG_B"), 1, List.of("#define FLAG_B \\", "\t2")));
    }

    @Test
    void whatChangesIsNotGained() {
        assertThat(gained(OLDER)).isEmpty();
        assertThat(gained(OLDER.replace("headroom > 5", "headroom > 6"))).isEmpty();
        assertThat(gained(OLDER.replace("int old_prototype(", "long old_prototype("))).isEmpty();
        // A second definition of a known name, and one that only begins within the group.
        assertThat(
                        gained(
                                OLDER.replace(
                                        "#ifdef CONFIG_X\n",
                                        "#define adjust(a) 1\n#ifdef CONFIG_X\n")))
                .isEmpty();
        assertThat(
                        gained(
                                OLDER.replace(
                                        "#ifdef CONFIG_X\n",
                                        "#ifdef CONFIG_X\n#else\nint fresh(void);\n")))
                .isEmpty();
        assertThat(
                        gained(
                                OLDER.replace(
                                        "struct net_device;\n",
                                        "struct net_device;\nint fresh_one = 5;\n")))
                .isEmpty();
        assertThat(gained("int fresh(void);\n" + OLDER)).isEmpty();
    }

    @Test
    void noTextMakesItFail() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        String[] bits = {
            "int ",
            "f",
            "(",
            ")",
            "{",
            "}",
            ";",
            "\n",
            "#if X\n",
            "#endif\n",
            "#define A ",
            "\\\n",
            "/*",
            "*/",
            "//",
            "struct s ",
            "\"",
            "'",
            "static inline ",
            ",",
            "=",
            "#else\n",
            "é"
        };
        for (int i = 0; i < 3_000; i++) {
            StringBuilder text = new StringBuilder();
            for (int n = random.nextInt(60); n > 0; n--) {
                text.append(bits[random.nextInt(bits.length)]);
            }
            List<String> lines = text.toString().lines().toList();
            for (Gained one : GainedDeclarations.of(OLDER.lines().toList(), lines)) {
                assertThat(one.lines()).as("seed %d", seed).isNotEmpty();
                assertThat(one.after()).isBetween(1, (int) OLDER.lines().count());
            }
            GainedDeclarations.of(lines, OLDER.lines().toList());
        }
    }
}
