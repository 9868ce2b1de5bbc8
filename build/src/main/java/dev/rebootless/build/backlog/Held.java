package dev.rebootless.build.backlog;

import java.util.Collections;
import java.util.EnumSet;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** Why a fix that can be built is not in a livepatch. */
public sealed interface Held {
    /** A reviewer said no. */
    record Rejected() implements Held {}

    /**
     * A person has to decide.
     *
     * @param doubts what nobody took on; at least one
     */
    record Doubtful(SortedSet<Doubt> doubts) implements Held {
        /** Of an outcome. */
        public Doubtful {
            doubts = Collections.unmodifiableSortedSet(new TreeSet<>(doubts));
        }
    }

    /**
     * It does not go together with more important ones, or fails the proof.
     *
     * @param why for people
     */
    record Unfit(String why) implements Held {}

    /** Whether a reviewer's word holds it, or the want of one. */
    default boolean isForAReviewer() {
        return switch (this) {
            case Rejected _, Doubtful _ -> true;
            case Unfit _ -> false;
        };
    }

    /** For people, with what would take it in. */
    default String words() {
        return switch (this) {
            case Rejected _ -> "a reviewer said no";
            case Doubtful(SortedSet<Doubt> doubts) ->
                    said(doubts)
                            + (Doubt.UNREVIEWED.containsAll(doubts)
                                    ? "; --include-unreviewed, or a reviewer's yes (--accept), takes it in"
                                    : "; a reviewer's yes (--accept) takes it in");
            case Unfit(String why) -> why;
        };
    }

    /** Doubts as one sentence. */
    static String said(Iterable<Doubt> doubts) {
        EnumSet<Doubt> inOrder = EnumSet.noneOf(Doubt.class);
        doubts.forEach(inOrder::add);
        return inOrder.stream().map(Doubt::words).collect(Collectors.joining("; "));
    }
}
