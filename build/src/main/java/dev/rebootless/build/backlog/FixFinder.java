package dev.rebootless.build.backlog;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.build.exposure.CveRow;
import dev.rebootless.build.exposure.ExposedCves;
import dev.rebootless.build.exposure.Place;
import dev.rebootless.kernel.DebianVersion;
import dev.rebootless.source.patch.FileKind;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;

/** Finds where in the sources' differences a CVE's fix is. */
final class FixFinder {
    /** So many are not worth reading in a message. */
    private static final int MANY = 8;

    private final History history;
    private final ExposedCves exposed;

    FixFinder(History history, ExposedCves exposed) {
        this.history = history;
        this.exposed = exposed;
    }

    /**
     * The fix of a CVE that this kernel is exposed to.
     *
     * @throws RebootlessException exit status 4 {@code RBL-FIX-UNKNOWN} when nobody says which
     *     files it changes; {@code RBL-FIX-NOT-FOUND} when those do not change where it should be;
     *     {@code RBL-FILE-CREATED}
     */
    Fix find(CveRow row) {
        String id = row.cve().id().text();
        Optional<GivenPatch> given = history.given(row.cve().id());
        if (given.isPresent()) {
            return given(row, given.get());
        }
        DebianVersion fixedIn =
                row.cve()
                        .fixedIn()
                        .orElseThrow(() -> notFound(id, "nobody says which upload has it"));
        OptionalInt step = history.stepOf(fixedIn);
        if (step.isEmpty()) {
            throw notFound(id, "no source that is served has it: it was fixed in " + fixedIn);
        }
        int at = step.getAsInt();
        return switch (row.place()) {
            case Place.Stated(SortedSet<String> files, String _) -> stated(row, at, files);
            case Place.Named(SortedSet<String> files, String _) -> named(row, at, files);
            case Place.UnbuiltFolder _, Place.OtherArchitecture _ ->
                    throw notFound(id, "this kernel has none of its code");
            case Place.Among among ->
                    throw unknown(
                            id,
                            "no feed says which files its fix changes, and "
                                    + among.source()
                                    + few(
                                            among.files().isEmpty()
                                                    ? among.others()
                                                    : among.files()));
            case Place.Unknown(String why) ->
                    throw unknown(
                            id,
                            "no feed says which files its fix changes, and "
                                    + (why.isEmpty() ? "the changelog's title names none" : why));
        };
    }

    private static RebootlessException unknown(String id, String why) {
        return RebootlessException.refused(
                "RBL-FIX-UNKNOWN",
                id,
                why,
                "give CVE records with --feed, or the fix with --patch FILE --cve " + id);
    }

    private static String few(Set<String> files) {
        return files.size() > MANY ? "" : ": " + String.join(", ", files);
    }

    private Fix given(CveRow row, GivenPatch patch) {
        int step = history.stepOf(patch);
        List<Piece> pieces =
                patch.difference().changed().stream().map(f -> Piece.whole(step, f)).toList();
        return new Fix(
                row,
                step,
                Pieces.of(pieces),
                new TreeSet<>(),
                true,
                List.of("the fix was given by hand: " + patch.name()));
    }

    private Fix stated(CveRow row, int step, Set<String> files) {
        List<Piece> pieces = new ArrayList<>();
        List<String> notes = new ArrayList<>();
        List<String> missing = new ArrayList<>();
        for (String file : files) {
            if (!FileKind.of(file).reachesTheKernel()) {
                continue;
            }
            if (exposed.built().targetsOf(file).isEmpty()) {
                notes.add(file + " is not built here");
            } else if (history.changes(step, file)) {
                pieces.add(Piece.whole(step, file));
            } else {
                missing.add(file);
            }
        }
        if (!missing.isEmpty()) {
            throw notFound(
                    row.cve().id().text(),
                    "%s does not change from %s to %s, or is new there"
                            .formatted(
                                    String.join(", ", missing),
                                    history.steps().get(step).older(),
                                    history.steps().get(step).newer()));
        }
        if (pieces.isEmpty()) {
            throw notFound(row.cve().id().text(), "this kernel has none of its code");
        }
        return new Fix(row, step, Pieces.of(related(pieces)), new TreeSet<>(), true, notes);
    }

    /**
     * Of a header's hunks those that have to do with the changed C files, where any has: a header
     * such as fs.h collects the changes of many fixes.
     */
    private List<Piece> related(List<Piece> pieces) {
        Set<String> used = new TreeSet<>();
        for (Piece piece : pieces) {
            if (FileKind.of(piece.path()) == FileKind.C_SOURCE) {
                FileChange change = history.change(piece.step(), piece.path());
                used.addAll(change.added(history.hunks(piece)));
            }
        }
        List<Piece> narrowed = new ArrayList<>();
        for (Piece piece : pieces) {
            if (FileKind.of(piece.path()) != FileKind.HEADER) {
                narrowed.add(piece);
                continue;
            }
            FileChange change = history.change(piece.step(), piece.path());
            SortedSet<Integer> hunks = change.bringing(used);
            narrowed.add(
                    hunks.isEmpty() || hunks.size() == change.size()
                            ? piece
                            : new Piece(
                                    piece.step(),
                                    piece.path(),
                                    Optional.of(change.closure(hunks))));
        }
        return narrowed;
    }

    private Fix named(CveRow row, int step, Set<String> files) {
        List<Piece> pieces = new ArrayList<>();
        for (String file : files) {
            if (history.changes(step, file) && !exposed.built().targetsOf(file).isEmpty()) {
                pieces.add(Piece.whole(step, file));
            }
        }
        Map<String, SortedSet<String>> named = exposed.functionsNamed(row.cve().title());
        NavigableSet<String> functions = new TreeSet<>();
        for (Piece piece : pieces) {
            functions.addAll(history.change(step, piece.path()).functions());
        }
        functions.retainAll(named.keySet());
        if (pieces.isEmpty()) {
            throw notFound(
                    row.cve().id().text(),
                    "%s, which its title names, does not change from %s to %s"
                            .formatted(
                                    String.join(", ", files),
                                    history.steps().get(step).older(),
                                    history.steps().get(step).newer()));
        }
        return new Fix(
                row,
                step,
                Pieces.of(pieces),
                functions,
                false,
                List.of(
                        "which files the fix changes is known from its title alone; see that it changes no others"));
    }

    private static RebootlessException notFound(String id, String why) {
        return RebootlessException.refused(
                "RBL-FIX-NOT-FOUND",
                id,
                "its fix was not found in the packaged sources: " + why,
                "give the fix with --patch FILE --cve " + id + ", or reboot into the fixed kernel");
    }
}
