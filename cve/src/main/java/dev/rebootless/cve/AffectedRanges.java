package dev.rebootless.cve;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Which versions of kernel.org a CVE record calls affected (CVE record format 5, {@code
 * containers.cna.affected[].versions}; what the kernel's CNA writes is described in {@code
 * Documentation/process/cve.rst}). Ranges of git commits are left out: a package has none.
 *
 * @param affectedByDefault {@code defaultStatus} is {@code affected}: what no range speaks of
 * @param ranges as they stand there
 * @param faults ranges that make no sense, such as one that ends before it begins
 */
record AffectedRanges(boolean affectedByDefault, List<Range> ranges, List<String> faults) {
    /** No range at all: nothing is known. */
    static final AffectedRanges NONE = new AffectedRanges(false, List.of(), List.of());

    AffectedRanges {
        ranges = List.copyOf(ranges);
        faults = List.copyOf(faults);
    }

    /** What a record says of a version. */
    enum Status {
        AFFECTED,
        UNAFFECTED,
        /** Nothing, or two things at once. */
        UNKNOWN
    }

    /** Where a range ends. */
    sealed interface End {
        /** With its first version. */
        record Single() implements End {}

        /** Before a version. */
        record Before(UpstreamVersion version) implements End {}

        /** With a version. */
        record With(UpstreamVersion version) implements End {}

        /** With the line of a wildcard such as {@code 6.1.*}. */
        record Line(String wildcard) implements End {}
    }

    /** A range of versions of one status. */
    record Range(UpstreamVersion from, End end, boolean affected) {
        boolean contains(UpstreamVersion version) {
            if (version.compareTo(from) < 0) {
                return false;
            }
            return switch (end) {
                case End.Single _ -> version.compareTo(from) == 0;
                case End.Before(UpstreamVersion bound) -> version.compareTo(bound) < 0;
                case End.With(UpstreamVersion bound) -> version.compareTo(bound) <= 0;
                case End.Line(String wildcard) -> version.matches(wildcard);
            };
        }

        boolean isBackwards() {
            return switch (end) {
                case End.Single _ -> false;
                case End.Before(UpstreamVersion bound) -> bound.compareTo(from) <= 0;
                case End.With(UpstreamVersion bound) -> bound.compareTo(from) < 0;
                case End.Line(String wildcard) -> !from.matches(wildcard);
            };
        }
    }

    boolean isEmpty() {
        return ranges.isEmpty();
    }

    Status of(UpstreamVersion version) {
        if (ranges.isEmpty()) {
            return Status.UNKNOWN;
        }
        Set<Boolean> said = new HashSet<>();
        ranges.stream().filter(r -> r.contains(version)).forEach(r -> said.add(r.affected()));
        if (said.size() > 1) {
            return Status.UNKNOWN;
        }
        boolean affected = said.isEmpty() ? affectedByDefault : said.contains(true);
        return affected ? Status.AFFECTED : Status.UNAFFECTED;
    }

    /**
     * The first version that is not affected any more, of those after one that is and up to one
     * that is not; empty where the two are not so.
     */
    Optional<UpstreamVersion> fixedBetween(UpstreamVersion running, UpstreamVersion target) {
        if (of(running) != Status.AFFECTED || of(target) != Status.UNAFFECTED) {
            return Optional.empty();
        }
        List<UpstreamVersion> bounds = new ArrayList<>();
        for (Range range : ranges) {
            bounds.add(range.from());
            if (range.end() instanceof End.Before(UpstreamVersion bound)) {
                bounds.add(bound);
            }
        }
        return Stream.concat(bounds.stream(), Stream.of(target))
                .filter(b -> b.compareTo(running) > 0 && b.compareTo(target) <= 0)
                .filter(b -> of(b) == Status.UNAFFECTED)
                .min(Comparator.naturalOrder());
    }
}
