package dev.rebootless.source.history;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.rebootless.base.Subprocess;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Two small trees, and what is kept of their difference. */
class SourceDifferenceTest {
    private static final String OLD = "6.1.170-3";
    private static final String NEW = "6.1.176-1";

    @TempDir private Path temp;
    private Path before;
    private Path after;
    private Path kept;

    @BeforeEach
    void trees() {
        before = temp.resolve("before");
        after = temp.resolve("after");
        kept = temp.resolve("cache/6.1.176-1");
    }

    private static void write(Path tree, String path, String content) throws IOException {
        Path file = tree.resolve(path);
        Files.createDirectories(file.resolveSibling("."));
        Files.writeString(file, content, StandardCharsets.ISO_8859_1);
    }

    private void both(String path, String old, String now) throws IOException {
        write(before, path, old);
        write(after, path, now);
    }

    private SourceDifference difference() {
        return SourceDifference.of(OLD, before, NEW, after, kept);
    }

    private List<String> files(Path folder) throws IOException {
        try (Stream<Path> walk = Files.walk(folder)) {
            return walk.filter(Files::isRegularFile)
                    .map(f -> folder.relativize(f).toString())
                    .sorted()
                    .toList();
        }
    }

    @Test
    void whatDiffersIsKeptWithBothItsTexts() throws IOException {
        both("fs/ext4/dir.c", "int a;\nint b;\n", "int a;\nint c;\n");
        both("include/linux/fs.h", "int x;\n", "int y;\n");
        both("fs/same.c", "int s;\n", "int s;\n");
        both("arch/x86/entry/entry_64.S", "nop\n", "ret\n");
        both("fs/Makefile", "obj-y := a.o\n", "obj-y := b.o\n");
        SourceDifference difference = difference();
        assertThat(difference.older()).isEqualTo(OLD);
        assertThat(difference.newer()).isEqualTo(NEW);
        assertThat(difference.changed())
                .containsExactly(
                        "arch/x86/entry/entry_64.S",
                        "fs/Makefile",
                        "fs/ext4/dir.c",
                        "include/linux/fs.h");
        assertThat(difference.olderLines("fs/ext4/dir.c")).containsExactly("int a;", "int b;");
        assertThat(difference.newerLines("fs/ext4/dir.c")).containsExactly("int a;", "int c;");
        assertThat(files(kept))
                .contains("old/fs/ext4/dir.c", "new/fs/ext4/dir.c")
                .doesNotContain("old/fs/same.c", "new/fs/same.c");
    }

    @Test
    void linesInAnyEncodingAreReadByteByByte() throws IOException {
        both("fs/x.c", "/* caf\u00e9 */\n", "/* caf\u00e9s */\n");
        assertThat(difference().olderLines("fs/x.c")).containsExactly("/* caf\u00e9 */");
    }

    @Test
    void whatDoesNotReachTheKernelIsLeftOut() throws IOException {
        both("Documentation/filesystems/ext4.rst", "a\n", "b\n");
        both("Documentation/x.c", "a\n", "b\n");
        both("tools/testing/selftests/x.c", "a\n", "b\n");
        both("samples/x.c", "a\n", "b\n");
        both("fs/README", "a\n", "b\n");
        both("MAINTAINERS", "a\n", "b\n");
        both("fs/x.c", "a\n", "b\n");
        assertThat(difference().changed()).containsExactly("fs/x.c");
        assertThat(files(kept)).noneMatch(f -> f.contains("Documentation"));
    }

    @Test
    void whatOnlyOneOfThemHasIsLeftOut() throws IOException {
        write(before, "fs/gone.c", "int a;\n");
        write(after, "fs/new.c", "int a;\n");
        both("fs/x.c", "a\n", "b\n");
        assertThat(difference().changed()).containsExactly("fs/x.c");
    }

    @Test
    void aLinkIsNoFileOfATree() throws IOException {
        both("fs/x.c", "a\n", "b\n");
        write(temp, "secret.c", "secret\n");
        write(after, "fs/link.c", "int a;\n");
        Files.createSymbolicLink(before.resolve("fs/link.c"), temp.resolve("secret.c"));
        write(before, "fs/other.c", "int a;\n");
        Files.createSymbolicLink(after.resolve("fs/other.c"), temp.resolve("secret.c"));
        assertThat(difference().changed()).containsExactly("fs/x.c");
    }

    @Test
    void whatWasKeptIsTheSameAsWhatWasMade() throws IOException {
        both("fs/x.c", "a\n", "b\n");
        assertThat(SourceDifference.kept(OLD, NEW, kept)).isEmpty();
        SourceDifference made = difference();
        assertThat(SourceDifference.kept(OLD, NEW, kept)).contains(made);
        assertThat(made.changed()).containsExactly("fs/x.c");
    }

    @Test
    void treesThatAreTheSameLeaveADifferenceOfNothing() throws IOException {
        both("fs/x.c", "a\n", "a\n");
        assertThat(difference().changed()).isEmpty();
        assertThat(SourceDifference.kept(OLD, NEW, kept).orElseThrow().changed()).isEmpty();
    }

