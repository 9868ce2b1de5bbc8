package dev.rebootless.build.backlog;

import dev.rebootless.base.Problem;
import dev.rebootless.source.patch.FileKind;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * Looks for the pieces that make a livepatch of a fix: its own first; what does not apply, or lacks
 * a declaration, brings along the earlier or other changes that it needs; where too much came along
 * and the title names functions, those alone are tried. Each step is kept in words.
 */
final class FixSearch {
    /** Fixes that need more than that have become a backport. */
    private static final int MAX_ROUNDS = 6;

    private static final int MAX_PIECES = 12;

    private final History history;
    private final Workshop workshop;
    private final ToldApart toldApart;

    FixSearch(History history, Workshop workshop, ToldApart toldApart) {
        this.history = history;
        this.workshop = workshop;
        this.toldApart = toldApart;
    }

    /**
     * What was found.
     *
     * @param pieces of the last attempt
     * @param story what was tried, in words
     * @param isNarrowed whether not all that may be part of the fix is in it
     * @param told the words of what another line told apart; empty where it told nothing, or was
     *     not asked
     */
    record Found(
            Pieces pieces, Attempt attempt, List<String> story, boolean isNarrowed, String told) {
        Found {
            story = List.copyOf(story);
        }
    }

    Found search(Fix fix, String name) {
        List<String> cves = List.of(fix.row().cve().id().text());
        List<String> story = new ArrayList<>();
        Found wide = grown(fix, fix.pieces(), name, cves, story, false, "");
        if (!(wide.attempt() instanceof Attempt.Refused(List<Problem> problems))) {
            return wide;
        }
        String code = problems.getFirst().code();
        Optional<ToldApart.Part> told = toldApart.of(fix);
        String words = told.map(ToldApart.Part::words).orElse("");
        if (told.isPresent()) {
            story.add(code + ": only these are taken: " + words);
            Found part = grown(fix, told.get().pieces(), name, cves, story, true, words);
            if (!(part.attempt() instanceof Attempt.Refused)) {
                return part;
            }
        }
        Optional<Pieces> narrow = narrowed(fix);
        if (narrow.isPresent()) {
            story.add(
                    code
                            + ": only what changes "
                            + String.join(", ", fix.functions())
                            + ", which the title names, is taken of "
                            + String.join(", ", narrow.get().paths()));
            Found part = grown(fix, narrow.get(), name, cves, story, true, words);
            if (!(part.attempt() instanceof Attempt.Refused)) {
                return part;
            }
        }
        return new Found(wide.pieces(), wide.attempt(), story, false, words);
    }

    private Found grown(
            Fix fix,
            Pieces start,
            String name,
            List<String> cves,
            List<String> story,
            boolean isNarrowed,
            String told) {
        Pieces pieces = start;
        Attempt attempt = workshop.build(name, pieces, cves);
        for (int round = 0; round < MAX_ROUNDS; round++) {
            if (!(attempt instanceof Attempt.Refused(List<Problem> problems))) {
                break;
            }
            Pieces more = pieces.with(needed(fix, pieces, problems, story));
            if (more.equals(pieces) || more.all().size() > MAX_PIECES) {
                break;
            }
            pieces = more;
            attempt = workshop.build(name, pieces, cves);
        }
        return new Found(pieces, attempt, story, isNarrowed, told);
    }

    private List<Piece> needed(Fix fix, Pieces pieces, List<Problem> problems, List<String> story) {
        List<Piece> more = new ArrayList<>();
        if (history.isGiven(fix.step())) {
            // What was given by hand is all of it, or nothing.
            return more;
        }
        Set<String> unfit = new TreeSet<>();
        for (Problem problem : problems) {
            if (Set.of("RBL-HUNK-MISMATCH", "RBL-ALREADY-APPLIED", "RBL-HUNK-NO-CONTEXT")
                    .contains(problem.code())) {
                pieces.paths().stream()
                        .filter(p -> problem.message().contains(" of " + p + " "))
                        .forEach(unfit::add);
            }
        }
        for (String path : unfit) {
            List<Piece> earlier =
                    history.earlier(fix.step(), path).stream()
                            .filter(p -> !pieces.containsAll(Pieces.of(List.of(p))))
                            .toList();
            if (!earlier.isEmpty()) {
                more.addAll(earlier);
                story.add(
                        path
                                + " changed before as well, and the fix does not apply without: all of its changes since "
                                + history.steps().get(earlier.getFirst().step()).older()
                                + " are taken together");
            }
        }
        for (Problem problem : problems) {
            String unit = problem.place();
            if (problem.code().equals("RBL-COMPILE")
                    && unit.endsWith(".c")
                    && !pieces.contains(fix.step(), unit)
                    && history.changes(fix.step(), unit)) {
                more.add(Piece.whole(fix.step(), unit));
                story.add(
                        unit
                                + " does not compile with what the fix declares, and changed in the same step: it is"
                                + " taken along");
            }
        }
        if (more.isEmpty()) {
            Set<String> missing = MissingNames.of(problems);
            for (String missed : missing) {
                List<Piece> brings = bringing(missed, fix.step(), pieces);
                if (!brings.isEmpty()) {
                    more.addAll(brings);
                    story.add(
                            missed
                                    + " comes with "
                                    + String.join(", ", Pieces.of(brings).paths())
                                    + ", which is taken along");
                }
            }
        }
        return more;
    }

