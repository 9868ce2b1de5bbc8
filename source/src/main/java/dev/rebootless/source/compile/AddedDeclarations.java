package dev.rebootless.source.compile;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Tells from a header's text that a patch does nothing but add declarations: prototypes, inline
 * functions, macros, types of their own. Code that mentions none of the new names is then compiled
 * as before, whatever it includes. Where the text leaves a doubt, the answer is no.
 */
final class AddedDeclarations {
    static final Pattern DEFINE = Pattern.compile("#\\s*define\\s+(\\w+).*");
    private static final Pattern CONDITION =
            Pattern.compile("#\\s*(if|ifdef|ifndef|else|elif|endif)\\b.*");

    /** Macros that define what their first argument names (include/linux/cleanup.h). */
    private static final Set<String> GUARDS =
            Set.of(
                    "DEFINE_FREE",
                    "DEFINE_CLASS",
                    "DEFINE_GUARD",
                    "DEFINE_LOCK_GUARD_0",
                    "DEFINE_LOCK_GUARD_1");

    private static final Set<String> NO_NAMES =
            Set.of("sizeof", "typeof", "__typeof__", "__attribute__", "__aligned");

    private AddedDeclarations() {}

    /** The names that it adds; empty where it does anything else. */
    static Optional<Set<String>> of(byte[] before, byte[] after) {
        return onlyMacros(before, after).or(() -> onlyDeclarations(before, after));
    }

    /**
     * The names of macros, where lines that define them are all that was put in. That needs no
     * understanding of what stands around them, which in some headers is beyond this class.
     */
    private static Optional<Set<String>> onlyMacros(byte[] before, byte[] after) {
        List<String> old = new String(before, StandardCharsets.ISO_8859_1).lines().toList();
        List<String> now = new String(after, StandardCharsets.ISO_8859_1).lines().toList();
        Set<String> names = new TreeSet<>();
        int next = 0;
        for (int i = 0; i < now.size(); i++) {
            String line = now.get(i);
            if (next < old.size() && old.get(next).equals(line)) {
                next++;
                continue;
            }
            Matcher define = DEFINE.matcher(line.strip());
            if (!define.matches() || (i > 0 && now.get(i - 1).endsWith("\\"))) {
                return Optional.empty();
            }
            names.add(define.group(1));
            while (now.get(i).endsWith("\\") && i + 1 < now.size()) {
                i++;
            }
        }
        return next == old.size() && !names.isEmpty() ? Optional.of(names) : Optional.empty();
    }

    private static Optional<Set<String>> onlyDeclarations(byte[] before, byte[] after) {
        Optional<List<List<String>>> old = items(before);
        Optional<List<List<String>>> now = items(after);
        if (old.isEmpty() || now.isEmpty()) {
            return Optional.empty();
        }
        Set<String> names = new TreeSet<>();
        List<List<String>> run = new ArrayList<>();
        int next = 0;
        for (List<String> item : now.get()) {
            if (next < old.get().size() && old.get().get(next).equals(item)) {
                if (!add(run, names)) {
                    return Optional.empty();
                }
                run.clear();
                next++;
            } else {
                run.add(item);
            }
        }
        return next == old.get().size() && add(run, names) ? Optional.of(names) : Optional.empty();
    }

    /** What stands outside of all brackets: whole statements, and directives one by one. */
    private static Optional<List<List<String>>> items(byte[] file) {
        List<String> tokens =
                CTokens.of(
                        FileOutline.withoutComments(new String(file, StandardCharsets.ISO_8859_1)));
        List<List<String>> items = new ArrayList<>();
        List<String> item = new ArrayList<>();
        int depth = 0;
        for (int i = 0; i < tokens.size(); i++) {
            String token = tokens.get(i);
            if (token.startsWith("#") && item.isEmpty()) {
                items.add(List.of(token.replaceAll("\\s+", " ")));
                continue;
            }
            item.add(token);
            switch (token) {
                case "{", "(", "[" -> depth++;
                case "}", ")", "]" -> depth--;
                default -> {}
            }
            if (depth < 0) {
                return Optional.empty();
            }
            if (token.equals("{") && depth == 1 && isDoubtful(item)) {
                return Optional.empty();
            }
            // A guard's semicolon, where it has one, is a part of it.
            boolean goesOn =
                    token.equals(")") && i + 1 < tokens.size() && tokens.get(i + 1).equals(";");
            if (depth == 0 && isComplete(item) && !goesOn) {
                items.add(List.copyOf(item));
                item.clear();
            }
        }
        return depth == 0 && item.isEmpty() ? Optional.of(items) : Optional.empty();
    }

    /**
     * Whether a brace opens neither a type, nor an initialiser, nor plainly a function: behind a
     * macro, an item may end with the brace's own or go on.
     */
    private static boolean isDoubtful(List<String> item) {
        List<String> head = item.subList(0, item.size() - 1);
        return head.contains("(")
                && !head.contains("=")
                && !head.isEmpty()
                && !head.getLast().equals(")");
    }

    /** Whether tokens outside of all brackets are a whole item, which nothing need follow. */
    static boolean isComplete(List<String> item) {
        return switch (item.getLast()) {
            case ";" -> true;
            case "}" -> isFunction(item);
            case ")" -> isGuard(item);
            default -> false;
        };
    }

    /** A macro of include/linux/cleanup.h that defines a class, which no semicolon need follow. */
    private static boolean isGuard(List<String> item) {
        return item.size() > 3
                && GUARDS.contains(item.getFirst())
                && item.get(1).equals("(")
                && CTokens.isName(item.get(2));
    }

