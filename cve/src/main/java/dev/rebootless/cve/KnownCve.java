package dev.rebootless.cve;

import dev.rebootless.kernel.DebianVersion;
import java.util.List;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * A CVE that was fixed between two versions of a kernel package, and all that changelog and feeds
 * say of it.
 *
 * @param title of the commit, or of the record
 * @param fixedIn the upload that has the fix: the last that the changelog names, else the earliest
 *     that a feed does; empty where nobody says
 * @param rating the highest of all
 * @param knownExploited empty where no list of exploited ones was read
 * @param sources who says that it was fixed, each with where: {@code changelog 6.1.187-1}
 * @param contradictions where sources disagree
 * @param files that the fix changes, as a feed says; empty where none does
 * @param filesSource the feed that says so
 * @param reachesAmd64 false where the changelog marks the fix as one for other architectures
 */
public record KnownCve(
        CveId id,
        String title,
        Optional<DebianVersion> fixedIn,
        Rating rating,
        Optional<Boolean> knownExploited,
        List<String> sources,
        List<String> contradictions,
        SortedSet<String> files,
        String filesSource,
        boolean reachesAmd64) {
    public KnownCve {
        sources = List.copyOf(sources);
        contradictions = List.copyOf(contradictions);
        files = java.util.Collections.unmodifiableSortedSet(new TreeSet<>(files));
    }

    /** The same, where somebody says better which files the fix changes. */
    public KnownCve withFiles(SortedSet<String> better, String source) {
        return new KnownCve(
                id,
                title,
                fixedIn,
                rating,
                knownExploited,
                sources,
                contradictions,
                better,
                source,
                reachesAmd64);
    }
}
