package dev.rebootless.source.compile;

import dev.rebootless.base.Hashes;
import java.nio.charset.StandardCharsets;

/**
 * What the preprocessor made of a unit, without what no code depends on: line markers ({@code # 12
 * "file.h"}, cpp "Preprocessor Output"; {@code __LINE__} is expanded by then, and there is no debug
 * information) and the amount of white space. Two units of one such text are compiled to the same
 * object.
 *
 * @param text the tokens, with one blank or line end where there was white space
 */
record PreprocessedText(String text) {
    /** Of C: a line end is a blank like any other, but around directives ({@code #pragma}). */
    static PreprocessedText ofC(String output) {
        StringBuilder out = new StringBuilder(output.length());
        for (int start = 0; start < output.length(); ) {
            int end = output.indexOf('\n', start);
            end = end < 0 ? output.length() : end;
            if (output.charAt(start) == '#') {
                if (!isMarker(output, start)) {
                    out.append('\n').append(output, start, end).append('\n');
                }
            } else {
                line(output, start, end, out);
            }
            start = end + 1;
        }
        return new PreprocessedText(out.toString());
    }

    /** Of assembler or a linker script: lines are statements; only empty ones are left out. */
    static PreprocessedText ofLines(String output) {
        StringBuilder out = new StringBuilder(output.length());
        output.lines()
                .filter(l -> !l.isBlank() && !(l.startsWith("#") && isMarker(l, 0)))
                .forEach(l -> out.append(l.strip()).append('\n'));
        return new PreprocessedText(out.toString());
    }

    String sha256() {
        return Hashes.sha256(text.getBytes(StandardCharsets.ISO_8859_1));
    }

    private static boolean isMarker(String text, int at) {
        return text.startsWith("# ", at)
                && at + 2 < text.length()
                && Character.isDigit(text.charAt(at + 2));
    }

    private static void line(String in, int from, int to, StringBuilder out) {
        char quote = 0;
        for (int i = from; i < to; i++) {
            char c = in.charAt(i);
            if (quote != 0) {
                out.append(c);
                if (c == '\\' && i + 1 < to) {
                    out.append(in.charAt(++i));
                } else if (c == quote) {
                    quote = 0;
                }
            } else if (c == ' ' || c == '\t' || c == '\f' || c == '\r') {
                blank(out);
            } else {
                quote = c == '"' || c == '\'' ? c : 0;
                out.append(c);
            }
        }
        if (quote != 0) {
            // No string of C ends later; whatever this is, its lines stay as they are.
            out.append('\n');
        } else {
            blank(out);
        }
    }

    private static void blank(StringBuilder out) {
        int last = out.length() - 1;
        if (last >= 0 && out.charAt(last) != ' ' && out.charAt(last) != '\n') {
            out.append(' ');
        }
    }
}
