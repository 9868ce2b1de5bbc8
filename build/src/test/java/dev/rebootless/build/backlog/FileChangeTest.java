package dev.rebootless.build.backlog;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.source.history.SourceDifference;
import dev.rebootless.source.patch.PatchedTree;
import dev.rebootless.source.patch.SourcePatch;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FileChangeTest {
    private static final String GAP = "\n\n\n\n\n\n\n\n";

    private static final String OLDER =
            "static int first(int a)\n{\n\treturn a;\n}\n"
                    + GAP
                    + "static int second(int a)\n{\n\treturn a + 1;\n}\nEXPORT_SYMBOL_GPL(second);\n"
                    + GAP
                    + "static int third(int a)\n{\n\treturn a + 2;\n}\n";

    /** A helper that the third function uses, and a change of the first that is nobody's. */
    private static final String NEWER =
            "static int first(int a)\n{\n\treturn -a;\n}\n"
                    + GAP
                    + "static int second(int a)\n{\n\treturn a + 1;\n}\n"
                    + GAP
                    + "static int helper(int a)\n{\n\treturn a * 2;\n}\nEXPORT_SYMBOL(helper);\n"
                    + GAP
                    + "static int third(int a)\n{\n\treturn helper(a) + 2;\n}\n";

    @TempDir private Path folder;

    private SourceDifference difference() throws IOException {
        Files.createDirectories(folder.resolve("a/fs"));
        Files.createDirectories(folder.resolve("b/fs"));
        Files.writeString(folder.resolve("a/fs/x.c"), OLDER);
        Files.writeString(folder.resolve("b/fs/x.c"), NEWER);
        return SourceDifference.of(
                "1-1", folder.resolve("a"), "1-2", folder.resolve("b"), folder.resolve("kept"));
    }

    private String applied(String diff) {
        SourcePatch patch =
                SourcePatch.parse(
                        List.of(
                                new SourcePatch.Input(
                                        "x.patch", diff.getBytes(StandardCharsets.ISO_8859_1))));
        return new String(
                PatchedTree.apply(folder.resolve("a"), patch).file("fs/x.c").patched(),
                StandardCharsets.ISO_8859_1);
    }

    private static Set<Integer> all(FileChange change) {
        Set<Integer> all = new TreeSet<>();
        for (int i = 0; i < change.size(); i++) {
            all.add(i);
        }
        return all;
    }

    @Test
    void allHunksMakeTheNewerFileButForItsExports() throws IOException {
        FileChange change = FileChange.of(difference(), "fs/x.c");
        assertThat(applied(change.diff(all(change))))
                .isEqualTo(
                        NEWER.replace("EXPORT_SYMBOL(helper);\n", "")
                                .replace(
                                        "return a + 1;\n}\n",
                                        "return a + 1;\n}\nEXPORT_SYMBOL_GPL(second);\n"));
    }

    @Test
    void theFunctionsThatItChangesAreFoundOnBothSides() throws IOException {
        assertThat(FileChange.of(difference(), "fs/x.c").functions())
                .containsExactly("first", "helper", "third");
    }

    @Test
    void oneFunctionsHunksBringTheHelperAndLeaveTheOthers() throws IOException {
        FileChange change = FileChange.of(difference(), "fs/x.c");
        String patched = applied(change.diff(change.closure(change.changing(Set.of("third")))));
        assertThat(patched).contains("helper(a) + 2", "static int helper").contains("\treturn a;");
    }

    @Test
    void aNameIsBroughtOnlyByTheHunkThatIsNewWithIt() throws IOException {
        FileChange change = FileChange.of(difference(), "fs/x.c");
        assertThat(change.bringing(Set.of("helper"))).isNotEmpty();
        assertThat(change.bringing(Set.of("first"))).isEmpty();
    }
}
