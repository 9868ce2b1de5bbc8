package dev.rebootless.source.patch;

import dev.rebootless.base.Problem;
import dev.rebootless.source.patch.PatchedFile.AppliedHunk;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * The text of one file while hunks are applied to it. A hunk goes exactly where it says, or, as
 * patch(1) does but more strictly, to the only place in the file that has all its lines. There is
 * no fuzz: a line of context that differs may be the reason why the change is right or wrong.
 */
final class HunkApplier {
    /** A patch for another tree fails everywhere; searching for all of it only takes time. */
    private static final int MAX_PROBLEMS = 20;

    /** How many of the places that match a message names. */
    private static final int NAMED_PLACES = 5;

    private final String path;
    private final byte[] original;

    /** The text now, and for each line the line of the original that it is, or 0. */
    private final List<String> text;

    private final List<Integer> originalLines;

    private final List<AppliedHunk> applied = new ArrayList<>();
    private final List<String> notes = new ArrayList<>();

    HunkApplier(String path, byte[] original) {
        this.path = path;
        this.original = original;
        this.text = new ArrayList<>(Lines.of(original));
        this.originalLines = new ArrayList<>(text.size());
        for (int i = 1; i <= text.size(); i++) {
            originalLines.add(i);
        }
    }

    /**
     * Applies the hunks of one patch.
     *
     * @return what stands in the way, empty when all went in
     */
    List<Problem> apply(List<Hunk> hunks) {
        List<Problem> problems = new ArrayList<>();
        int growth = 0;
        int lastOffset = 0;
        int floor = 0;
        for (int i = 0; i < hunks.size() && problems.size() < MAX_PROBLEMS; i++) {
            Hunk hunk = hunks.get(i);
            String which = "hunk " + (i + 1) + " of " + hunks.size();
            List<String> before = hunk.before();
            int stated = hunk.oldIndex() + growth;
            if (before.isEmpty() && !text.isEmpty()) {
                problems.add(noContext(hunk, which, stated));
                continue;
            }
            int at = stated;
            // Where an earlier hunk has moved, the stated line is no evidence any more.
            if (lastOffset != 0 || !matches(before, stated)) {
                List<Integer> places = placesOf(before);
                if (places.size() != 1 || places.getFirst() < floor) {
                    problems.add(misfit(hunk, which, stated, places));
                    continue;
                }
                at = places.getFirst();
            }
            replace(at, hunk);
            lastOffset = at - stated;
            if (lastOffset != 0) {
                notes.add(
                        "%s: %s of %s applied at line %d, %d lines %s where it says"
                                .formatted(
                                        hunk.place(),
                                        which,
                                        path,
                                        at + 1,
                                        Math.abs(lastOffset),
                                        lastOffset > 0 ? "below" : "above"));
            }
            applied.add(new AppliedHunk(hunk, at + 1, lastOffset));
            growth += hunk.after().size() - before.size();
            floor = at + hunk.after().size();
        }
        return problems;
    }

    List<String> notes() {
        return notes;
    }

    PatchedFile result() {
        return new PatchedFile(path, original, Lines.join(text), originalLines, applied);
    }

    private boolean matches(List<String> before, int at) {
        return at >= 0
                && at + before.size() <= text.size()
                && text.subList(at, at + before.size()).equals(before);
    }

    private List<Integer> placesOf(List<String> before) {
        List<Integer> places = new ArrayList<>();
        for (int at = 0; at + before.size() <= text.size(); at++) {
            if (matches(before, at)) {
                places.add(at);
            }
        }
        return places;
    }

    private void replace(int at, Hunk hunk) {
        List<String> newText = new ArrayList<>();
        List<Integer> newOrigins = new ArrayList<>();
        int old = at;
        for (Hunk.Line line : hunk.lines()) {
            switch (line.role()) {
                case CONTEXT -> {
                    newText.add(line.text());
                    newOrigins.add(originalLines.get(old++));
                }
                case REMOVED -> old++;
                case ADDED -> {
                    newText.add(line.text());
                    newOrigins.add(0);
                }
            }
        }
        replaceRange(text, at, old, newText);
        replaceRange(originalLines, at, old, newOrigins);
    }

    private static <T> void replaceRange(List<T> list, int from, int to, List<T> with) {
        List<T> range = list.subList(from, to);
        range.clear();
        range.addAll(with);
    }

    private Problem noContext(Hunk hunk, String which, int stated) {
        return new Problem(
                "RBL-HUNK-NO-CONTEXT",
                hunk.place(),
                "%s of %s has no line of the file in it, so nothing shows that line %d is the right place"
                        .formatted(which, path, stated + 1),
                "make the patch with context, as `git diff` and `diff -u` do by default");
    }

    private Problem misfit(Hunk hunk, String which, int stated, List<Integer> places) {
        List<String> after = hunk.after();
        if (!after.isEmpty() && places.isEmpty() && matches(after, stated)) {
            return new Problem(
                    "RBL-ALREADY-APPLIED",
                    hunk.place(),
                    "%s of %s is in the tree already, at line %d"
                            .formatted(which, path, stated + 1),
                    "this kernel has the change; leave the patch out, or check that it is meant for"
                            + " this kernel");
        }
        String found;
        if (places.size() > 1) {
            found =
                    "it fits at %d places (lines %s), none of them the one it says"
                            .formatted(
                                    places.size(),
                                    places.stream()
                                            .limit(NAMED_PLACES)
                                            .map(at -> String.valueOf(at + 1))
                                            .reduce((a, b) -> a + ", " + b)
                                            .orElse(""));
        } else if (places.size() == 1) {
            found =
                    "it fits only at line %d, which is above the hunk before it"
                            .formatted(places.getFirst() + 1);
        } else {
            found = firstDifference(hunk.before(), stated);
        }
        return new Problem(
                "RBL-HUNK-MISMATCH",
                hunk.place(),
                "%s of %s does not apply: %s".formatted(which, path, found),
                "use the patch as it was backported to this kernel's source, or rebase it on that"
                        + " source");
    }

    /** Compares with the place that shares most lines with the hunk near where it should be. */
    private String firstDifference(List<String> before, int stated) {
        int at = Math.max(0, Math.min(stated, text.size()));
        for (int i = 0; i < before.size(); i++) {
            int line = at + i;
            if (line >= text.size()) {
                return "%s:%d: the patch expects %s, and the file ends before it"
                        .formatted(path, line + 1, Lines.quote(before.get(i)));
            }
            if (!text.get(line).equals(before.get(i))) {
                return "%s:%d: the patch expects %s, and %s stands there"
                        .formatted(
                                path,
                                line + 1,
                                Lines.quote(before.get(i)),
                                Lines.quote(text.get(line)));
            }
        }
        return Collections.frequency(before, "\n") == before.size()
                ? "it is made of empty lines only"
                : "an earlier hunk of the file went elsewhere than it says";
    }
}
