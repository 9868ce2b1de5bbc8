package dev.rebootless.source.patch;

import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Follows C source line by line, only as far as is needed to know where a preprocessor directive
 * may be inserted: outside comments and string literals, not in a continued line, not within
 * parentheses (a directive among the arguments of a macro is undefined, C11 6.10.3 paragraph 11).
 *
 * <p>It sees the text before preprocessing. The branches of a conditional each start from the depth
 * that the {@code #if} was met with, so {@code #if} … {@code if (a &&} … {@code #else} … {@code if
 * (b &&} … {@code #endif} counts one parenthesis, not two.
 */
final class CLineScanner {
    /** A conditional deeper than this comes from no kernel source. */
    private static final int MAX_CONDITIONALS = 1_000;

    /** What the line just read did to the conditionals. */
    enum Conditional {
        NONE,
        OPENED,
        /** {@code #else}, {@code #elif}: another branch begins. */
        SWITCHED,
        CLOSED
    }

    private boolean inComment;

    /** The quote that is open at the line's end because of a continuation, or 0. */
    private char openQuote;

    private boolean inLineComment;
    private boolean inDirective;
    private boolean continued;
    private int depth;
    private final Deque<Integer> depthAtIf = new ArrayDeque<>();

    /** Whether a directive may stand before the next line. */
    boolean directiveMayFollow() {
        return !inComment && !continued && !inDirective && depth == 0;
    }

    /** How many parentheses are open. */
    int depth() {
        return depth;
    }

    /** Reads the next line, with or without its line end. */
    Conditional read(String line) {
        int end = contentEnd(line);
        // gcc joins lines even where blanks stand between the backslash and the line end.
        boolean continues = end > 0 && line.charAt(end - 1) == '\\' && line.endsWith("\n");
        if (continues) {
            end--;
        }
        Conditional conditional = Conditional.NONE;
        int from = 0;
        if (!continued && !inComment) {
            inLineComment = false;
            openQuote = 0;
            inDirective = false;
            from = skipBlanksAndComments(line, end);
            if (!inComment && from < end && line.charAt(from) == '#') {
                inDirective = true;
                conditional = conditional(line, from + 1, end);
            }
        }
        scan(line, from, end);
        continued = continues;
        if (!continues && !inComment) {
            inDirective = false;
        }
        return conditional;
    }

    private void scan(String line, int from, int end) {
        int at = from;
        while (at < end && !inLineComment) {
            char c = line.charAt(at);
            char following = at + 1 < end ? line.charAt(at + 1) : 0;
            if (inComment) {
                if (c == '*' && following == '/') {
                    inComment = false;
                    at++;
                }
            } else if (openQuote != 0) {
                if (c == '\\') {
                    at++;
                } else if (c == openQuote) {
                    openQuote = 0;
                }
            } else if (c == '/' && following == '*') {
                inComment = true;
                at++;
            } else if (c == '/' && following == '/') {
                inLineComment = true;
            } else if (c == '"' || c == '\'') {
                openQuote = c;
            } else if (!inDirective && c == '(') {
                depth++;
            } else if (!inDirective && c == ')') {
                depth = Math.max(0, depth - 1);
            }
            at++;
        }
    }

    /**
     * Where the first token of the line starts; a comment may end, or begin and not end, before.
     */
    private int skipBlanksAndComments(String line, int end) {
        int at = 0;
        while (at < end) {
            if (Character.isWhitespace(line.charAt(at))) {
                at++;
            } else if (line.startsWith("/*", at)) {
                int close = line.indexOf("*/", at + 2);
                if (close < 0 || close + 2 > end) {
                    return at;
                }
                at = close + 2;
            } else {
                return at;
            }
        }
        return at;
    }

    private Conditional conditional(String line, int from, int end) {
        int start = from;
        while (start < end && Character.isWhitespace(line.charAt(start))) {
            start++;
        }
        int stop = start;
        while (stop < end && Character.isLetter(line.charAt(stop))) {
            stop++;
        }
        return switch (line.substring(start, stop)) {
            case "if", "ifdef", "ifndef" -> {
                if (depthAtIf.size() < MAX_CONDITIONALS) {
                    depthAtIf.push(depth);
                }
                yield Conditional.OPENED;
            }
            case "else", "elif", "elifdef", "elifndef" -> {
                depth = depthAtIf.isEmpty() ? depth : depthAtIf.peek();
                yield Conditional.SWITCHED;
            }
            case "endif" -> {
                if (!depthAtIf.isEmpty()) {
                    depthAtIf.pop();
                }
                yield Conditional.CLOSED;
            }
            default -> Conditional.NONE;
        };
    }

    /** The line's length without its line end and the blanks before it. */
    private static int contentEnd(String line) {
        int end = line.length();
        while (end > 0 && Character.isWhitespace(line.charAt(end - 1))) {
            end--;
        }
        return end;
    }
}
