package dev.rebootless.build;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.source.kit.Kit;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Patches made from the kit's own source, so that they fit whatever version apt serves. */
final class Edits {
    private static final int CONTEXT = 3;

    private Edits() {}

    /**
     * A patch of one hunk.
     *
     * @param folder where it is written
     * @param was whole lines that the file has once
     * @param is what takes their place, whole lines
     */
    static Path replace(Path folder, Kit kit, String path, String was, String is)
            throws IOException {
        String text = Files.readString(kit.tree().resolve(path), StandardCharsets.ISO_8859_1);
        int at = text.indexOf(was);
        assertThat(at).as("%s has: %s", path, was).isNotNegative();
        assertThat(text.indexOf(was, at + 1)).as("%s has twice: %s", path, was).isNegative();
        List<String> lines = text.lines().toList();
        int first = (int) text.substring(0, at).lines().count();
        int last = first + (int) was.lines().count();
        int start = Math.max(0, first - CONTEXT);
        int end = Math.min(lines.size(), last + CONTEXT);
        StringBuilder patch = new StringBuilder("--- a/" + path + "\n+++ b/" + path + "\n");
        long added = is.lines().count() - (last - first);
        patch.append(
                "@@ -%d,%d +%d,%d @@\n"
                        .formatted(start + 1, end - start, start + 1, end - start + added));
        lines.subList(start, first).forEach(l -> patch.append(" " + l + "\n"));
        was.lines().forEach(l -> patch.append("-" + l + "\n"));
        is.lines().forEach(l -> patch.append("+" + l + "\n"));
        lines.subList(last, end).forEach(l -> patch.append(" " + l + "\n"));
        Path file = Files.createTempFile(folder, "edit-", ".patch");
        return Files.writeString(file, patch.toString(), StandardCharsets.ISO_8859_1);
    }
}
