package dev.rebootless.build.backlog;

import dev.rebootless.base.Subprocess;
import dev.rebootless.build.exposure.FixSteps;
import dev.rebootless.cve.CveId;
import dev.rebootless.kernel.DebianVersion;
import dev.rebootless.source.history.SourceDifference;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The steps from the running kernel's source to the newest: the differences of what was packaged.
 */
final class History {
    private final FixSteps packaged;
    private final List<GivenPatch> given;
    private final List<SourceDifference> steps;
    private final Map<Pieces.Key, FileChange> changes = new ConcurrentHashMap<>();
    private final Map<String, List<String>> mentions = new ConcurrentHashMap<>();

    History(List<SourceDifference> steps) {
        this(steps, List.of());
    }

    /**
     * @param given patches that were given by hand: steps after those of the packaged sources
     */
    History(List<SourceDifference> steps, List<GivenPatch> given) {
        this.packaged = new FixSteps(steps);
        this.given = List.copyOf(given);
        List<SourceDifference> all = new ArrayList<>(steps);
        given.forEach(g -> all.add(g.difference()));
        this.steps = List.copyOf(all);
    }

    /** The patch that was given by hand for a CVE. */
    Optional<GivenPatch> given(CveId id) {
        return given.stream().filter(g -> g.ids().contains(id)).findFirst();
    }

    /** All CVEs for which a patch was given. */
    SortedSet<CveId> given() {
        NavigableSet<CveId> ids = new TreeSet<>();
        given.forEach(g -> ids.addAll(g.ids()));
        return ids;
    }

    /** The step that such a patch is. */
    int stepOf(GivenPatch patch) {
        return packaged.list().size() + given.indexOf(patch);
    }

    /** Whether a step is a patch that was given by hand. */
    boolean isGiven(int step) {
        return step >= packaged.list().size();
    }

    List<SourceDifference> steps() {
        return steps;
    }

    /** The step that brought what an upload fixed: to the first packaged source that is as new. */
    OptionalInt stepOf(DebianVersion fixedIn) {
        return packaged.of(fixedIn);
    }

    /** A file's change in a step that changes it. */
    FileChange change(int step, String path) {
        return changes.computeIfAbsent(
                new Pieces.Key(step, path), k -> FileChange.of(steps.get(step), path));
    }

    boolean changes(int step, String path) {
        return steps.get(step).changed().contains(path);
    }

    /**
     * The C files and headers that a step changes and in whose newer text a name stands as a word;
     * asked of grep, since an index of all names takes hundreds of megabytes.
     */
    List<String> mentioning(int step, String name) {
        return mentions.computeIfAbsent(step + " " + name, k -> search(steps.get(step), name));
    }

    private static List<String> search(SourceDifference difference, String name) {
        Subprocess.Result result =
                Subprocess.of(List.of("grep", "-rlswF", "--include=*.[ch]", "-e", name, "."))
                        .in(difference.newerFolder())
                        .run();
        return result.out()
                .lines()
                .map(line -> line.replaceFirst("^\\./", ""))
                .filter(path -> difference.changed().contains(path))
                .sorted()
                .toList();
    }

    /** Steps before one that change a file as well. */
    List<Piece> earlier(int step, String path) {
        List<Piece> found = new ArrayList<>();
        for (int i = 0; i < step; i++) {
            if (changes(i, path)) {
                found.add(Piece.whole(i, path));
            }
        }
        return found;
    }

    /** The numbers of a piece's hunks. */
    SortedSet<Integer> hunks(Piece piece) {
        return piece.hunks()
                .orElseGet(() -> {
                    NavigableSet<Integer> all = new TreeSet<>();
                    for (int i = 0; i < change(piece.step(), piece.path()).size(); i++) {
                        all.add(i);
                    }
                    return all;
                });
    }

    /** The functions that pieces change, as the source tells. */
    SortedSet<String> functions(Pieces pieces) {
        NavigableSet<String> found = new TreeSet<>();
        for (Piece piece : pieces.list()) {
            found.addAll(change(piece.step(), piece.path()).functions(hunks(piece)));
        }
        return found;
    }

    /** The pieces that an outcome names. */
    Pieces pieces(List<Outcome.Part> parts) {
        List<Piece> pieces = new ArrayList<>();
        for (Outcome.Part part : parts) {
            for (int i = 0; i < steps.size(); i++) {
                if (steps.get(i).older().equals(part.older())
                        && steps.get(i).newer().equals(part.newer())) {
                    pieces.add(
                            new Piece(
                                    i,
                                    part.path(),
                                    part.hunks().isEmpty()
                                            ? Optional.empty()
                                            : Optional.of(new TreeSet<>(part.hunks()))));
                    // The same patch may have been given for another CVE as well.
                    break;
                }
            }
        }
        return Pieces.of(pieces);
    }

    /** The patches of pieces, one for each step, in order. */
    List<String> patches(Pieces pieces) {
        List<String> patches = new ArrayList<>();
        for (int step = 0; step < steps.size(); step++) {
            StringBuilder text = new StringBuilder();
            for (Piece piece : pieces.list()) {
                if (piece.step() == step) {
                    text.append(change(step, piece.path()).diff(hunks(piece)));
                }
            }
            if (!text.isEmpty()) {
                patches.add(text.toString());
            }
        }
        return patches;
    }
}
