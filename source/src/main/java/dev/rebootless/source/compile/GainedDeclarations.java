package dev.rebootless.source.compile;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The declarations that a newer version of a header has more, each with the place where the older
 * one would have it. So one of them can be taken over without what else the newer version changes.
 * What is not plainly a prototype, an inline function, a macro or a type of its own, all of new
 * names, is none.
 */
public final class GainedDeclarations {
    private static final Pattern WORD = Pattern.compile("[A-Za-z_]\\w*");
    private static final Pattern DEFINE = AddedDeclarations.DEFINE;
    private static final Pattern OPENS = Pattern.compile("#\\s*(?:if|ifdef|ifndef)\\b.*");
    private static final Pattern CLOSES = Pattern.compile("#\\s*endif\\b.*");

    /** Bounds the table of the comparison, in cells; no header of the kernel comes near. */
    private static final long MAX_CELLS = 25_000_000;

    private GainedDeclarations() {}

    /**
     * A declaration, or a group within {@code #if} and {@code #endif} that has nothing else.
     *
     * @param names that it declares, none of which stands in the older version
     * @param after how many lines of the older version stand before it
     * @param lines of it, without line ends
     */
    public record Gained(Set<String> names, int after, List<String> lines) {
        public Gained {
            names = Set.copyOf(names);
            lines = List.copyOf(lines);
        }
    }

    /** Something that stands outside of all brackets. */
    private record Part(int first, int last, List<String> tokens) {
        boolean isDirective() {
            return tokens.getFirst().startsWith("#");
        }

        boolean matches(Pattern pattern) {
            return pattern.matcher(tokens.getFirst()).matches();
        }
    }

    /**
     * In the order of the newer version; empty where one of them cannot be taken apart.
     *
     * @param older lines, without line ends
     */
    public static List<Gained> of(List<String> older, List<String> newer) {
        Optional<List<Part>> before = parts(older);
        Optional<List<Part>> after = parts(newer);
        Set<String> known = new HashSet<>();
        for (String line : older) {
            Matcher word = WORD.matcher(line);
            while (word.find()) {
                known.add(word.group());
            }
        }
        if (before.isEmpty() || after.isEmpty()) {
            return macros(older, newer, known);
        }
        int[] pairs = pairs(before.get(), after.get());
        List<Gained> gained = new ArrayList<>();
        for (int i = 0; i < pairs.length; i++) {
            if (pairs[i] < 0) {
                int end = i;
                while (end < pairs.length && pairs[end] < 0) {
                    end++;
                }
                // As late as can be: behind what it may need, also where that changes.
                int behind = (end < pairs.length ? pairs[end] : before.get().size()) - 1;
                if (behind >= 0 && i > 0) {
                    addRun(
                            after.get().subList(i, end),
                            newer,
                            before.get().get(behind).last() + 1,
                            known,
                            gained);
                }
                i = end;
            }
        }
        return List.copyOf(gained);
    }

    /**
     * The macros alone, where all else is beyond this class: each behind a line that the older
     * version has once.
     */
    private static List<Gained> macros(List<String> older, List<String> newer, Set<String> known) {
        List<Gained> gained = new ArrayList<>();
        // Behind the last old line, whatever else is new in between.
        int place = -1;
        for (int i = 0; i < newer.size(); i++) {
            String line = newer.get(i);
            Matcher define = DEFINE.matcher(line.strip());
            if (!define.matches() || known.contains(define.group(1))) {
                boolean once =
                        !line.isBlank()
                                && older.indexOf(line) >= 0
                                && older.indexOf(line) == older.lastIndexOf(line);
                place = once && !line.endsWith("\\") ? older.indexOf(line) + 1 : -1;
                continue;
            }
            int first = i;
            while (newer.get(i).endsWith("\\") && i + 1 < newer.size()) {
                i++;
            }
            if (place >= 0) {
                gained.add(new Gained(Set.of(define.group(1)), place, newer.subList(first, i + 1)));
            }
        }
        return List.copyOf(gained);
    }

    private static void addRun(
            List<Part> run, List<String> newer, int place, Set<String> known, List<Gained> to) {
        for (int i = 0; i < run.size(); i++) {
            int end = i;
            if (run.get(i).matches(OPENS)) {
                end = groupEnd(run, i);
                if (end < 0) {
                    return;
                }
            } else if (run.get(i).isDirective() && !run.get(i).matches(DEFINE)) {
                // The run is the rest of a group that began before it: what follows is in another.
                return;
            }
            Set<String> names = new TreeSet<>();
            if (run.subList(i, end + 1).stream().allMatch(p -> declares(p, names))
                    && !names.isEmpty()
                    && names.stream().noneMatch(known::contains)) {
                to.add(
                        new Gained(
                                names,
                                place,
                                newer.subList(run.get(i).first(), run.get(end).last() + 1)));
            }
            i = end;
        }
    }

