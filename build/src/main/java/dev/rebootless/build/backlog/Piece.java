package dev.rebootless.build.backlog;

import java.util.Comparator;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * What two neighbouring versions of the source differ by in one file, or some hunks of that. The
 * order is the one in which pieces are applied.
 *
 * @param step which difference, from 0 for the one after the running kernel's source
 * @param path of the file
 * @param hunks by their number in the file's diff, from 0; empty for all of them
 */
record Piece(int step, String path, Optional<SortedSet<Integer>> hunks)
        implements Comparable<Piece> {
    Piece {
        hunks = hunks.map(TreeSet::new);
    }

    /** All of a file's difference. */
    static Piece whole(int step, String path) {
        return new Piece(step, path, Optional.empty());
    }

    boolean isWhole() {
        return hunks.isEmpty();
    }

    /** Both pieces' hunks of the same file and step. */
    Piece with(Piece other) {
        if (isWhole() || other.isWhole()) {
            return whole(step, path);
        }
        NavigableSet<Integer> both = new TreeSet<>(hunks.orElseThrow());
        both.addAll(other.hunks().orElseThrow());
        return new Piece(step, path, Optional.of(both));
    }

    @Override
    public int compareTo(Piece other) {
        return Comparator.comparingInt(Piece::step).thenComparing(Piece::path).compare(this, other);
    }
}
