package dev.rebootless.manifest;

import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * What is lost when one livepatch takes the place of another.
 *
 * @param cves that only the earlier one closes, sorted
 * @param functions that only the earlier one replaces, as {@link Manifest#functions} names them
 */
public record Regression(SortedSet<String> cves, SortedSet<String> functions) {
    public Regression {
        cves = new TreeSet<>(cves);
        functions = new TreeSet<>(functions);
    }

    /** Compares the two. */
    public static Regression between(Manifest earlier, Manifest later) {
        SortedSet<String> cves = new TreeSet<>(earlier.cves());
        cves.removeAll(Set.copyOf(later.cves()));
        SortedSet<String> functions = new TreeSet<>(earlier.functions());
        functions.removeAll(later.functions());
        return new Regression(cves, functions);
    }

    /** Whether nothing is lost. */
    public boolean isNone() {
        return cves.isEmpty() && functions.isEmpty();
    }

    /** What is lost, in one line. */
    public String text() {
        return String.join(", ", cves)
                + (cves.isEmpty() || functions.isEmpty() ? "" : " and ")
                + String.join(", ", functions);
    }
}
