package dev.rebootless.source.compile;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Tokens of C, as far as declarations are told apart by them. */
final class CTokens {
    private static final Set<String> TYPE_WORDS =
            Set.of(
                    "void",
                    "char",
                    "short",
                    "int",
                    "long",
                    "float",
                    "double",
                    "signed",
                    "unsigned",
                    "_Bool",
                    "__int128",
                    "const",
                    "volatile");

    private CTokens() {}

    /**
     * The tokens of a text without comments: words, strings, each other character for itself, and
     * lines that start with {@code #} as a whole.
     */
    static List<String> of(String text) {
        List<String> tokens = new ArrayList<>();
        boolean lineStarts = true;
        int at = 0;
        while (at < text.length()) {
            char c = text.charAt(at);
            int start = at;
            if (c == '#' && lineStarts) {
                int end = text.indexOf('\n', at);
                at = end < 0 ? text.length() : end;
                tokens.add(text.substring(start, at).strip());
                continue;
            }
            at++;
            if (Character.isWhitespace(c)) {
                lineStarts |= c == '\n';
                continue;
            }
            lineStarts = false;
            if (c == '"' || c == '\'') {
                // A string ends on its line; an apostrophe in a skipped group is none.
                while (at < text.length() && text.charAt(at) != c && text.charAt(at) != '\n') {
                    at += text.charAt(at) == '\\' ? 2 : 1;
                }
                at = Math.min(at + 1, text.length());
            } else if (isWord(c)) {
                while (at < text.length() && isWord(text.charAt(at))) {
                    at++;
                }
            }
            tokens.add(text.substring(start, at));
        }
        return tokens;
    }

    private static boolean isWord(char c) {
        return Character.isLetterOrDigit(c) || c == '_' || c == '$';
    }

    /** Whether a token is an identifier or a keyword. */
    static boolean isName(String token) {
        return isWord(token.charAt(0)) && !Character.isDigit(token.charAt(0));
    }

    /**
     * A word of a basic type or of its qualifiers (C11, 6.7.2 and 6.7.3), which is never a name.
     */
    static boolean isTypeWord(String token) {
        return TYPE_WORDS.contains(token);
    }

    static boolean isTag(String token) {
        return token.equals("struct") || token.equals("union") || token.equals("enum");
    }

    /** The semicolon that ends what begins here, or the place behind all. */
    static int statementEnd(List<String> tokens, int from) {
        int i = from;
        while (i < tokens.size() && !tokens.get(i).equals(";")) {
            i = isOpen(tokens.get(i)) ? closing(tokens, i) + 1 : i + 1;
        }
        return Math.min(i, tokens.size());
    }

    static boolean isOpen(String token) {
        return token.equals("{") || token.equals("(") || token.equals("[");
    }

    /** Where a bracket is closed, or the place behind all. */
    static int closing(List<String> tokens, int open) {
        int depth = 0;
        for (int i = open; i < tokens.size(); i++) {
            switch (tokens.get(i)) {
                case "{", "(", "[" -> depth++;
                case "}", ")", "]" -> depth--;
                default -> {}
            }
            if (depth == 0) {
                return i;
            }
        }
        return tokens.size();
    }

    /** Where the bracket that closes here was opened, or -1. */
    static int opening(List<String> tokens, int close) {
        int depth = 0;
        for (int i = close; i >= 0; i--) {
            switch (tokens.get(i)) {
                case "}", ")", "]" -> depth++;
                case "{", "(", "[" -> depth--;
                default -> {}
            }
            if (depth <= 0) {
                return depth == 0 && i < close ? i : -1;
            }
        }
        return -1;
    }

    private static boolean isAttribute(String token) {
        return token.startsWith("__attribute") || token.startsWith("_Alignas");
    }

    /** The first token from here on that belongs to no attribute. */
    static int afterAttributes(List<String> tokens, int from) {
        int i = from;
        while (i + 1 < tokens.size()
                && isAttribute(tokens.get(i))
                && tokens.get(i + 1).equals("(")) {
            i = Math.min(closing(tokens, i + 1) + 1, tokens.size());
        }
        return i;
    }

    static List<String> withoutAttributes(List<String> tokens) {
        List<String> left = new ArrayList<>();
        for (int i = afterAttributes(tokens, 0); i < tokens.size(); ) {
            left.add(tokens.get(i));
            i = afterAttributes(tokens, i + 1);
        }
        return left;
    }

    /**
     * The attributes that may change how an object is laid out or aligned, in their order (gcc,
     * "Specifying Attributes of Types"): those that a compiler's type information does not show.
     */
    static List<String> layoutAttributes(List<String> tokens) {
        List<String> found = new ArrayList<>();
        for (int i = 0; i < tokens.size(); i++) {
            int end = afterAttributes(tokens, i);
            if (end > i) {
                String text = String.join(" ", tokens.subList(i, end));
                if (text.matches(
                        ".*(align|packed|mode|vector_size|storage_order|ms_struct|gcc_struct"
                                + "|_Alignas).*")) {
                    found.add(text);
                }
                i = end - 1;
            }
        }
        return found;
    }
}
