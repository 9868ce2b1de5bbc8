package dev.rebootless.source.patch;

import dev.rebootless.base.Subprocess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Seeded edits of real C files, and the diffs between what came before and after. */
final class RandomEdits {
    /** A statement on a line of its own, whose removal leaves everything else as it is. */
    private static final Pattern STATEMENT = Pattern.compile("\\t+[a-z][^#/*\"'\\\\{}()]*;\\n");

    private final Random random;

    RandomEdits(long seed) {
        this.random = new Random(seed);
    }

    /** Lines added, removed and replaced at random places, where C stays C. */
    List<String> edited(List<String> lines, int edits) {
        List<String> result = new ArrayList<>(lines);
        for (int i = 0; i < edits; i++) {
            int at = random.nextInt(result.size());
            boolean statement = STATEMENT.matcher(result.get(at)).matches();
            // Between a backslash and what it continues to, nothing can be put.
            boolean continued = at > 0 && result.get(at - 1).endsWith("\\\n");
            switch (random.nextInt(4)) {
                case 0 -> {
                    if (statement && !continued) {
                        result.remove(at);
                    }
                }
                case 1 -> {
                    if (statement && !continued) {
                        result.set(at, "\trbl_replaced_" + i + "();\n");
                        result.add(at + 1, "\trbl_more(\n");
                        result.add(at + 2, "\t\trbl_argument);\n");
                    }
                }
                default -> {
                    if (!continued) {
                        for (int n = random.nextInt(3); n >= 0; n--) {
                            result.add(at, random.nextBoolean() ? "\n" : "rbl_added_" + i + ";\n");
                        }
                    }
                }
            }
        }
        return result;
    }

    int next(int bound) {
        return random.nextInt(bound);
    }

    /** What {@code diff -u} says of two texts, for a file of that path. */
    static String diff(
            Path folder, List<String> before, List<String> after, String path, int context)
            throws IOException {
        Path a = Files.write(folder.resolve("before"), Lines.join(before));
        Path b = Files.write(folder.resolve("after"), Lines.join(after));
        return Subprocess.of(
                        "diff",
                        "-U" + context,
                        "--label",
                        "a/" + path,
                        "--label",
                        "b/" + path,
                        a.toString(),
                        b.toString())
                .run()
                .out();
    }

    /** C files of a kernel tree, one out of {@code step}, ASCII ones only. */
    static List<Path> kernelFiles(Path tree, int step, String... folders) throws IOException {
        List<Path> files = new ArrayList<>();
        for (String folder : folders) {
            try (Stream<Path> all = Files.list(tree.resolve(folder))) {
                files.addAll(all.filter(p -> p.toString().endsWith(".c")).sorted().toList());
            }
        }
        List<Path> some = new ArrayList<>();
        for (int i = 0; i < files.size(); i += step) {
            some.add(files.get(i));
        }
        return some;
    }
}