    /** A head with parameters before the first brace, and nothing initialised. */
    private static boolean isFunction(List<String> item) {
        int brace = item.indexOf("{");
        return brace > 0
                && item.get(brace - 1).equals(")")
                && !item.subList(0, brace).contains("=")
                && !item.getFirst().equals("typedef");
    }

    /** Whether what was added between two old items is all of a kind that is known. */
    private static boolean add(List<List<String>> run, Set<String> names) {
        int conditions = 0;
        for (List<String> item : run) {
            if (item.getFirst().startsWith("#")) {
                Matcher define = DEFINE.matcher(item.getFirst());
                Matcher condition = CONDITION.matcher(item.getFirst());
                if (define.matches()) {
                    names.add(define.group(1));
                } else if (condition.matches()) {
                    switch (condition.group(1)) {
                        case "if", "ifdef", "ifndef" -> conditions++;
                        case "endif" -> conditions--;
                        default -> {
                            if (conditions == 0) {
                                return false;
                            }
                        }
                    }
                    if (conditions < 0) {
                        return false;
                    }
                } else {
                    return false;
                }
            } else if (!declared(item, names)) {
                return false;
            }
        }
        return conditions == 0;
    }

    /** Whether a directive chooses what is compiled. */
    static boolean isCondition(String directive) {
        return CONDITION.matcher(directive).matches();
    }

    /**
     * Whether an item is a declaration of a kind that is known, and of nothing else.
     *
     * @param names takes the names that it makes known
     */
    static boolean declared(List<String> item, Set<String> names) {
        if (item.stream().anyMatch(t -> t.startsWith("#")) || hasSeveralDeclarators(item)) {
            return false;
        }
        String first = item.getFirst();
        if (isGuard(item)) {
            int close = CTokens.closing(item, 1);
            for (String glued :
                    List.of(
                            "%s",
                            "class_%s_t",
                            "class_%s_constructor",
                            "class_%s_destructor",
                            "class_%s_lock_ptr",
                            "__free_%s")) {
                names.add(glued.formatted(item.get(2)));
            }
            return close == item.size() - 1
                    || (close == item.size() - 2 && item.getLast().equals(";"));
        }
        if (first.equals("typedef")) {
            return false;
        }
        int open = item.indexOf("(");
        int brace = item.indexOf("{");
        if (CTokens.isTag(first) && (open < 0 || (brace >= 0 && brace < open))) {
            return tagged(item, names);
        }
        if (open >= 0) {
            return function(item, open, names);
        }
        if (first.equals("extern") && brace < 0) {
            int end = item.contains("[") ? item.indexOf("[") : item.size() - 1;
            boolean plain = end > 1 && CTokens.isName(item.get(end - 1)) && !item.contains("=");
            if (plain) {
                names.add(item.get(end - 1));
            }
            return plain;
        }
        return false;
    }

    private static boolean hasSeveralDeclarators(List<String> item) {
        int depth = 0;
        for (String token : item) {
            switch (token) {
                case "{", "(", "[" -> depth++;
                case "}", ")", "]" -> depth--;
                case "," -> {
                    if (depth == 0) {
                        return true;
                    }
                }
                default -> {}
            }
        }
        return false;
    }

    /** {@code int name(…);} and {@code static inline int name(…) { … }}, and nothing else. */
    private static boolean function(List<String> item, int open, Set<String> names) {
        List<String> head = item.subList(0, open);
        int close = CTokens.closing(item, open);
        if (open < 2
                || close + 1 >= item.size()
                || !CTokens.isName(head.getLast())
                || NO_NAMES.contains(head.getLast())
                || head.contains("=")
                || head.contains("[")) {
            return false;
        }
        int end = close + 1;
        // __printf(1, 2), __must_hold(&lock), __attribute__((pure))
        while (end < item.size() && item.get(end).startsWith("__")) {
            boolean takes = end + 1 < item.size() && item.get(end + 1).equals("(");
            end = takes ? CTokens.closing(item, end + 1) + 1 : end + 1;
        }
        String next = end < item.size() ? item.get(end) : "";
        boolean prototype = next.equals(";");
        boolean inline =
                next.equals("{")
                        && head.contains("static")
                        && (head.contains("inline") || head.contains("__always_inline"))
                        && !head.contains("__used");
        if (prototype || inline) {
            names.add(head.getLast());
        }
        return prototype || inline;
    }

    /**
     * {@code struct name;} changes nothing; {@code struct name { … };} and {@code enum { A, B };}.
     */
    private static boolean tagged(List<String> item, Set<String> names) {
        boolean isEnum = item.getFirst().equals("enum");
        if (item.size() == 3 && CTokens.isName(item.get(1)) && !isEnum) {
            return true;
        }
        int brace = item.indexOf("{");
        boolean named = brace == 2 && CTokens.isName(item.get(1));
        boolean ends = brace > 0 && CTokens.closing(item, brace) == item.size() - 2;
        if (!ends || !(named || (isEnum && brace == 1))) {
            return false;
        }
        // Types and enumerators within it are known outside as well.
        for (int i = 0; i + 1 < item.size(); i++) {
            if (!CTokens.isTag(item.get(i))) {
                continue;
            }
            int body = CTokens.isName(item.get(i + 1)) ? i + 2 : i + 1;
            if (body >= item.size() || !item.get(body).equals("{")) {
                continue;
            }
            if (body == i + 2) {
                names.add(item.get(i + 1));
            }
            if (item.get(i).equals("enum")) {
                names.addAll(
                        Declarations.enumerators(item.subList(i, CTokens.closing(item, body) + 1)));
            }
        }
        return true;
    }
}
