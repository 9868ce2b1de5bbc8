package dev.rebootless.source.patch;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.base.RebootlessException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whatever a patch holds: it is applied or refused, in bounded time, and nothing else. */
class PatchFuzzTest {
    private static final int ROUNDS = 20_000;
    private static final Duration SLOWEST = Duration.ofSeconds(2);

    private static final String TEXT =
            IntStream.rangeClosed(1, 60)
                    .mapToObj(i -> i % 7 == 0 ? "\n" : "line " + i % 20 + "\n")
                    .collect(Collectors.joining());

    private static final String PATCH =
            """
            Subject: x

            diff --git a/fs/a.c b/fs/a.c
            index 1..2 100644
            --- a/fs/a.c\t2026-11-22
            +++ b/fs/a.c\t2026-11-22
            @@ -1,4 +1,5 @@ head
             line 1
            -line 2
            +line two
            +EXPORT_SYMBOL(x);
             line 3
             line 4
            @@ -16,2 +17,1 @@
             line 16
            -line 17
            diff --git a/fs/b.c b/fs/c.c
            similarity index 90%
            rename from fs/b.c
            rename to fs/c.c
            diff --git a/x.bin b/x.bin
            GIT binary patch
            literal 3
            --- /dev/null
            +++ b/fs/new.c
            @@ -0,0 +1 @@
            +int x;
            \\ No newline at end of file
            --\s
            2.39
            """;

    private static final List<String> SPLICES =
            List.of(
                    "@@",
                    "-",
                    "+",
                    " ",
                    "\\ No newline at end of file\n",
                    "--- a/fs/a.c\n",
                    "\n",
                    "+++ b/fs/a.c\n",
                    "99999999",
                    "0",
                    "-1",
                    "../",
                    "/dev/null",
                    "\r\n",
                    "\t",
                    "diff --git a/fs/a.c b/fs/a.c\n",
                    "@@ -1 +1 @@\n",
                    "\"",
                    "\u00ff",
                    "\0");

    @TempDir Path tree;

    @Test
    void aMutatedPatchIsAppliedOrRefused() throws IOException {
        long seed = 4_711;
        System.out.println("seed " + seed);
        Random random = new Random(seed);
        Files.createDirectories(tree.resolve("fs"));
        Files.writeString(tree.resolve("fs/a.c"), TEXT);
        int applied = 0;
        int refused = 0;
        for (int round = 0; round < ROUNDS; round++) {
            byte[] patch = mutated(random);
            long start = System.nanoTime();
            try {
                run(patch);
                applied++;
            } catch (RebootlessException e) {
                assertThat(e.problems()).isNotEmpty();
                refused++;
            } catch (RuntimeException e) {
                throw new AssertionError(
                        "round " + round + ":\n" + new String(patch, StandardCharsets.ISO_8859_1),
                        e);
            }
            assertThat(System.nanoTime() - start)
                    .as("round %d", round)
                    .isLessThan(SLOWEST.toNanos());
        }
        assertThat(refused).isGreaterThan(ROUNDS / 4);
        assertThat(applied).isPositive();
    }

    private void run(byte[] bytes) {
        SourcePatch patch = SourcePatch.parse(List.of(new SourcePatch.Input("p", bytes)));
        PatchRules.refusals(patch).forEach(p -> assertThat(p.text()).isNotEmpty());
        for (PatchedFile file : PatchedTree.apply(tree, patch).files().values()) {
            assertThat(LineMarkers.pin(file).length).isGreaterThanOrEqualTo(file.patched().length);
            assertThat(file.originalLines()).hasSameSizeAs(Lines.of(file.patched()));
        }
    }

    /** Half of the time only the first file's patch, so that some still apply. */
    private static byte[] mutated(Random random) {
        String start =
                random.nextBoolean()
                        ? PATCH.substring(0, PATCH.indexOf("diff --git a/fs/b.c"))
                        : PATCH;
        List<String> lines = new ArrayList<>(Lines.of(start.getBytes(StandardCharsets.ISO_8859_1)));
        for (int n = random.nextInt(4); n >= 0; n--) {
            int at = random.nextInt(lines.size());
            String line = lines.get(at);
            int column = random.nextInt(line.length() + 1);
            String splice = SPLICES.get(random.nextInt(SPLICES.size()));
            switch (random.nextInt(6)) {
                case 0 -> lines.add(at, lines.get(random.nextInt(lines.size())));
                case 1 -> lines.set(at, "");
                case 2 ->
                        lines.set(at, line.substring(0, column) + splice + line.substring(column));
                case 3 -> lines.set(at, line.substring(0, column));
                case 4 -> lines.add(at, splice);
                default ->
                        lines.set(
                                at, line.replaceFirst("\\d+", String.valueOf(random.nextInt(30))));
            }
        }
        return Lines.join(lines);
    }
}
