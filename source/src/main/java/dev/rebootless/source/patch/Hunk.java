package dev.rebootless.source.patch;

import java.util.List;

/**
 * One hunk of a unified diff (POSIX.1-2017, {@code diff}, "Diff -u or -U Output Format").
 *
 * @param place where it stands in the patch, as {@code NAME:LINE}
 * @param oldStart the first line in the old file, from 1; with no old lines the line before it,
 *     from 0
 * @param newStart as oldStart, in the new file
 */
public record Hunk(String place, int oldStart, int newStart, List<Line> lines) {
    /** What happens to a line. */
    public enum Role {
        CONTEXT,
        REMOVED,
        ADDED
    }

    /**
     * A line of a hunk.
     *
     * @param text the line with its line end, one char per byte (ISO 8859-1); without a line end
     *     only where the file ends without one
     */
    public record Line(Role role, String text) {}

    public Hunk {
        lines = List.copyOf(lines);
    }

    /** The lines that the old file must have: context and removed ones. */
    public List<String> before() {
        return lines.stream().filter(l -> l.role() != Role.ADDED).map(Line::text).toList();
    }

    /** The lines that stand there afterwards: context and added ones. */
    public List<String> after() {
        return lines.stream().filter(l -> l.role() != Role.REMOVED).map(Line::text).toList();
    }

    /** The index, from 0, at which {@link #before} starts in the old file. */
    int oldIndex() {
        return before().isEmpty() ? oldStart : oldStart - 1;
    }
}
