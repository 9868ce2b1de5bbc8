package dev.rebootless.source.compile;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What a preprocessed unit declares, as tokens: all that the layout of its types and the signatures
 * of its functions can come from. Macros are expanded in it, so a size that a macro gives is seen
 * too. Two units with the same declarations lay out every object alike; of others nothing is known
 * but what their types say when they are compared.
 *
 * @param types the definitions of types, such as {@code struct page}, {@code enum zone_type},
 *     {@code typedef pgd_t}; an enumeration without name under its first constant, a structure
 *     without name under the variable that has it ({@code variable ids}), one within a function
 *     under both ({@code struct s in f}); {@code #pragma pack}
 * @param functions the heads of functions, by name
 * @param variables the declarations of variables without what they are initialised with, by name
 */
record Declarations(
        SortedMap<String, String> types,
        SortedMap<String, String> functions,
        SortedMap<String, String> variables) {
    /** Stands in the key of a type that is defined within a function. */
    static final String WITHIN = " in ";

    static final String PACK = "#pragma pack";

    Declarations {
        types = Collections.unmodifiableSortedMap(types);
        functions = Collections.unmodifiableSortedMap(functions);
        variables = Collections.unmodifiableSortedMap(variables);
    }

    static Declarations of(PreprocessedText unit) {
        return new Reader(CTokens.of(unit.text())).read();
    }

    /** What differs in the declarations of the patched unit. */
    DeclarationChanges changesTo(Declarations patched) {
        SortedMap<String, DeclarationChanges.Change> changed = new TreeMap<>();
        types.forEach((name, before) -> {
            String after = patched.types.getOrDefault(name, "");
            int within = name.indexOf(WITHIN);
            // With the function all of its own types go.
            boolean goes =
                    within >= 0
                            && !patched.functions.containsKey(
                                    name.substring(within + WITHIN.length()));
            if (!after.equals(before) && !goes) {
                changed.put(name, new DeclarationChanges.Change(before, after));
            }
        });
        return new DeclarationChanges(
                changed,
                differing(functions, patched.functions, false),
                differing(variables, patched.variables, true));
    }

    private static Set<String> differing(
            Map<String, String> before, Map<String, String> after, boolean alsoGone) {
        Set<String> names = new HashSet<>();
        before.forEach((name, text) -> {
            String now = after.get(name);
            if (now == null ? alsoGone : !now.equals(text)) {
                names.add(name);
            }
        });
        return names;
    }

    /** The names that the definition of an enumeration gives to values. */
    static List<String> enumerators(List<String> definition) {
        List<String> names = new ArrayList<>();
        int open = definition.indexOf("{");
        for (int i = open + 1; open >= 0 && i < definition.size(); ) {
            if (CTokens.isName(definition.get(i))) {
                names.add(definition.get(i));
            }
            while (i < definition.size()
                    && !definition.get(i).equals(",")
                    && !definition.get(i).equals("}")) {
                i = CTokens.isOpen(definition.get(i)) ? CTokens.closing(definition, i) + 1 : i + 1;
            }
            if (i < definition.size() && definition.get(i).equals("}")) {
                break;
            }
            i++;
        }
        return names;
    }

    private static final class Reader {
        private final List<String> tokens;
        private final SortedMap<String, String> types = new TreeMap<>();
        private final SortedMap<String, String> functions = new TreeMap<>();
        private final SortedMap<String, String> variables = new TreeMap<>();
        private int at;

        /** Where the statement at hand starts. */
        private int start;

        Reader(List<String> tokens) {
            this.tokens = tokens;
        }

        Declarations read() {
            while (at < tokens.size()) {
                String token = tokens.get(at);
                switch (token) {
                    case "typedef" -> {
                        typedef();
                        next();
                    }
                    case "struct", "union", "enum" -> tagged();
                    case ";" -> {
                        declaration();
                        next();
                    }
                    case "=" -> {
                        declaration();
                        at = CTokens.statementEnd(tokens, at);
                        next();
                    }
                    case "{" -> {
                        int end = CTokens.closing(tokens, at);
                        String name = declaration();
                        within(name, at + 1, end);
                        at = end;
                        next();
                    }
                    default -> {
                        if (token.startsWith("#")) {
                            if (token.contains("pack")) {
                                add(types, PACK, token);
                            }
                            start = start == at ? at + 1 : start;
                        }
                        at++;
                    }
                }
            }
            return new Declarations(types, functions, variables);
        }

        private void next() {
            at++;
            start = at;
        }

        private void typedef() {
            int end = CTokens.statementEnd(tokens, at);
            List<String> words = tokens.subList(at, end);
            add(types, "typedef " + typedefName(words), String.join(" ", words));
            if (words.contains("{")) {
                // A structure defined on the way has a name of its own.
                at++;
                while (at < end && !CTokens.isTag(tokens.get(at))) {
                    at++;
                }
                if (at < end && !name(at).isEmpty()) {
                    tagged();
                }
            }
            at = end;
        }

        private static String typedefName(List<String> words) {
            List<String> bare = CTokens.withoutAttributes(words);
            String name = declared(bare, 1, bare.size());
            return name.isEmpty() ? String.join(" ", bare) : name;
        }

        /**
         * What the declarator that ends here names (C11, 6.7.6): the word before its arrays and
         * parameters, which may stand in parentheses itself: {@code (*name)(int)}. A word within
         * them, such as the {@code sizeof} of an array's length, is no name.
         */
        private static String declared(List<String> words, int from, int to) {
            int end = to;
            while (end > from && !CTokens.isName(words.get(end - 1))) {
                int open = CTokens.opening(words, end - 1);
                if (open < from) {
                    return "";
                }
                if (words.get(open).equals("(") && isDeclarator(words, from, open)) {
                    return declared(words, open + 1, end - 1);
                }
                end = open;
            }
            return end > from ? words.get(end - 1) : "";
        }

        /**
         * Parameters stand behind a name, or behind another bracket, and never begin with a star.
         */
        private static boolean isDeclarator(List<String> words, int from, int open) {
            if (open == from || words.get(open + 1).equals("*")) {
                return true;
            }
            String before = words.get(open - 1);
            return !before.equals(")")
                    && !before.equals("]")
                    && (!CTokens.isName(before) || CTokens.isTypeWord(before));
        }

        /** The name behind a word such as {@code struct}; empty for none. */
        private String name(int tag) {
            int i = CTokens.afterAttributes(tokens, tag + 1);
            return i < tokens.size() && CTokens.isName(tokens.get(i)) ? tokens.get(i) : "";
        }

        private int brace(int tag) {
            int i = CTokens.afterAttributes(tokens, tag + 1);
            return i < tokens.size() && CTokens.isName(tokens.get(i)) ? i + 1 : i;
        }

        private void tagged() {
            int tag = at;
            int open = brace(tag);
            if (open >= tokens.size() || !tokens.get(open).equals("{")) {
                // Only a mention. What follows may be a function.
                at++;
                return;
            }
            at = CTokens.afterAttributes(tokens, CTokens.closing(tokens, open) + 1);
            add(types, key(tag, open, at), String.join(" ", tokens.subList(tag, at)));
        }

        private String key(int tag, int open, int behind) {
            String word = tokens.get(tag);
            String name = name(tag);
            if (!name.isEmpty()) {
                return word + " " + name;
            }
            if (word.equals("enum") && open + 1 < tokens.size()) {
                return "enum {" + tokens.get(open + 1);
            }
            int i = behind;
            while (i < tokens.size() && tokens.get(i).equals("*")) {
                i++;
            }
            return "variable " + (i < tokens.size() ? tokens.get(i) : "");
        }

        /**
         * Structures within a function: with a name, or of a static variable. Objects of others are
         * gone when the function has returned.
         */
        private void within(String function, int from, int to) {
            boolean isStatic = false;
            for (int i = from; i < to; i++) {
                String token = tokens.get(i);
                if (token.equals("static")) {
                    isStatic = true;
                } else if (token.equals(";") || token.equals("}")) {
                    isStatic = false;
                } else if (token.equals("struct") || token.equals("union")) {
                    int open = brace(i);
                    String name = name(i);
                    if (open < to
                            && tokens.get(open).equals("{")
                            && (isStatic || !name.isEmpty())) {
                        int end =
                                CTokens.afterAttributes(tokens, CTokens.closing(tokens, open) + 1);
                        String key = key(i, open, end) + WITHIN + function;
                        add(types, key, String.join(" ", tokens.subList(i, end)));
                        i = end - 1;
                    }
                }
            }
        }

        /** Takes what stands from the statement's start to here; its name. */
        private String declaration() {
            List<String> words = CTokens.withoutAttributes(tokens.subList(start, at));
            String text = String.join(" ", words);
            int paren = words.indexOf("(");
            if (!words.isEmpty() && words.getFirst().matches("(__)?asm(__)?|_Static_assert")) {
                return "";
            }
            if (paren > 0 && CTokens.isName(words.get(paren - 1)) && !isPointer(words, paren)) {
                add(functions, words.get(paren - 1), text);
                return words.get(paren - 1);
            }
            String name = "";
            for (int i = 0; i < words.size() && name.isEmpty(); i++) {
                boolean last = i + 1 == words.size() || "[,:)".contains(words.get(i + 1));
                name = i > 0 && last && CTokens.isName(words.get(i)) ? words.get(i) : "";
            }
            if (!name.isEmpty()) {
                add(variables, name, text);
            }
            return name;
        }

        /** {@code int (*name)(…)}. */
        private static boolean isPointer(List<String> words, int paren) {
            return paren + 1 < words.size() && words.get(paren + 1).equals("*");
        }

        /** A unit may declare a thing several times; all count, in their order. */
        private static void add(Map<String, String> to, String key, String text) {
            to.merge(key, text, (a, b) -> a.equals(b) ? a : a + " ; " + b);
        }
    }
}
