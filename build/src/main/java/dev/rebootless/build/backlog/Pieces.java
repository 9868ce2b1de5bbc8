package dev.rebootless.build.backlog;

import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.NavigableMap;
import java.util.NavigableSet;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/** A set of pieces, at most one of each file and step. */
record Pieces(SortedMap<Pieces.Key, Piece> all) {
    static final Pieces NONE = new Pieces(new TreeMap<>());

    /** A file in a step. */
    record Key(int step, String path) implements Comparable<Key> {
        @Override
        public int compareTo(Key other) {
            int bySteps = Integer.compare(step, other.step);
            return bySteps != 0 ? bySteps : path.compareTo(other.path);
        }
    }

    Pieces {
        all = Collections.unmodifiableSortedMap(new TreeMap<>(all));
    }

    static Pieces of(Collection<Piece> pieces) {
        return NONE.with(pieces);
    }

    /** These and others; hunks of one file and step are joined. */
    Pieces with(Collection<Piece> more) {
        NavigableMap<Key, Piece> joined = new TreeMap<>(all);
        more.forEach(p -> joined.merge(new Key(p.step(), p.path()), p, Piece::with));
        return new Pieces(joined);
    }

    Pieces with(Pieces more) {
        return with(more.list());
    }

    /** In the order in which they are applied. */
    List<Piece> list() {
        return List.copyOf(all.values());
    }

    SortedSet<String> paths() {
        NavigableSet<String> paths = new TreeSet<>();
        all.values().forEach(p -> paths.add(p.path()));
        return paths;
    }

    boolean contains(int step, String path) {
        return all.containsKey(new Key(step, path));
    }

    /** Whether every hunk of others is among these. */
    boolean containsAll(Pieces others) {
        return with(others).equals(this);
    }

    /** For whoever keeps what was found of them: the same pieces give the same text. */
    String text() {
        StringBuilder text = new StringBuilder();
        for (Piece piece : all.values()) {
            text.append(piece.step()).append(' ').append(piece.path());
            piece.hunks().ifPresent(h -> text.append(' ').append(h));
            text.append('\n');
        }
        return text.toString();
    }
}
