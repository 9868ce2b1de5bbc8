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
        return applied(diff, "fs/x.c");
    }

    private String applied(String diff, String path) {
        SourcePatch patch =
                SourcePatch.parse(
                        List.of(
                                new SourcePatch.Input(
                                        "x.patch", diff.getBytes(StandardCharsets.ISO_8859_1))));
        return new String(
                PatchedTree.apply(folder.resolve("a"), patch).file(path).patched(),
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

    private FileChange header(String older, String newer) throws IOException {
        Files.createDirectories(folder.resolve("a/fs"));
        Files.createDirectories(folder.resolve("b/fs"));
        Files.writeString(folder.resolve("a/fs/x.h"), older);
        Files.writeString(folder.resolve("b/fs/x.h"), newer);
        return FileChange.of(
                SourceDifference.of(
                        "1-1",
                        folder.resolve("a"),
                        "1-2",
                        folder.resolve("b"),
                        folder.resolve("kept")),
                "fs/x.h");
    }

    private String header(String diff) {
        return applied(diff, "fs/x.h");
    }

    @Test
    void aHeadersNewDeclarationIsTakenWithoutTheOthersBesideIt() throws IOException {
        String older = "int first(void);\nint second(int a);" + GAP + "int third(void);\n";
        String newer =
                "int first(void);\nint helper(int a);\n#define OTHER 1\nint second(long a);"
                        + GAP
                        + "int late(void);\nint third(void);\n";
        FileChange change = header(older, newer);
        assertThat(header(change.diff(change.gaining("helper"))))
                .isEqualTo(older.replace(GAP, "\nint helper(int a);" + GAP));
        Set<Integer> both = new TreeSet<>(change.gaining("helper"));
        both.addAll(change.gaining("OTHER"));
        both.addAll(change.gaining("late"));
        assertThat(header(change.diff(both)))
                .isEqualTo(
                        older.replace(
                                GAP,
                                "\nint helper(int a);\n#define OTHER 1\nint late(void);" + GAP));
        // With the hunk in whose place it would stand, it comes with that.
        Set<Integer> mixed = new TreeSet<>(change.gaining("helper"));
        mixed.addAll(change.declaring("second"));
        assertThat(header(change.diff(mixed))).isEqualTo(newer.replace("int late(void);\n", ""));
        assertThat(change.gaining("second")).isEmpty();
    }

    @Test
    void aDeclarationThatChangesOnAnotherLineThanItsNamesIsFound() throws IOException {
        FileChange change =
                header(
                        "int first(void);\nint many(int a,\n\t int b);\n"
                                + GAP
                                + "int third(void);\n",
                        "int first(void);\nint many(int a,\n\t long b);\n"
                                + GAP
                                + "long third(void);\n");
        assertThat(change.declaring("many")).containsExactly(0);
        assertThat(change.declaring("first")).isEmpty();
        assertThat(change.declaring("third")).containsExactly(1);
    }
}
