package dev.rebootless.build.runpre;

import dev.rebootless.base.Subprocess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/** Source patches made by the tests. */
final class Patches {
    private static final int CONTEXT = 3;

    private Patches() {}

    /**
     * A patch that puts one line behind another, which must stand in the file once.
     *
     * @param path of the file in the tree
     * @param after the text of the line, without white space at its ends
     */
    static Path insert(Path tree, String path, String after, String line, Path folder) {
        return change(tree, path, after, List.of(), List.of(line), folder);
    }

    /** A patch that replaces one line, which must stand in the file once. */
    static Path replace(Path tree, String path, String before, String line, Path folder) {
        return change(tree, path, before, List.of(before), List.of(line), folder);
    }

    private static Path change(
            Path tree,
            String path,
            String at,
            List<String> removed,
            List<String> added,
            Path folder) {
        try {
            List<String> lines =
                    Files.readAllLines(
                            tree.resolve(path), java.nio.charset.StandardCharsets.ISO_8859_1);
            List<Integer> places = new ArrayList<>();
            for (int i = 0; i < lines.size(); i++) {
                if (lines.get(i).strip().equals(at)) {
                    places.add(i);
                }
            }
            if (places.size() != 1) {
                throw new IllegalStateException(
                        path + " has " + places.size() + " lines like this: " + at);
            }
            return write(path, lines, places.getFirst(), !removed.isEmpty(), added, folder);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    /** A patch that makes of a file what the change makes of its text. */
    static Path edit(Path tree, String path, UnaryOperator<String> change, Path folder) {
        try {
            Path before = tree.resolve(path);
            String text = Files.readString(before);
            Path after = Files.createTempFile(folder, "after-", ".c");
            Files.writeString(after, change.apply(text));
            Subprocess.Result diff =
                    Subprocess.of(
                                    "diff",
                                    "-u",
                                    "--label",
                                    "a/" + path,
                                    "--label",
                                    "b/" + path,
                                    before.toString(),
                                    after.toString())
                            .run();
            // diff(1): 1 if there are differences.
            if (diff.status() != 1) {
                throw new IllegalStateException("nothing to change in " + path + diff.err());
            }
            Path file = Files.createTempFile(folder, "test-", ".patch");
            Files.writeString(file, diff.out());
            return file;
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    /** A patch that puts a line behind the one of this index, from 0. */
    static Path insertBehind(Path tree, String path, int index, String line, Path folder) {
        try {
            List<String> lines =
                    Files.readAllLines(
                            tree.resolve(path), java.nio.charset.StandardCharsets.ISO_8859_1);
            return write(path, lines, index, false, List.of(line), folder);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private static Path write(
            String path,
            List<String> lines,
            int at,
            boolean replaces,
            List<String> added,
            Path folder)
            throws IOException {
        int from = Math.max(0, at - CONTEXT);
        int to = Math.min(lines.size(), at + 1 + CONTEXT);
        List<String> hunk = new ArrayList<>();
        for (int i = from; i < to; i++) {
            hunk.add((i == at && replaces ? "-" : " ") + lines.get(i));
            if (i == at) {
                added.forEach(l -> hunk.add("+" + l));
            }
        }
        int before = to - from;
        int after = before + added.size() - (replaces ? 1 : 0);
        Path file = Files.createTempFile(folder, "test-", ".patch");
        Files.writeString(
                file,
                "--- a/%s\n+++ b/%s\n@@ -%d,%d +%d,%d @@\n%s\n"
                        .formatted(
                                path,
                                path,
                                from + 1,
                                before,
                                from + 1,
                                after,
                                String.join("\n", hunk)),
                java.nio.charset.StandardCharsets.ISO_8859_1);
        return file;
    }
}
