package dev.rebootless.build.backlog;

import dev.rebootless.source.compile.GainedDeclarations;
import dev.rebootless.source.compile.GainedDeclarations.Gained;
import dev.rebootless.source.history.FunctionNames;
import dev.rebootless.source.history.SourceDifference;
import dev.rebootless.source.patch.FileKind;
import dev.rebootless.source.patch.FilePatch;
import dev.rebootless.source.patch.Hunk;
import dev.rebootless.source.patch.SourcePatch;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.NavigableSet;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.function.IntPredicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One file's difference between two versions, taken apart: its runs of changed lines, the functions
 * that each changes, and the names that each brings or uses.
 */
final class FileChange {
    /** A line with fewer characters than that could be of any change. */
    private static final int TELLING = 6;

    /** As diff -u has them. */
    private static final int CONTEXT_LINES = 3;

    private static final Pattern NAME = Pattern.compile("[A-Za-z_]\\w{2,}");

    /** include/linux/export.h. */
    private static final Pattern EXPORT =
            Pattern.compile("EXPORT_SYMBOL(?:_GPL|_NS|_NS_GPL)?\\([^)]*\\);");

    private final String path;
    private final List<Hunk> hunks;

    /** Changed lines of a hunk with none between that stays: what is chosen or left. */
    private final List<Run> runs = new ArrayList<>();

    private final List<String> older;

    /**
     * What a header gains, each by itself; numbered on from the runs, which have it as well, with
     * what else changes there.
     */
    private final List<Gained> gained;

    /**
     * Neighbouring changed lines.
     *
     * @param hunk its number
     * @param first of its lines, from 0
     * @param end behind its last
     */
    private record Run(int hunk, int first, int end) {}

    private final List<SortedSet<String>> functions = new ArrayList<>();
    private final List<Set<String>> added = new ArrayList<>();

    /** Names that stand nowhere in the older text. */
    private final Set<String> newNames = new HashSet<>();

    private FileChange(String path, List<Hunk> hunks, List<String> older, List<Gained> gained) {
        this.path = path;
        this.hunks = hunks;
        this.older = older;
        this.gained = gained;
    }

    /**
     * A file's difference, but for exports: those of the running kernel stay what they are, within
     * a livepatch a new one is not needed, and nobody else knows of it.
     */
    static FileChange of(SourceDifference difference, String path) {
        byte[] diff = difference.diff(path).getBytes(StandardCharsets.ISO_8859_1);
        List<FilePatch> files =
                SourcePatch.parse(List.of(new SourcePatch.Input(path, diff))).files();
        List<String> older = difference.olderLines(path);
        Set<String> oldNames = new HashSet<>();
        older.forEach(line -> oldNames.addAll(names(line)));
        FileChange change =
                new FileChange(
                        path,
                        files.getFirst().hunks().stream()
                                .map(FileChange::withExportsAsTheyWere)
                                .filter(h ->
                                        h.lines().stream()
                                                .anyMatch(l -> l.role() != Hunk.Role.CONTEXT))
                                .toList(),
                        older,
                        FileKind.of(path) == FileKind.HEADER
                                ? GainedDeclarations.of(older, difference.newerLines(path))
                                : List.of());
        List<FunctionNames.Definition> before = FunctionNames.definitions(older);
        List<FunctionNames.Definition> after =
                FunctionNames.definitions(difference.newerLines(path));
        for (int hunk = 0; hunk < change.hunks.size(); hunk++) {
            change.add(hunk, before, after, oldNames);
        }
        for (Gained gained : change.gained) {
            change.functions.add(new TreeSet<>());
            Set<String> names = new HashSet<>();
            gained.lines().forEach(line -> names.addAll(names(line)));
            change.added.add(names);
        }
        return change;
    }

    private static Hunk withExportsAsTheyWere(Hunk hunk) {
        List<Hunk.Line> lines = new ArrayList<>();
        for (Hunk.Line line : hunk.lines()) {
            if (!EXPORT.matcher(line.text().strip()).matches()) {
                lines.add(line);
            } else if (line.role() != Hunk.Role.ADDED) {
                lines.add(new Hunk.Line(Hunk.Role.CONTEXT, line.text()));
            }
        }
        return new Hunk(hunk.place(), hunk.oldStart(), hunk.newStart(), lines);
    }

