package dev.rebootless.source.patch;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Files as lists of lines that keep their line ends, one char per byte, so that joining them gives
 * the same bytes back whatever encoding the file is in.
 */
final class Lines {
    /** What a message quotes of a line. */
    private static final int QUOTED_CHARS = 120;

    private Lines() {}

    static List<String> of(byte[] content) {
        String text = new String(content, StandardCharsets.ISO_8859_1);
        List<String> lines = new ArrayList<>();
        int from = 0;
        while (from < text.length()) {
            int end = text.indexOf('\n', from);
            int next = end < 0 ? text.length() : end + 1;
            lines.add(text.substring(from, next));
            from = next;
        }
        return lines;
    }

    static byte[] join(List<String> lines) {
        return String.join("", lines).getBytes(StandardCharsets.ISO_8859_1);
    }

    /**
     * A line as messages show it: decoded, without line end, control characters or great length.
     */
    static String quote(String line) {
        String text =
                new String(line.getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8)
                        .stripTrailing()
                        .replace('\t', ' ')
                        .replaceAll("\\p{Cntrl}", "?");
        String shown = text.length() > QUOTED_CHARS ? text.substring(0, QUOTED_CHARS) + "…" : text;
        return "\"" + shown + "\"" + (line.endsWith("\n") ? "" : " (without a line end)");
    }
}
