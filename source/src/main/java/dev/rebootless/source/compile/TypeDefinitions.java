package dev.rebootless.source.compile;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * The types that a preprocessed unit defines outside of functions, as tokens: everything that a
 * structure's layout can come from. Macros are expanded in it, so a size that a macro gives is seen
 * too, and one that an enumeration gives is seen as a change of that enumeration. Two units with
 * the same definitions lay out every object alike; of others nothing is known.
 *
 * @param byName the tokens of each definition; what has no name of its own goes by its first tokens
 */
record TypeDefinitions(Map<String, String> byName) {
    private static final int NAME_TOKENS = 4;

    static TypeDefinitions of(PreprocessedText unit) {
        return new TypeDefinitions(new Reader(tokens(unit.text())).read());
    }

    /**
     * The types that both have and define differently, and those that only this one has: a living
     * object may be of them.
     */
    SortedSet<String> changedIn(TypeDefinitions other) {
        SortedSet<String> changed = new TreeSet<>();
        byName.forEach((name, tokens) -> {
            if (!tokens.equals(other.byName.get(name))) {
                changed.add(name);
            }
        });
        return changed;
    }

    private static List<String> tokens(String text) {
        List<String> tokens = new ArrayList<>();
        int at = 0;
        while (at < text.length()) {
            char c = text.charAt(at);
            int start = at++;
            if (c == ' ' || c == '\n') {
                if (c == '\n' && at < text.length() && text.charAt(at) == '#') {
                    int end = text.indexOf('\n', at);
                    end = end < 0 ? text.length() : end;
                    tokens.add(text.substring(at, end));
                    at = end;
                }
                continue;
            }
            if (c == '"' || c == '\'') {
                while (at < text.length() && text.charAt(at) != c) {
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

    private static final class Reader {
        private final List<String> tokens;
        private final Map<String, String> found = new TreeMap<>();
        private int at;

        Reader(List<String> tokens) {
            this.tokens = tokens;
        }

        Map<String, String> read() {
            while (at < tokens.size()) {
                String token = tokens.get(at);
                switch (token) {
                    case "typedef" -> typedef();
                    case "struct", "union", "enum" -> tagged();
                    case "{" -> at = closing(at) + 1;
                    default -> {
                        if (token.startsWith("#") && token.contains("pack")) {
                            add("#pragma pack", token);
                        }
                        at++;
                    }
                }
            }
            return new LinkedHashMap<>(found);
        }

        private void typedef() {
            int end = statementEnd(at);
            List<String> words = tokens.subList(at, end);
            add("typedef " + typedefName(words), String.join(" ", words));
            if (words.contains("{")) {
                // A structure defined on the way has a name of its own.
                at++;
                int open = at;
                while (at < end && !isTag(tokens.get(at))) {
                    at++;
                }
                if (at < end) {
                    tagged();
                }
                at = Math.max(at, open);
            }
            at = end;
        }

        /** {@code typedef int (*name)(…)} or the last word before the end or a bracket. */
        private static String typedefName(List<String> words) {
            for (int i = 0; i + 2 < words.size(); i++) {
                if (words.get(i).equals("(") && words.get(i + 1).equals("*")) {
                    return words.get(i + 2);
                }
            }
            for (int i = words.size() - 1; i > 0; i--) {
                if (isWord(words.get(i).charAt(0))
                        && !Character.isDigit(words.get(i).charAt(0))
                        && (i + 1 == words.size() || words.get(i + 1).equals("["))) {
                    return words.get(i);
                }
            }
            return String.join(" ", words.subList(0, Math.min(NAME_TOKENS, words.size())));
        }

        private static boolean isTag(String token) {
            return token.equals("struct") || token.equals("union") || token.equals("enum");
        }

        private void tagged() {
            int start = at++;
            while (at < tokens.size() && tokens.get(at).startsWith("__attribute")) {
                at++;
                at = at < tokens.size() && tokens.get(at).equals("(") ? closing(at) + 1 : at;
            }
            String name = "";
            if (at < tokens.size() && isWord(tokens.get(at).charAt(0))) {
                name = tokens.get(at++);
            }
            if (at >= tokens.size() || !tokens.get(at).equals("{")) {
                // Only a mention. What follows may be a function.
                return;
            }
            // With the attributes behind the brace, as packed or aligned.
            int end = statementEnd(at);
            List<String> words = tokens.subList(start, end);
            String key =
                    name.isEmpty()
                            ? String.join(
                                    " ", words.subList(0, Math.min(2 + NAME_TOKENS, words.size())))
                            : tokens.get(start) + " " + name;
            add(key, String.join(" ", words));
            at = end;
        }

        /** Two units may define several of a key; all count, in their order. */
        private void add(String key, String text) {
            found.merge(key, text, (a, b) -> a + " ; " + b);
        }

        /** The semicolon that ends what begins here, or a mark beyond all. */
        private int statementEnd(int from) {
            int i = from;
            while (i < tokens.size() && !tokens.get(i).equals(";")) {
                i = isOpen(tokens.get(i)) ? closing(i) + 1 : i + 1;
            }
            return Math.min(i, tokens.size());
        }

        private static boolean isOpen(String token) {
            return token.equals("{") || token.equals("(") || token.equals("[");
        }

        private int closing(int open) {
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
    }
}