    private void add(
            int number,
            List<FunctionNames.Definition> before,
            List<FunctionNames.Definition> after,
            Set<String> oldNames) {
        Hunk hunk = hunks.get(number);
        int oldLine = hunk.oldStart();
        int newLine = hunk.newStart();
        for (int i = 0; i < hunk.lines().size(); i++) {
            int first = i;
            NavigableSet<String> touched = new TreeSet<>();
            Set<String> names = new HashSet<>();
            while (i < hunk.lines().size() && hunk.lines().get(i).role() != Hunk.Role.CONTEXT) {
                Hunk.Line line = hunk.lines().get(i++);
                if (line.role() == Hunk.Role.REMOVED) {
                    touched.addAll(at(before, oldLine++));
                } else {
                    touched.addAll(at(after, newLine++));
                    names.addAll(names(line.text()));
                }
            }
            if (i > first) {
                runs.add(new Run(number, first, i));
                functions.add(touched);
                added.add(names);
                names.stream().filter(n -> !oldNames.contains(n)).forEach(newNames::add);
            }
            // The line that stays.
            oldLine++;
            newLine++;
        }
    }

    private static List<String> at(List<FunctionNames.Definition> definitions, int line) {
        return definitions.stream()
                .filter(d -> d.first() <= line && line <= d.last())
                .map(FunctionNames.Definition::name)
                .toList();
    }

    static Set<String> names(String line) {
        Set<String> names = new HashSet<>();
        Matcher matcher = NAME.matcher(line);
        while (matcher.find()) {
            names.add(matcher.group());
        }
        return names;
    }

    /** How many runs of changed lines there are; what a header gains is numbered on from there. */
    int size() {
        return runs.size();
    }

    /** The declarations of a name that a header gains, without what else its hunks change. */
    SortedSet<Integer> gaining(String name) {
        NavigableSet<Integer> found = new TreeSet<>();
        for (int i = 0; i < gained.size(); i++) {
            if (gained.get(i).names().contains(name)) {
                found.add(runs.size() + i);
            }
        }
        return found;
    }

    /** The functions that some runs change. */
    SortedSet<String> functions(Set<Integer> of) {
        NavigableSet<String> found = new TreeSet<>();
        of.forEach(i -> found.addAll(functions.get(i)));
        return found;
    }

    /** All functions that it changes. */
    SortedSet<String> functions() {
        NavigableSet<String> found = new TreeSet<>();
        functions.forEach(found::addAll);
        return found;
    }

    /** The runs that bring a name which the older text does not have. */
    SortedSet<Integer> bringing(Set<String> wanted) {
        NavigableSet<Integer> found = new TreeSet<>();
        for (int i = 0; i < runs.size(); i++) {
            Set<String> brought = new HashSet<>(added.get(i));
            brought.retainAll(newNames);
            brought.retainAll(wanted);
            if (!brought.isEmpty()) {
                found.add(i);
            }
        }
        return found;
    }

    /** The runs that change a declaration or statement with a name, on whichever of its lines. */
    SortedSet<Integer> declaring(String name) {
        NavigableSet<Integer> found = new TreeSet<>();
        for (int hunk = 0; hunk < hunks.size(); hunk++) {
            found.addAll(declaring(hunk, name));
        }
        return found;
    }

    private Set<Integer> declaring(int hunk, String name) {
        Set<Integer> found = new HashSet<>();
        Set<Integer> within = new HashSet<>();
        boolean isNamed = false;
        List<Hunk.Line> lines = hunks.get(hunk).lines();
        for (int i = 0; i < lines.size(); i++) {
            if (lines.get(i).role() != Hunk.Role.CONTEXT) {
                within.add(runOf(hunk, i));
            }
            if (lines.get(i).role() == Hunk.Role.REMOVED) {
                continue;
            }
            isNamed |= names(lines.get(i).text()).contains(name);
            String text = lines.get(i).text().strip();
            boolean ends =
                    text.isEmpty()
                            || text.endsWith(";")
                            || text.endsWith("}")
                            || text.endsWith("*/")
                            || (text.startsWith("#") && !text.endsWith("\\"));
            if (ends || i == lines.size() - 1) {
                if (isNamed) {
                    found.addAll(within);
                }
                within.clear();
                isNamed = false;
            }
        }
        return found;
    }

