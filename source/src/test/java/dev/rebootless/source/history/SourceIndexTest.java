package dev.rebootless.source.history;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where functions are defined, asked once and asked often. */
class SourceIndexTest {
    @TempDir private Path folder;

    private void file(String path, String... functions) throws IOException {
        Path file = folder.resolve("tree").resolve(path);
        Files.createDirectories(file.resolveSibling("."));
        StringBuilder text = new StringBuilder();
        for (String function : functions) {
            text.append("static int ").append(function).append("(void)\n{\n\treturn 0;\n}\n\n");
        }
        Files.writeString(file, text);
    }

    @Test
    void aNameIsFoundWhereItIsDefinedAndNotWhereItIsPartOfAnother() throws IOException {
        file("a/first.c", "open", "do_open");
        file("b/second.c", "open_it", "close", "open");
        file("b/header.h");
        SourceIndex index =
                SourceIndex.of(folder.resolve("tree"), folder.resolve("cache"), message -> {});
        assertThat(index.files()).containsExactly("a/first.c", "b/header.h", "b/second.c");
        List<SortedSet<String>> answers = new ArrayList<>();
        // At first the text is searched, later there is a map.
        for (int i = 0; i < 200; i++) {
            answers.add(index.definedIn("open"));
            assertThat(index.definedIn("open_it")).containsExactly("b/second.c");
            assertThat(index.definedIn("ope")).isEmpty();
            assertThat(index.definedIn("a/first.c")).isEmpty();
        }
        assertThat(answers)
                .containsOnly(new java.util.TreeSet<>(List.of("a/first.c", "b/second.c")));
        // Kept, and read again.
        assertThat(
                        SourceIndex.of(
                                        folder.resolve("tree"),
                                        folder.resolve("cache"),
                                        message -> {})
                                .definedIn("do_open"))
                .containsExactly("a/first.c");
    }
}
