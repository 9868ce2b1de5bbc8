package dev.rebootless.cve;

import dev.rebootless.kernel.DebianVersion;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;

/**
 * What all feeds together say, by CVE.
 *
 * @param records of the CVE programme
 * @param ratings of NVD
 * @param tracked by Debian's security tracker
 * @param exploited CISA's list of what is known to be exploited; empty where no such feed was read:
 *     then nothing is known
 * @param own facts of a table of one's own
 * @param origins what was read
 * @param warnings what of it could not be
 */
public record FeedFacts(
        Map<CveId, CveRecord> records,
        Map<CveId, List<Rating>> ratings,
        Map<CveId, List<Tracked>> tracked,
        Optional<Set<CveId>> exploited,
        Map<CveId, OwnFact> own,
        List<Origin> origins,
        List<String> warnings) {
    /** No feed at all. */
    public static final FeedFacts NONE = new Builder().build();

    public FeedFacts {
        records = Map.copyOf(records);
        ratings = Map.copyOf(ratings);
        tracked = Map.copyOf(tracked);
        exploited = exploited.map(Set::copyOf);
        own = Map.copyOf(own);
        origins = List.copyOf(origins);
        warnings = List.copyOf(warnings);
    }

    /** The kinds of feeds. */
    public enum Kind {
        CVE_RECORDS("CVE records"),
        DEBIAN_TRACKER("Debian security tracker"),
        KNOWN_EXPLOITED("known exploited vulnerabilities"),
        NVD("NVD"),
        OWN_FACTS("table of facts");

        private final String words;

        Kind(String words) {
            this.words = words;
        }

        /** For people. */
        public String words() {
            return words;
        }
    }

    /**
     * A feed that was read.
     *
     * @param place a path or an address
     * @param date of its content, ISO 8601; of the file where the content has none
     */
    public record Origin(String place, Kind kind, String date) {}

    /** What Debian's tracker says of a suite. */
    enum Tracking {
        OPEN,
        FIXED,
        NEVER_AFFECTED,
        /** Undetermined, or something to come. */
        UNKNOWN
    }

    /**
     * A line of Debian's tracker.
     *
     * @param release a suite's code name, such as {@code bookworm}
     * @param fixed the version that has the fix; empty where none has, or none was ever affected
     */
    record Tracked(
            String sourcePackage, String release, Optional<DebianVersion> fixed, Tracking status) {}

    /** A fact of one's own table: which files a fix changes, and the upload that has it. */
    record OwnFact(SortedSet<String> files, DebianVersion fixedIn) {}

    /** Collects what feeds say. */
    static final class Builder {
        private final Map<CveId, CveRecord> records = new HashMap<>();
        private final Map<CveId, List<Rating>> ratings = new HashMap<>();
        private final Map<CveId, List<Tracked>> tracked = new HashMap<>();
        private final Set<CveId> exploited = new HashSet<>();
        private final Map<CveId, OwnFact> own = new HashMap<>();
        private final List<Origin> origins = new ArrayList<>();
        private final List<String> warnings = new ArrayList<>();
        private boolean exploitedIsKnown;

        /** Of two records of one id the one that was updated later. */
        void add(CveRecord record) {
            records.merge(
                    record.id(), record, (a, b) -> b.updated().compareTo(a.updated()) >= 0 ? b : a);
        }

        void add(CveId id, Rating rating) {
            ratings.computeIfAbsent(id, k -> new ArrayList<>()).add(rating);
        }

        void add(CveId id, Tracked line) {
            tracked.computeIfAbsent(id, k -> new ArrayList<>()).add(line);
        }

        void addExploited(CveId id) {
            exploited.add(id);
        }

        void add(CveId id, OwnFact fact) {
            own.put(id, fact);
        }

        void add(Origin origin) {
            origins.add(origin);
            exploitedIsKnown |= origin.kind() == Kind.KNOWN_EXPLOITED;
        }

        void warn(String warning) {
            warnings.add(warning);
        }

        FeedFacts build() {
            return new FeedFacts(
                    records,
                    ratings,
                    tracked,
                    exploitedIsKnown ? Optional.of(exploited) : Optional.empty(),
                    own,
                    origins,
                    warnings);
        }
    }
}