    private int runOf(int hunk, int line) {
        for (int i = 0; i < runs.size(); i++) {
            Run run = runs.get(i);
            if (run.hunk() == hunk && run.first() <= line && line < run.end()) {
                return i;
            }
        }
        throw new IllegalArgumentException(hunk + " " + line);
    }

    /**
     * The changed lines of a run, without blanks, each with its sign; without those that say
     * nothing, such as a brace.
     */
    Set<String> lines(int number) {
        Run run = runs.get(number);
        Set<String> found = new HashSet<>();
        for (Hunk.Line line : hunks.get(run.hunk()).lines().subList(run.first(), run.end())) {
            String text = line.text().replaceAll("\\s+", "");
            if (text.length() >= TELLING) {
                found.add((line.role() == Hunk.Role.ADDED ? "+" : "-") + text);
            }
        }
        return found;
    }

    /** Names that some runs add and that the older text does not have. */
    Set<String> newNames(Set<Integer> of) {
        Set<String> found = new HashSet<>();
        of.forEach(i -> found.addAll(added.get(i)));
        found.retainAll(newNames);
        return found;
    }

    /** Names that some runs add, whether new to the file or not. */
    Set<String> added(Set<Integer> of) {
        Set<String> found = new HashSet<>();
        of.forEach(i -> found.addAll(added.get(i)));
        return found;
    }

    /**
     * Runs and all that they need of the same file: runs in the same functions, and those that
     * share a name which is new to the file, whichever of them brings it.
     */
    SortedSet<Integer> closure(Set<Integer> start) {
        return withTheirNames(start, run -> true);
    }

    /**
     * Runs, those that bring or use a name which is new to the file and is in one of them, and
     * those in the same functions of which no line says whose they are.
     */
    SortedSet<Integer> withTheirNames(Set<Integer> start) {
        return withTheirNames(start, run -> lines(run).isEmpty());
    }

    /**
     * Runs and those that share a new name with them.
     *
     * @param alsoWithin which others in the same functions belong to them
     */
    private SortedSet<Integer> withTheirNames(Set<Integer> start, IntPredicate alsoWithin) {
        NavigableSet<Integer> found = new TreeSet<>(start);
        boolean grows = true;
        while (grows) {
            Set<String> names = newNames(found);
            Set<String> touched = functions(found);
            grows = false;
            for (int i = 0; i < runs.size(); i++) {
                boolean belongs =
                        added.get(i).stream().anyMatch(names::contains)
                                || (functions.get(i).stream().anyMatch(touched::contains)
                                        && alsoWithin.test(i));
                grows |= belongs && found.add(i);
            }
        }
        return found;
    }

    /** The runs that change one of some functions. */
    SortedSet<Integer> changing(Set<String> of) {
        NavigableSet<Integer> found = new TreeSet<>();
        for (int i = 0; i < runs.size(); i++) {
            if (functions.get(i).stream().anyMatch(of::contains)) {
                found.add(i);
            }
        }
        return found;
    }

    /** A unified diff of some runs, and of declarations that are gained. */
    String diff(Set<Integer> of) {
        StringBuilder text = new StringBuilder();
        text.append("--- a/").append(path).append("\n+++ b/").append(path).append('\n');
        int growth = 0;
        for (Hunk hunk : chosen(of)) {
            int before = hunk.before().size();
            int after = hunk.after().size();
            text.append(
                    "@@ -%d,%d +%d,%d @@\n"
                            .formatted(
                                    hunk.oldStart(),
                                    before,
                                    // With no lines on a side, the line before it is meant.
                                    hunk.oldStart()
                                            + growth
                                            + (before == 0 ? 1 : 0)
                                            - (after == 0 ? 1 : 0),
                                    after));
            for (Hunk.Line line : hunk.lines()) {
                text.append(
                                switch (line.role()) {
                                    case CONTEXT -> ' ';
                                    case REMOVED -> '-';
                                    case ADDED -> '+';
                                })
                        .append(line.text());
                if (!line.text().endsWith("\n")) {
                    text.append("\n\\ No newline at end of file\n");
                }
            }
            growth += after - before;
        }
        return text.toString();
    }

