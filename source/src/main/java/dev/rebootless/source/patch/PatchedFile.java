package dev.rebootless.source.patch;

import java.util.List;
import java.util.OptionalInt;

/**
 * One file of the tree before and after all patches.
 *
 * @param path relative to the tree
 * @param originalLines for each line of the patched text the line of the original that it is, from
 *     1; 0 for a line that a patch added
 * @param hunks what was applied, in order
 */
public record PatchedFile(
        String path,
        byte[] original,
        byte[] patched,
        List<Integer> originalLines,
        List<AppliedHunk> hunks) {
    /**
     * A hunk and where it went.
     *
     * @param line where its first line stood when it was applied, from 1
     * @param offset how many lines that is below where the patch says; 0 nearly always
     */
    public record AppliedHunk(Hunk hunk, int line, int offset) {}

    public PatchedFile {
        originalLines = List.copyOf(originalLines);
        hunks = List.copyOf(hunks);
    }

    /** The line of the original that a line of the patched text is; both count from 1. */
    public OptionalInt originalLine(int patchedLine) {
        int line = originalLines.get(patchedLine - 1);
        return line == 0 ? OptionalInt.empty() : OptionalInt.of(line);
    }
}
