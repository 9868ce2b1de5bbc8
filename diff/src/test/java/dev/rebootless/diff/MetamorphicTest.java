package dev.rebootless.diff;

import static dev.rebootless.diff.Diffs.findings;
import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.elf.ElfObject;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Laws that hold for every unit, tried on units made at random. */
class MetamorphicTest {
    private static final int UNITS = 6;

    /**
     * A unit of random functions that call one another and share data, each text one definition.
     */
    private static List<String> functions(Random random) {
        List<String> list = new ArrayList<>();
        int count = 4 + random.nextInt(6);
        for (int i = 0; i < count; i++) {
            StringBuilder body = new StringBuilder();
            int statements = 1 + random.nextInt(6);
            for (int k = 0; k < statements; k++) {
                body.append(
                        switch (random.nextInt(8)) {
                            // Guarded: gcc drops what stands behind a call that never returns.
                            case 0 ->
                                    "if (x > 0) r += f%d(x - 1);".formatted(random.nextInt(count));
                            case 1 -> "_printk(\"f%d %%d\\n\", x);".formatted(i);
                            case 2 -> "{ static int count; r ^= count += x; }";
                            case 3 -> "g%d += r;".formatted(random.nextInt(3));
                            case 4 -> "if (x == %d) BUG(1);".formatted(random.nextInt(9));
                            case 5 -> "_printk(\"%s\", __func__);";
                            case 6 -> "if (BRANCH(key_a)) sink(r);";
                            default ->
                                    "ALTERNATIVE(\"nop\", \"lfence\", %d);"
                                            .formatted(random.nextInt(99));
                        });
            }
            list.add(
                    "%sint f%d(int x)\n{\n    int r = x;\n    %s\n    return r * %d;\n}\n"
                            .formatted(
                                    random.nextInt(3) == 0 ? "__attribute__((noinline)) " : "",
                                    i,
                                    body,
                                    3 + i));
        }
        return list;
    }

    private static String unit(List<String> functions) {
        StringBuilder text =
                new StringBuilder(SpecialTablesTest.MACROS)
                        .append(
                                "extern int _printk(const char *, ...);\nint g0 = 1; static int g1; long g2 = 3;\n");
        for (int i = 0; i < 10; i++) {
            text.append("int f%d(int);\n".formatted(i));
        }
        functions.forEach(text::append);
        return text.toString();
    }

    @Test
    void movedLinesOtherOrdersAndNewNeighboursChangeNothingForTheRest() {
        long seed = Long.getLong("rebootless.seed", System.nanoTime());
        System.out.println("seed " + seed + " (-Drebootless.seed)");
        Random random = new Random(seed);
        // One section for all would let distances change the length of branches.
        // noipa: what one function does must not show in its neighbours.
        Gcc gcc =
                Gcc.SECTIONS.with(
                        "-fno-toplevel-reorder",
                        "-fno-inline",
                        "-fno-ipa-cp",
                        "-fno-ipa-sra",
                        "-fno-ipa-ra",
                        "-fno-ipa-pure-const",
                        "-fno-ipa-icf",
                        "-fno-ipa-modref");
        for (int i = 0; i < UNITS; i++) {
            List<String> functions = functions(random);
            String source = unit(functions);
            ElfObject original = gcc.compile(source);
            assertThat(findings(ObjectDiff.compare(original, original)))
                    .as("itself, seed %d:%n%s", seed, source)
                    .isEqualTo("unchanged");
            String moved = "\n\n" + source.replace("\nint f", "\n\n\nint f");
            assertThat(findings(ObjectDiff.compare(original, gcc.compile(moved))))
                    .as("blank lines, seed %d:%n%s", seed, source)
                    .isEqualTo("unchanged");
            List<String> shuffled = new ArrayList<>(functions);
            Collections.shuffle(shuffled, random);
            assertThat(findings(ObjectDiff.compare(original, gcc.compile(unit(shuffled)))))
                    .as("another order, seed %d:%n%s", seed, source)
                    .isEqualTo("unchanged");
            List<String> more = new ArrayList<>(functions);
            more.add(
                    random.nextInt(more.size()),
                    "int fresh(int x)\n{\n    static int count;\n    sink(count += x);\n    return count;\n}\n");
            ChangeSet changes = ObjectDiff.compare(original, gcc.compile(unit(more)));
            assertThat(changes.changed())
                    .as("a new neighbour, seed %d:%n%s", seed, source)
                    .isEmpty();
            assertThat(changes.removed()).isEmpty();
            assertThat(changes.added()).containsExactly("fresh");
            assertThat(changes.data()).hasSize(1);
            assertThat(changes.refusals()).isEmpty();
            int edited = random.nextInt(functions.size());
            List<String> one = new ArrayList<>(functions);
            one.set(edited, functions.get(edited).replace("return r * ", "return r - "));
            changes = ObjectDiff.compare(original, gcc.compile(unit(one)));
            assertThat(changes.changed())
                    .as("one edited function, seed %d:%n%s", seed, source)
                    .containsExactly("f" + edited);
            assertThat(changes.added()).isEmpty();
        }
    }
}