    /**
     * In the order of their places. What is gained where a chosen run changes lines comes with the
     * runs that bring it.
     */
    private List<Hunk> chosen(Set<Integer> of) {
        NavigableSet<Integer> whole = new TreeSet<>();
        List<Gained> alone = new ArrayList<>();
        of.stream().filter(i -> i < runs.size()).forEach(whole::add);
        boolean grows = true;
        while (grows) {
            alone.clear();
            grows = false;
            for (int i : of) {
                if (i >= runs.size()) {
                    Gained one = gained.get(i - runs.size());
                    if (whole.stream().noneMatch(r -> isNear(one, hunks.get(runs.get(r).hunk())))) {
                        alone.add(one);
                    } else {
                        grows |= whole.addAll(bringing(one.names()));
                    }
                }
            }
        }
        List<Hunk> chosen = new ArrayList<>();
        for (int hunk = 0; hunk < hunks.size(); hunk++) {
            int number = hunk;
            List<Run> in = whole.stream().map(runs::get).filter(r -> r.hunk() == number).toList();
            if (!in.isEmpty()) {
                chosen.add(only(hunks.get(hunk), in));
            }
        }
        chosen.addAll(insertions(alone));
        chosen.sort(Comparator.comparingInt(Hunk::oldStart));
        return chosen;
    }

    /** A hunk with some of its runs; the lines of the others are as they were. */
    private static Hunk only(Hunk hunk, List<Run> runs) {
        List<Hunk.Line> lines = new ArrayList<>();
        for (int i = 0; i < hunk.lines().size(); i++) {
            Hunk.Line line = hunk.lines().get(i);
            int at = i;
            if (line.role() == Hunk.Role.CONTEXT
                    || runs.stream().anyMatch(r -> r.first() <= at && at < r.end())) {
                lines.add(line);
            } else if (line.role() == Hunk.Role.REMOVED) {
                lines.add(new Hunk.Line(Hunk.Role.CONTEXT, line.text()));
            }
        }
        return new Hunk(hunk.place(), hunk.oldStart(), hunk.newStart(), lines);
    }

    private static boolean isNear(Gained gained, Hunk hunk) {
        return gained.after() + CONTEXT_LINES >= hunk.oldStart()
                && gained.after() - CONTEXT_LINES <= hunk.oldStart() + hunk.before().size();
    }

    /** Hunks that insert and do no more; what is close together is in one. */
    private List<Hunk> insertions(List<Gained> alone) {
        List<Gained> sorted =
                alone.stream().sorted(Comparator.comparingInt(Gained::after)).toList();
        List<Hunk> insertions = new ArrayList<>();
        for (int i = 0; i < sorted.size(); ) {
            int first = Math.max(0, sorted.get(i).after() - CONTEXT_LINES);
            int at = first;
            List<Hunk.Line> lines = new ArrayList<>();
            do {
                Gained next = sorted.get(i);
                context(at, next.after(), lines);
                next.lines().forEach(l -> lines.add(new Hunk.Line(Hunk.Role.ADDED, l + "\n")));
                at = next.after();
                i++;
            } while (i < sorted.size() && sorted.get(i).after() <= at + 2 * CONTEXT_LINES);
            context(at, Math.min(older.size(), at + CONTEXT_LINES), lines);
            insertions.add(new Hunk(path + ":" + (first + 1), first + 1, first + 1, lines));
        }
        return insertions;
    }

    private void context(int from, int to, List<Hunk.Line> lines) {
        older.subList(from, to).forEach(l -> lines.add(new Hunk.Line(Hunk.Role.CONTEXT, l + "\n")));
    }
}
