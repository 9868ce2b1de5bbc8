package dev.rebootless.build.backlog;

import dev.rebootless.base.Lazy;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.TreeSet;

/**
 * Tells the changes of a fix from others in the same files: those that another line of kernels got
 * together with the fix. A change that the other line got in another upload, or never, is not of
 * the fix; one that it got together with it may be.
 */
final class ToldApart {
    private final History history;
    private final Lazy<Optional<OtherLine>> other;

    ToldApart(History history, Lazy<Optional<OtherLine>> other) {
        this.history = history;
        this.other = other;
    }

    /**
     * A part of a fix's pieces.
     *
     * @param words how it was told, for a reviewer
     */
    record Part(Pieces pieces, String words) {}

    /** Empty where all of it may be of the fix, or nothing tells. */
    Optional<Part> of(Fix fix) {
        if (history.isGiven(fix.step())) {
            return Optional.empty();
        }
        Optional<OtherLine> line = other.get();
        if (line.isEmpty()) {
            return Optional.empty();
        }
        List<Piece> kept = new ArrayList<>();
        List<String> words = new ArrayList<>();
        for (Piece piece : fix.pieces().list()) {
            Optional<OtherLine.Told> told = line.get().of(fix.row().cve(), piece.path());
            FileChange change = history.change(piece.step(), piece.path());
            NavigableSet<Integer> shared = new TreeSet<>();
            for (int run : history.hunks(piece)) {
                if (told.isPresent()
                        && !Collections.disjoint(change.lines(run), told.get().lines())) {
                    shared.add(run);
                }
            }
            // What reads a new variable, without what sets it, would be worse than no fix.
            NavigableSet<Integer> taken = new TreeSet<>(change.withTheirNames(shared));
            taken.retainAll(history.hunks(piece));
            if (taken.isEmpty() || taken.equals(history.hunks(piece))) {
                kept.add(piece);
            } else {
                kept.add(new Piece(piece.step(), piece.path(), Optional.of(taken)));
                words.add(
                        "%d of %d changes of %s, those that the %s line got together with the fix, from %s to %s"
                                .formatted(
                                        taken.size(),
                                        history.hunks(piece).size(),
                                        piece.path(),
                                        told.orElseThrow().line(),
                                        told.orElseThrow().older(),
                                        told.orElseThrow().newer()));
            }
        }
        return words.isEmpty()
                ? Optional.empty()
                : Optional.of(new Part(Pieces.of(kept), String.join("; ", words)));
    }
}
