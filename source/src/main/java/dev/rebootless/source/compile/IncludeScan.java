package dev.rebootless.source.compile;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * What a file may include, read from its text without looking at conditions: also what a comment or
 * a switched-off branch has, so that nothing is missed.
 *
 * @param quoted names in {@code "…"}
 * @param angled names in {@code <…>}, those of {@code #include_next}, and those that a macro stands
 *     for
 * @param macros macros that stand for a whole name: {@code #include GENL_MAGIC_INCLUDE_FILE}
 * @param defined macros that are defined as a name of a header
 * @param anything whether it has an include that only the preprocessor can read
 */
record IncludeScan(
        List<String> quoted,
        List<String> angled,
        List<String> macros,
        List<String> defined,
        boolean anything) {
    IncludeScan {
        quoted = List.copyOf(quoted);
        angled = List.copyOf(angled);
        macros = List.copyOf(macros);
        defined = List.copyOf(defined);
    }

    /** Of a file whose text is not there yet. */
    static final IncludeScan UNKNOWN =
            new IncludeScan(List.of(), List.of(), List.of(), List.of(), true);

    static IncludeScan of(String text) {
        return new Scanner(text).scan();
    }

    private static final class Scanner {
        private final String text;
        private int at;
        private final Set<String> quoted = new LinkedHashSet<>();
        private final Set<String> angled = new LinkedHashSet<>();
        private final Set<String> macros = new LinkedHashSet<>();
        private final Set<String> defined = new LinkedHashSet<>();
        private boolean anything;

        Scanner(String text) {
            this.text = text;
        }

        IncludeScan scan() {
            for (int hash = text.indexOf('#'); hash >= 0; hash = text.indexOf('#', at)) {
                at = hash + 1;
                skipBlank();
                switch (word()) {
                    case "include" -> include(true, standsFirst(hash));
                    case "include_next", "import" -> include(false, standsFirst(hash));
                    case "define" -> define();
                    default -> {}
                }
                // What looks like a comment here may begin in a string: nothing is skipped.
                at = hash + 1;
            }
            return new IncludeScan(
                    List.copyOf(quoted),
                    List.copyOf(angled),
                    List.copyOf(macros),
                    List.copyOf(defined),
                    anything);
        }

        private void include(boolean besideFirst, boolean standsFirst) {
            skipBlank();
            char c = peek();
            if (c == '"' || c == '<') {
                name(c).ifPresent(n -> (c == '"' && besideFirst ? quoted : angled).add(n));
                return;
            }
            String macro = word();
            if (macro.isEmpty() || !standsFirst) {
                return;
            }
            skipBlank();
            char next = peek();
            if (next == '\n' || text.startsWith("//", at)) {
                macros.add(macro);
            } else if (next == '(' && !macro.equals("TRACE_INCLUDE")) {
                anything = true;
            }
        }

        /**
         * Whether nothing but blanks and comments stand before a hash on its line, as before a
         * directive (C11 6.10): prose may speak of what to #include as well.
         */
        private boolean standsFirst(int hash) {
            int i = hash - 1;
            while (i >= 0 && (text.charAt(i) == ' ' || text.charAt(i) == '\t')) {
                i--;
            }
            return i < 0 || text.charAt(i) == '\n' || text.startsWith("*/", i - 1);
        }

        /**
         * A macro that is a header's name. {@code TRACE_INCLUDE(TRACE_INCLUDE_FILE)} in
         * include/trace/define_trace.h makes a name of these two.
         */
        private void define() {
            skipBlank();
            String macro = word();
            if (peek() == '(') {
                return;
            }
            skipBlank();
            char c = peek();
            if (macro.equals("TRACE_INCLUDE_FILE") || macro.equals("TRACE_SYSTEM")) {
                String name = word();
                // TRACE_INCLUDE_FILE may be a path: ../../drivers/x/trace
                int end = at;
                while (end < text.length() && "/.-".indexOf(text.charAt(end)) >= 0) {
                    at = end + 1;
                    name += text.charAt(end) + word();
                    end = at;
                }
                if (!name.isEmpty()) {
                    angled.add(name + ".h");
                }
            } else if (c == '"' || c == '<') {
                name(c).filter(n -> n.matches("\\S+\\.\\w+"))
                        .ifPresent(n -> {
                            angled.add(n);
                            defined.add(macro);
                        });
            }
        }

        private java.util.Optional<String> name(char open) {
            int end = text.indexOf(open == '"' ? '"' : '>', at + 1);
            int line = text.indexOf('\n', at);
            if (end < 0 || (line >= 0 && line < end)) {
                return java.util.Optional.empty();
            }
            String name = text.substring(at + 1, end);
            at = end + 1;
            return name.isBlank() || name.indexOf('\0') >= 0
                    ? java.util.Optional.empty()
                    : java.util.Optional.of(name);
        }

        private String word() {
            int start = at;
            while (at < text.length()
                    && (Character.isLetterOrDigit(text.charAt(at)) || text.charAt(at) == '_')) {
                at++;
            }
            return text.substring(start, at);
        }

        private char peek() {
            return at < text.length() ? text.charAt(at) : '\n';
        }

        /** Blanks, comments and lines that go on. */
        private void skipBlank() {
            while (at < text.length()) {
                char c = text.charAt(at);
                if (c == ' ' || c == '\t' || c == '\f' || c == '\r') {
                    at++;
                } else if (text.startsWith("\\\n", at)) {
                    at += 2;
                } else if (text.startsWith("\\\r\n", at)) {
                    at += 3;
                } else if (text.startsWith("/*", at)) {
                    int close = text.indexOf("*/", at + 2);
                    at = close < 0 ? text.length() : close + 2;
                } else {
                    return;
                }
            }
        }
    }
}