    private static int groupEnd(List<Part> run, int from) {
        int depth = 0;
        for (int i = from; i < run.size(); i++) {
            if (run.get(i).matches(OPENS)) {
                depth++;
            } else if (run.get(i).matches(CLOSES) && --depth == 0) {
                return i;
            }
        }
        return -1;
    }

    private static boolean declares(Part part, Set<String> names) {
        if (!part.isDirective()) {
            return AddedDeclarations.declared(part.tokens(), names);
        }
        Matcher define = DEFINE.matcher(part.tokens().getFirst());
        if (define.matches()) {
            names.add(define.group(1));
            return true;
        }
        return AddedDeclarations.isCondition(part.tokens().getFirst());
    }

    private static Optional<List<Part>> parts(List<String> lines) {
        List<String> blank = withoutComments(lines);
        List<Part> parts = new ArrayList<>();
        List<String> tokens = new ArrayList<>();
        int first = 0;
        int depth = 0;
        for (int i = 0; i < blank.size(); i++) {
            String line = blank.get(i);
            if (tokens.isEmpty()) {
                first = i;
            }
            if (line.stripLeading().startsWith("#")) {
                StringBuilder whole = new StringBuilder();
                int start = i;
                while (line.endsWith("\\") && i + 1 < blank.size()) {
                    whole.append(line, 0, line.length() - 1).append(' ');
                    line = blank.get(++i);
                }
                whole.append(line);
                if (!tokens.isEmpty()) {
                    // Within a declaration; it is a part of that.
                    tokens.add(whole.toString().strip());
                    continue;
                }
                parts.add(
                        new Part(
                                start,
                                i,
                                List.of(whole.toString().strip().replaceAll("\\s+", " "))));
                continue;
            }
            for (String token : CTokens.of(line)) {
                tokens.add(token);
                switch (token) {
                    case "{", "(", "[" -> depth++;
                    case "}", ")", "]" -> depth--;
                    default -> {}
                }
                if (depth < 0) {
                    return Optional.empty();
                }
            }
            if (!tokens.isEmpty() && depth == 0 && AddedDeclarations.isComplete(tokens)) {
                parts.add(new Part(first, i, List.copyOf(tokens)));
                tokens.clear();
            }
        }
        return depth == 0 && tokens.isEmpty() ? Optional.of(parts) : Optional.empty();
    }

    /** Line by line; a comment mark within a string is taken for one. */
    private static List<String> withoutComments(List<String> lines) {
        List<String> blank = new ArrayList<>();
        boolean inComment = false;
        for (String line : lines) {
            StringBuilder out = new StringBuilder();
            int at = 0;
            while (at < line.length()) {
                if (inComment) {
                    int end = line.indexOf("*/", at);
                    inComment = end < 0;
                    at = end < 0 ? line.length() : end + 2;
                } else if (line.startsWith("/*", at)) {
                    inComment = true;
                    out.append(' ');
                    at += 2;
                } else if (line.startsWith("//", at)) {
                    at = line.length();
                } else {
                    out.append(line.charAt(at++));
                }
            }
            blank.add(out.toString().stripTrailing());
        }
        return blank;
    }

    /**
     * For each part of the newer version the one it is in the older one, or -1: the longest way.
     */
    private static int[] pairs(List<Part> older, List<Part> newer) {
        int[] pairs = new int[newer.size()];
        java.util.Arrays.fill(pairs, -1);
        int start = 0;
        while (start < older.size()
                && start < newer.size()
                && older.get(start).tokens().equals(newer.get(start).tokens())) {
            pairs[start] = start;
            start++;
        }
        int oldEnd = older.size();
        int newEnd = newer.size();
        while (oldEnd > start
                && newEnd > start
                && older.get(oldEnd - 1).tokens().equals(newer.get(newEnd - 1).tokens())) {
            pairs[--newEnd] = --oldEnd;
        }
        int rows = oldEnd - start;
        int columns = newEnd - start;
        if ((long) (rows + 1) * (columns + 1) > MAX_CELLS) {
            return pairs;
        }
        int[][] longest = new int[rows + 1][columns + 1];
        for (int r = rows - 1; r >= 0; r--) {
            for (int c = columns - 1; c >= 0; c--) {
                longest[r][c] =
                        same(older, newer, start + r, start + c)
                                ? longest[r + 1][c + 1] + 1
                                : Math.max(longest[r + 1][c], longest[r][c + 1]);
            }
        }
        for (int r = 0, c = 0; r < rows && c < columns; ) {
            if (same(older, newer, start + r, start + c)) {
                pairs[start + c++] = start + r++;
            } else if (longest[r + 1][c] >= longest[r][c + 1]) {
                r++;
            } else {
                c++;
            }
        }
        return pairs;
    }

    private static boolean same(List<Part> older, List<Part> newer, int r, int c) {
        return older.get(r).tokens().equals(newer.get(c).tokens());
    }
}
