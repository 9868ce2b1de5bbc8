package dev.rebootless.source.patch;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.base.Subprocess;
import dev.rebootless.source.compile.TestTree;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** GNU patch and git apply are asked for the same, on generated edits of real files. */
class PatchOracleTest {
    private static final String PATH = "kernel/x.c";

    @TempDir Path temp;

    @Test
    void whatPatchAndGitApplyDoCleanlyComesOutTheSame() throws IOException {
        long seed = 20_261_122;
        System.out.println("seed " + seed);
        RandomEdits edits = new RandomEdits(seed);
        int exact = 0;
        int moved = 0;
        int refusedByAll = 0;
        int stricter = 0;
        Path tree = Files.createDirectories(temp.resolve("tree"));
        Files.createDirectories(tree.resolve("kernel"));
        for (Path file : RandomEdits.kernelFiles(TestTree.get().tree(), 4, "kernel", "mm", "fs")) {
            List<String> before = Lines.of(Files.readAllBytes(file));
            List<String> after = edits.edited(before, 1 + edits.next(12));
            String diff = RandomEdits.diff(temp, before, after, PATH, 1 + edits.next(4));
            if (diff.isEmpty()) {
                continue;
            }
            // Every second time for a file that has changed meanwhile.
            boolean other = edits.next(2) == 0;
            List<String> target = other ? edits.edited(before, 1 + edits.next(6)) : before;
            byte[] content = Lines.join(target);
            Files.write(tree.resolve(PATH), content);

            Optional<byte[]> gnu = gnuPatch(content, diff);
            Optional<byte[]> git = gitApply(content, diff);
            Result ours = ours(tree, diff);
            if (!other) {
                assertThat(ours.content()).as("%s %s", file, ours.problems()).isPresent();
                assertThat(ours.content().orElseThrow()).isEqualTo(Lines.join(after));
                assertThat(gnu.orElseThrow()).isEqualTo(Lines.join(after));
                exact++;
            } else if (ours.content().isPresent()) {
                gnu.ifPresent(
                        g -> assertThat(ours.content().orElseThrow()).as("%s", file).isEqualTo(g));
                git.ifPresent(
                        g -> assertThat(ours.content().orElseThrow()).as("%s", file).isEqualTo(g));
                assertThat(gnu)
                        .as("we never apply what patch without fuzz refuses: %s", file)
                        .isPresent();
                moved++;
            } else if (gnu.isEmpty() && git.isEmpty()) {
                refusedByAll++;
            } else {
                // They take the nearest of several places; we take none of them.
                assertThat(ours.problems())
                        .as("%s", file)
                        .anyMatch(p -> p.message().contains("it fits"));
                stricter++;
            }
        }
        System.out.printf(
                "exact %d, moved %d, refused by all %d, stricter %d%n",
                exact, moved, refusedByAll, stricter);
        assertThat(exact).isGreaterThan(20);
        assertThat(moved).isGreaterThan(10);
        assertThat(stricter).isLessThan(moved);
    }

    private record Result(Optional<byte[]> content, List<Problem> problems) {}

    private static Result ours(Path tree, String diff) {
        try {
            SourcePatch patch =
                    SourcePatch.parse(
                            List.of(
                                    new SourcePatch.Input(
                                            "p", diff.getBytes(StandardCharsets.UTF_8))));
            byte[] content = PatchedTree.apply(tree, patch).file(PATH).patched();
            return new Result(Optional.of(content), List.of());
        } catch (RebootlessException e) {
            return new Result(Optional.empty(), e.problems());
        }
    }

    private Optional<byte[]> gnuPatch(byte[] content, String diff) throws IOException {
        return apply(
                content,
                diff,
                "gnu",
                List.of("patch", "-p1", "--fuzz=0", "-s", "-f", "-i", "../p"));
    }

    private Optional<byte[]> gitApply(byte[] content, String diff) throws IOException {
        return apply(content, diff, "git", List.of("git", "apply", "--whitespace=nowarn", "../p"));
    }

    private Optional<byte[]> apply(byte[] content, String diff, String name, List<String> command)
            throws IOException {
        Path folder = Files.createDirectories(temp.resolve(name));
        Path file = folder.resolve(PATH);
        Files.createDirectories(file.getParent());
        Files.write(file, content);
        Files.writeString(temp.resolve("p"), diff);
        List<String> words = new ArrayList<>(command);
        Subprocess.Result result =
                Subprocess.of(words).in(folder).with("GIT_CEILING_DIRECTORIES", "/").run();
        return result.ok() ? Optional.of(Files.readAllBytes(file)) : Optional.empty();
    }
}