    /**
     * The nearest step's changes that bring a name: of files that are there in part, then headers,
     * then C files that define it.
     */
    private List<Piece> bringing(String name, int lastStep, Pieces have) {
        List<Piece> rest = new ArrayList<>();
        for (Piece piece : have.list()) {
            if (piece.isWhole() || FileKind.of(piece.path()) != FileKind.C_SOURCE) {
                continue;
            }
            SortedSet<Integer> runs =
                    history.change(piece.step(), piece.path()).bringing(Set.of(name));
            Piece more = new Piece(piece.step(), piece.path(), Optional.of(runs));
            if (!runs.isEmpty() && !have.containsAll(Pieces.of(List.of(more)))) {
                rest.add(more);
            }
        }
        if (!rest.isEmpty()) {
            return rest;
        }
        List<Piece> gained = gaining(name, lastStep, have);
        if (!gained.isEmpty()) {
            return gained;
        }
        for (FileKind kind : List.of(FileKind.HEADER, FileKind.C_SOURCE)) {
            for (int step = lastStep; step >= 0; step--) {
                List<Piece> found = new ArrayList<>();
                for (String path : history.mentioning(step, name)) {
                    if (FileKind.of(path) == kind
                            && (kind == FileKind.C_SOURCE || isNear(path, have))) {
                        bringing(name, step, path)
                                .filter(p -> !have.containsAll(Pieces.of(List.of(p))))
                                .ifPresent(found::add);
                    }
                }
                if (!found.isEmpty()) {
                    return found;
                }
            }
        }
        return List.of();
    }

    /** A header's declaration of the name, without what else changes there. */
    private List<Piece> gaining(String name, int lastStep, Pieces have) {
        for (int step = lastStep; step >= 0; step--) {
            for (String path : history.mentioning(step, name)) {
                if (FileKind.of(path) == FileKind.HEADER && isNear(path, have)) {
                    SortedSet<Integer> gained = history.change(step, path).gaining(name);
                    Piece piece = new Piece(step, path, Optional.of(gained));
                    if (!gained.isEmpty() && !have.containsAll(Pieces.of(List.of(piece)))) {
                        return List.of(piece);
                    }
                }
            }
        }
        return List.of();
    }

    private Optional<Piece> bringing(String name, int step, String path) {
        FileChange change = history.change(step, path);
        SortedSet<Integer> runs = change.bringing(Set.of(name));
        if (FileKind.of(path) == FileKind.C_SOURCE) {
            // Half of a C file seldom compiles.
            return !runs.isEmpty() && change.functions(runs).contains(name)
                    ? Optional.of(Piece.whole(step, path))
                    : Optional.empty();
        }
        if (runs.isEmpty()) {
            runs = change.declaring(name);
        }
        // What declares it alone is there by now: it is a definition that is missing.
        return runs.isEmpty() || !change.gaining(name).isEmpty()
                ? Optional.empty()
                : Optional.of(new Piece(step, path, Optional.of(change.closure(runs))));
    }

    /**
     * Whether code of these files would look there: in the common includes, or in a folder that one
     * of them is in.
     */
    private static boolean isNear(String path, Pieces have) {
        if (path.startsWith("include/") || path.startsWith("arch/x86/include/")) {
            return true;
        }
        String folder = path.substring(0, path.lastIndexOf('/') + 1).replaceFirst("include/$", "");
        return have.paths().stream().anyMatch(p -> p.startsWith(folder));
    }

    private Optional<Pieces> narrowed(Fix fix) {
        if (fix.functions().isEmpty()) {
            return Optional.empty();
        }
        List<Piece> narrow = new ArrayList<>();
        for (Piece piece : fix.pieces().list()) {
            FileChange change = history.change(piece.step(), piece.path());
            SortedSet<Integer> hunks = change.changing(fix.functions());
            if (!hunks.isEmpty()) {
                narrow.add(
                        new Piece(piece.step(), piece.path(), Optional.of(change.closure(hunks))));
            }
        }
        Pieces pieces = Pieces.of(narrow);
        return narrow.isEmpty() || pieces.equals(fix.pieces())
                ? Optional.empty()
                : Optional.of(pieces);
    }
}