    @Test
    void oneThatWasInterruptedDoesNotCount() throws IOException {
        both("fs/x.c", "a\n", "b\n");
        difference();
        // What a killed run leaves: the list of what changed is written last.
        Files.delete(kept.resolve("changed"));
        assertThat(SourceDifference.kept(OLD, NEW, kept)).isEmpty();
        write(kept, "old/fs/stale.c", "stale\n");
        assertThat(difference().changed()).containsExactly("fs/x.c");
        assertThat(SourceDifference.kept(OLD, NEW, kept)).isPresent();
        assertThat(files(kept)).doesNotContain("old/fs/stale.c");
    }

    @Test
    void whatAKilledRunLeftAsideIsCleared() throws IOException {
        both("fs/x.c", "a\n", "b\n");
        Path aside = kept.resolveSibling("." + kept.getFileName() + ".tmp");
        write(aside, "old/fs/stale.c", "stale\n");
        write(aside, "changed", "fs/stale.c\n");
        assertThat(difference().changed()).containsExactly("fs/x.c");
        assertThat(aside).doesNotExist();
        assertThat(files(kept)).containsExactly("changed", "new/fs/x.c", "old/fs/x.c");
    }

    @Test
    void whereATreeCannotBeReadNothingIsLeft() throws IOException {
        write(before, "fs/x.c", "a\n");
        assertThatThrownBy(this::difference).isInstanceOf(UncheckedIOException.class);
        assertThat(kept).doesNotExist();
        assertThat(SourceDifference.kept(OLD, NEW, kept)).isEmpty();
        assertThat(kept.resolveSibling("." + kept.getFileName() + ".tmp")).doesNotExist();
    }

    /** As patch(1) takes it, with exactly these lines changed. */
    private void applies(SourceDifference difference, String path) throws IOException {
        Path tree = Files.createDirectories(temp.resolve("applied"));
        Path file = tree.resolve(path);
        Files.createDirectories(file.resolveSibling("."));
        Files.copy(before.resolve(path), file, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        Path patch =
                Files.writeString(
                        temp.resolve("x.patch"),
                        difference.diff(path),
                        java.nio.charset.StandardCharsets.ISO_8859_1);
        Subprocess.Result result =
                Subprocess.of("patch", "-p1", "--fuzz=0", "-i", patch.toString()).in(tree).run();
        assertThat(result.ok()).as(result.all()).isTrue();
        assertThat(file).hasSameBinaryContentAs(after.resolve(path));
    }

    @Test
    void aDiffAppliesWithPatch() throws IOException {
        StringBuilder old = new StringBuilder();
        StringBuilder now = new StringBuilder();
        for (int i = 1; i <= 60; i++) {
            old.append("line ").append(i).append('\n');
            now.append(i == 7 || i == 50 ? "changed " : "line ").append(i).append('\n');
            now.append(i == 30 ? "added\n" : "");
        }
        both("fs/ext4/dir.c", old.toString(), now.toString());
        both("include/linux/fs.h", "int a;\n", "int a;\nint b;\n");
        SourceDifference difference = difference();
        assertThat(difference.diff("fs/ext4/dir.c"))
                .startsWith("--- a/fs/ext4/dir.c\n+++ b/fs/ext4/dir.c\n@@ -4,7 +4,7 @@\n line 4\n")
                .contains("\n-line 7\n+changed 7\n");
        applies(difference, "fs/ext4/dir.c");
        applies(difference, "include/linux/fs.h");
    }

    @Test
    void aDiffOfWhatEndsWithoutALineEndAppliesAsWell() throws IOException {
        both("fs/x.c", "int a;\nint b;", "int a;\nint c;\n");
        both("fs/y.c", "int a;\nint b;\n", "int a;\nint c;");
        both("fs/z.c", "", "int a;\n");
        SourceDifference difference = difference();
        applies(difference, "fs/x.c");
        applies(difference, "fs/y.c");
        applies(difference, "fs/z.c");
    }

    @Test
    void aDiffOfUtf8AppliesAsWell() throws IOException {
        Files.createDirectories(before.resolve("fs"));
        Files.createDirectories(after.resolve("fs"));
        Files.writeString(before.resolve("fs/x.c"), "/* Åland — */\nint a;\n");
        Files.writeString(after.resolve("fs/x.c"), "/* Åland — */\nint b; /* é */\n");
        applies(difference(), "fs/x.c");
    }

    @Test
    void aFileThatDoesNotDifferHasNoDiff() throws IOException {
        both("fs/x.c", "a\n", "b\n");
        both("fs/same.c", "a\n", "a\n");
        SourceDifference difference = difference();
        assertThatThrownBy(() -> difference.diff("fs/same.c"))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("fs/same.c");
        assertThatThrownBy(() -> difference.olderLines("fs/same.c"))
                .isInstanceOf(UncheckedIOException.class);
    }
}
