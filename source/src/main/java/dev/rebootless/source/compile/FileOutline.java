package dev.rebootless.source.compile;

import dev.rebootless.source.patch.PatchedFile;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;

/**
 * Tells from the text of a {@code .c} file alone, in a millisecond, that a patch changes nothing
 * but statements within functions: then no declaration differs, and no preprocessor has to be
 * asked. Where the text leaves a doubt, the answer is no.
 */
final class FileOutline {
    /** Everything but what stands within functions; preprocessor directives from everywhere. */
    private final List<String> outline = new ArrayList<>();

    /** The statement at hand, outside of functions. */
    private final List<String> statement = new ArrayList<>();

    private final Deque<Integer> depthAtIf = new ArrayDeque<>();
    private int depth;
    private int parentheses;
    private boolean inFunction;
    private boolean doubtful;

    private FileOutline() {}

    /** Whether it is certain that a patch changes only statements within functions of a file. */
    static boolean onlyStatementsDiffer(PatchedFile file) {
        Optional<List<String>> before = of(file.original());
        return before.isPresent() && before.equals(of(file.patched()));
    }

    /** Empty where braces and conditionals do not go together. */
    static Optional<List<String>> of(byte[] file) {
        FileOutline outline = new FileOutline();
        List<String> tokens =
                CTokens.of(withoutComments(new String(file, StandardCharsets.ISO_8859_1)));
        for (int i = 0; i < tokens.size() && !outline.doubtful; i++) {
            outline.read(tokens, i);
        }
        boolean whole = outline.depth == 0 && outline.depthAtIf.isEmpty() && !outline.doubtful;
        return whole ? Optional.of(List.copyOf(outline.outline)) : Optional.empty();
    }

    private void read(List<String> tokens, int at) {
        String token = tokens.get(at);
        if (token.startsWith("#")) {
            directive(token);
            return;
        }
        boolean wasInFunction = inFunction;
        switch (token) {
            case "{" -> {
                if (depth == 0) {
                    inFunction = parentheses == 0 && isHead(statement);
                    wasInFunction = false;
                }
                depth++;
            }
            case "}" -> {
                depth--;
                doubtful |= depth < 0;
                if (depth == 0 && inFunction) {
                    inFunction = false;
                    statement.clear();
                    // What ends with a semicolon may be a type that a macro begins.
                    doubtful |= at + 1 < tokens.size() && tokens.get(at + 1).equals(";");
                }
            }
            case "(" -> parentheses += inFunction ? 0 : 1;
            case ")" -> parentheses -= inFunction ? 0 : 1;
            default -> {}
        }
        if (!wasInFunction) {
            outline.add(token);
            statement.add(token);
            if (token.equals(";") && depth == 0 && parentheses == 0) {
                statement.clear();
            }
        } else if (CTokens.isTag(token) && defines(tokens, at)) {
            // A type of its own within the function: let the compiler's text decide.
            int open = tokens.subList(at, tokens.size()).indexOf("{") + at;
            outline.addAll(
                    tokens.subList(at, Math.min(CTokens.closing(tokens, open), tokens.size())));
        }
    }

    private static boolean defines(List<String> tokens, int tag) {
        int i = CTokens.afterAttributes(tokens, tag + 1);
        boolean named = i < tokens.size() && CTokens.isName(tokens.get(i));
        int open = named ? i + 1 : i;
        // A word more may be a macro with attributes.
        return tokens.subList(open, Math.min(open + 2, tokens.size())).contains("{");
    }

    /** Each branch of a conditional must leave the braces as it found them. */
    private void directive(String token) {
        outline.add(token.replaceAll("\\s+", " "));
        String word = token.substring(1).strip().split("\\W", 2)[0];
        switch (word) {
            case "if", "ifdef", "ifndef" -> depthAtIf.push(depth);
            case "else", "elif" ->
                    doubtful |= depthAtIf.isEmpty() || !depthAtIf.peek().equals(depth);
            case "endif" -> doubtful |= depthAtIf.isEmpty() || !depthAtIf.pop().equals(depth);
            default -> {}
        }
        if (depth == 0 && parentheses == 0) {
            statement.clear();
        }
    }

    /**
     * Whether a brace behind these tokens opens a function: they end with the parameters, nothing
     * is initialised, and no {@code struct name MACRO(…)} is being defined.
     */
    private static boolean isHead(List<String> statement) {
        if (statement.isEmpty() || !statement.getLast().equals(")") || statement.contains("=")) {
            return false;
        }
        int open = 0;
        for (int i = 0, level = 0; i < statement.size(); i++) {
            if (statement.get(i).equals("(")) {
                open = level++ == 0 ? i : open;
            } else if (statement.get(i).equals(")")) {
                level--;
            }
        }
        List<String> before = statement.subList(0, open);
        // With the word before the parameters as the function's name.
        return !before.isEmpty()
                && CTokens.isName(before.getLast())
                && (before.contains("*") || before.stream().noneMatch(CTokens::isTag))
                && !before.contains("typedef");
    }

    /** Comments become blanks, and continued lines one (C11 5.1.1.2). */
    static String withoutComments(String text) {
        StringBuilder out = new StringBuilder(text.length());
        char quote = 0;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '\\' && (text.startsWith("\n", i + 1) || text.startsWith("\r\n", i + 1))) {
                i += text.startsWith("\n", i + 1) ? 1 : 2;
            } else if (quote != 0) {
                out.append(c);
                if (c == '\\' && i + 1 < text.length()) {
                    out.append(text.charAt(++i));
                } else if (c == quote || c == '\n') {
                    // A string ends on its line; an apostrophe in a skipped group is none.
                    quote = 0;
                }
            } else if (text.startsWith("/*", i)) {
                int end = text.indexOf("*/", i + 2);
                i = end < 0 ? text.length() : end + 1;
                out.append(' ');
            } else if (text.startsWith("//", i)) {
                int end = text.indexOf('\n', i);
                // A line that ends with a backslash goes on, and so does its comment.
                while (end > 0
                        && (text.charAt(end - 1) == '\\'
                                || (text.charAt(end - 1) == '\r'
                                        && end > 1
                                        && text.charAt(end - 2) == '\\'))) {
                    end = text.indexOf('\n', end + 1);
                }
                i = (end < 0 ? text.length() : end) - 1;
            } else {
                quote = c == '"' || c == '\'' ? c : 0;
                out.append(c);
            }
        }
        return out.toString();
    }
}
