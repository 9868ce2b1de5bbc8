package dev.rebootless.build.backlog;

import dev.rebootless.source.history.FunctionNames;
import dev.rebootless.source.history.SourceDifference;
import dev.rebootless.source.patch.FilePatch;
import dev.rebootless.source.patch.Hunk;
import dev.rebootless.source.patch.SourcePatch;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.NavigableSet;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One file's difference between two versions, taken apart: its hunks, the functions that each
 * changes, and the names that each brings or uses.
 */
final class FileChange {
    private static final Pattern NAME = Pattern.compile("[A-Za-z_]\\w{2,}");

    /** include/linux/export.h. */
    private static final Pattern EXPORT =
            Pattern.compile("EXPORT_SYMBOL(?:_GPL|_NS|_NS_GPL)?\\([^)]*\\);");

    private final String path;
    private final List<Hunk> hunks;
    private final List<SortedSet<String>> functions = new ArrayList<>();
    private final List<Set<String>> added = new ArrayList<>();

    /** Names that stand nowhere in the older text. */
    private final Set<String> newNames = new HashSet<>();

    private FileChange(String path, List<Hunk> hunks) {
        this.path = path;
        this.hunks = hunks;
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
                                .toList());
        List<FunctionNames.Definition> before = FunctionNames.definitions(older);
        List<FunctionNames.Definition> after =
                FunctionNames.definitions(difference.newerLines(path));
        for (Hunk hunk : change.hunks) {
            change.add(hunk, before, after, oldNames);
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
            Hunk hunk,
            List<FunctionNames.Definition> before,
            List<FunctionNames.Definition> after,
            Set<String> oldNames) {
        NavigableSet<String> touched = new TreeSet<>();
        Set<String> names = new HashSet<>();
        int oldLine = hunk.oldStart();
        int newLine = hunk.newStart();
        for (Hunk.Line line : hunk.lines()) {
            switch (line.role()) {
                case CONTEXT -> {
                    oldLine++;
                    newLine++;
                }
                case REMOVED -> touched.addAll(at(before, oldLine++));
                case ADDED -> {
                    touched.addAll(at(after, newLine++));
                    names.addAll(names(line.text()));
                }
            }
        }
        functions.add(touched);
        added.add(names);
        names.stream().filter(n -> !oldNames.contains(n)).forEach(newNames::add);
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

    int size() {
        return hunks.size();
    }

    /** The functions that some hunks change. */
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

    /** The hunks that bring a name which the older text does not have. */
    SortedSet<Integer> bringing(Set<String> wanted) {
        NavigableSet<Integer> found = new TreeSet<>();
        for (int i = 0; i < hunks.size(); i++) {
            Set<String> brought = new HashSet<>(added.get(i));
            brought.retainAll(newNames);
            brought.retainAll(wanted);
            if (!brought.isEmpty()) {
                found.add(i);
            }
        }
        return found;
    }

    /** The hunks that add a line with a name. */
    SortedSet<Integer> adding(String name) {
        NavigableSet<Integer> found = new TreeSet<>();
        for (int i = 0; i < hunks.size(); i++) {
            if (added.get(i).contains(name)) {
                found.add(i);
            }
        }
        return found;
    }

    /** Names that some hunks add and that the older text does not have. */
    Set<String> newNames(Set<Integer> of) {
        Set<String> found = new HashSet<>();
        of.forEach(i -> found.addAll(added.get(i)));
        found.retainAll(newNames);
        return found;
    }

    /** Names that some hunks add, whether new to the file or not. */
    Set<String> added(Set<Integer> of) {
        Set<String> found = new HashSet<>();
        of.forEach(i -> found.addAll(added.get(i)));
        return found;
    }

    /**
     * Hunks and all that they need of the same file: hunks in the same functions, and those that
     * share a name which is new to the file, whichever of them brings it.
     */
    SortedSet<Integer> closure(Set<Integer> start) {
        NavigableSet<Integer> found = new TreeSet<>(start);
        boolean grows = true;
        while (grows) {
            Set<String> names = newNames(found);
            Set<String> touched = functions(found);
            grows = false;
            for (int i = 0; i < hunks.size(); i++) {
                if (!found.contains(i)
                        && (functions.get(i).stream().anyMatch(touched::contains)
                                || added.get(i).stream().anyMatch(names::contains))) {
                    found.add(i);
                    grows = true;
                }
            }
        }
        return found;
    }

    /** The hunks that change one of some functions. */
    SortedSet<Integer> changing(Set<String> of) {
        NavigableSet<Integer> found = new TreeSet<>();
        for (int i = 0; i < hunks.size(); i++) {
            if (functions.get(i).stream().anyMatch(of::contains)) {
                found.add(i);
            }
        }
        return found;
    }

    /** A unified diff of some hunks. */
    String diff(Set<Integer> of) {
        StringBuilder text = new StringBuilder();
        text.append("--- a/").append(path).append("\n+++ b/").append(path).append('\n');
        int growth = 0;
        for (int i = 0; i < hunks.size(); i++) {
            if (!of.contains(i)) {
                continue;
            }
            Hunk hunk = hunks.get(i);
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
}
