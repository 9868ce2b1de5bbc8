package dev.rebootless.source.history;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The functions that a C file defines, told from the layout that the kernel's coding style asks for
 * ({@code Documentation/process/coding-style.rst}, 3 and 6): a function's head begins in the first
 * column, and so does the brace that ends it. Other layouts are not recognised; nothing is compiled
 * and no configuration is looked at.
 */
public final class FunctionNames {
    /** {@code SYSCALL_DEFINE3(open, …)} and other macros that make a function of their argument. */
    private static final Pattern DEFINING =
            Pattern.compile(
                    "(?:(?:COMPAT_)?SYSCALL_DEFINE\\d|BPF_CALL_\\d|DEFINE_IDTENTRY\\w*)\\((\\w+).*");

    private static final Pattern COMMENT_AT_END =
            Pattern.compile("\\s*(?:/\\*[^*]*\\*/|//.*)\\s*$");

    /** A head of more lines is none. */
    private static final int MAX_HEAD_LINES = 40;

    /**
     * A function in a file.
     *
     * @param first line of its head, from 1
     * @param last line, that of its closing brace
     */
    public record Definition(String name, int first, int last) {}

    private FunctionNames() {}

    /** The names that a file defines. */
    public static Set<String> of(List<String> lines) {
        Set<String> names = new TreeSet<>();
        definitions(lines).forEach(d -> names.add(d.name()));
        return names;
    }

    /** The functions of a file, in order. */
    public static List<Definition> definitions(List<String> lines) {
        List<Definition> found = new ArrayList<>();
        int i = 0;
        while (i < lines.size()) {
            String line = lines.get(i);
            if (!beginsHead(line)) {
                i++;
                continue;
            }
            int brace = openingBrace(lines, i);
            if (brace < 0) {
                i++;
                continue;
            }
            String name = name(lines.subList(i, brace + 1));
            int end = closingBrace(lines, brace);
            // With a semicolon behind it, the brace closed a type or an initialiser.
            if (name.isEmpty() || lines.get(end).startsWith("};")) {
                i = Math.max(i + 1, brace);
                continue;
            }
            found.add(new Definition(name, i + 1, end + 1));
            i = end + 1;
        }
        return found;
    }

    private static boolean beginsHead(String line) {
        return !line.isEmpty()
                && (Character.isLetter(line.charAt(0)) || line.charAt(0) == '_')
                && !line.startsWith("typedef")
                && !line.startsWith("EXPORT_SYMBOL");
    }

    /** The line of the brace that opens the body; below 0 when a statement ends before it. */
    private static int openingBrace(List<String> lines, int from) {
        for (int i = from; i < Math.min(lines.size(), from + MAX_HEAD_LINES); i++) {
            String line = COMMENT_AT_END.matcher(lines.get(i)).replaceFirst("").stripTrailing();
            if (line.equals("{")) {
                return hasInitialiser(lines.subList(from, i)) ? -1 : i;
            }
            if (line.endsWith("{") || (line.endsWith("}") && line.contains("{"))) {
                String head =
                        String.join(" ", lines.subList(from, i))
                                + " "
                                + line.substring(0, line.indexOf('{'));
                // Within a macro's arguments, a brace on an indented line opens a statement.
                boolean opens =
                        head.stripTrailing().endsWith(")")
                                && depth(head) == 0
                                && !head.contains("=");
                return opens ? i : -1;
            }
            if (line.endsWith(";") || line.startsWith("#") || (i > from && line.isEmpty())) {
                return -1;
            }
        }
        return -1;
    }

    private static int depth(String text) {
        int depth = 0;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            depth += c == '(' ? 1 : c == ')' ? -1 : 0;
        }
        return depth;
    }

    /** An equals sign outside of all brackets. */
    private static boolean hasInitialiser(List<String> head) {
        int depth = 0;
        String text = String.join(" ", head);
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            depth += c == '(' ? 1 : c == ')' ? -1 : 0;
            if (c == '=' && depth == 0) {
                return true;
            }
        }
        return false;
    }

    /**
     * Of the words before a bracket, outside of all others, the last that is not the kernel's for
     * an attribute ({@code __acquires(lock)} stands behind, {@code __printf(1, 2)} before); if all
     * look so, the first of a function's.
     */
    private static String name(List<String> head) {
        String text = String.join(" ", head);
        Matcher defining = DEFINING.matcher(text);
        if (defining.matches()) {
            return defining.group(1);
        }
        List<String> words = new ArrayList<>();
        int depth = 0;
        int word = -1;
        for (int i = 0; i < text.length() && text.charAt(i) != '{'; i++) {
            char c = text.charAt(i);
            boolean inWord = Character.isLetterOrDigit(c) || c == '_';
            if (inWord && word < 0) {
                word = i;
            } else if (c == '(') {
                if (depth == 0 && word >= 0) {
                    words.add(text.substring(word, endOfWord(text, word)));
                }
                depth++;
            } else if (c == ')') {
                depth--;
            }
            if (!inWord && c != ' ') {
                word = -1;
            } else if (c == ' ' && i + 1 < text.length() && text.charAt(i + 1) != '(') {
                word = -1;
            }
        }
        List<String> plain = words.stream().filter(w -> !w.startsWith("__")).toList();
        if (!plain.isEmpty()) {
            return plain.getLast();
        }
        return words.stream().filter(w -> !ATTRIBUTES.contains(w)).findFirst().orElse("");
    }

    private static int endOfWord(String text, int start) {
        int end = start;
        while (end < text.length()
                && (Character.isLetterOrDigit(text.charAt(end)) || text.charAt(end) == '_')) {
            end++;
        }
        return end;
    }

    /** include/linux/compiler_attributes.h and its like: those that take arguments. */
    private static final Set<String> ATTRIBUTES =
            Set.of(
                    "__attribute__",
                    "__printf",
                    "__scanf",
                    "__aligned",
                    "__section",
                    "__must_hold",
                    "__acquires",
                    "__releases",
                    "__cond_acquires",
                    "__alloc_size",
                    "__assume_aligned",
                    "__realloc_size",
                    "__diagnose_as",
                    "__no_sanitize",
                    "__typeof__");

    private static int closingBrace(List<String> lines, int brace) {
        String line = COMMENT_AT_END.matcher(lines.get(brace)).replaceFirst("").stripTrailing();
        if (line.endsWith("}")) {
            return brace;
        }
        for (int i = brace + 1; i < lines.size(); i++) {
            if (lines.get(i).startsWith("}")) {
                return i;
            }
        }
        return lines.size() - 1;
    }
}
