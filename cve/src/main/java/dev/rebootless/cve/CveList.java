package dev.rebootless.cve;

import dev.rebootless.cve.AffectedRanges.Status;
import dev.rebootless.kernel.DebianVersion;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Every CVE that was fixed after one version of a kernel package and up to another: the union of
 * what the changelog and the feeds say. Who disagrees is shown, and nobody is outvoted.
 *
 * @param running the version that runs
 * @param to the version compared with
 * @param cves sorted by id
 */
public record CveList(DebianVersion running, DebianVersion to, List<KnownCve> cves) {
    public CveList {
        cves = List.copyOf(cves);
    }

    /** What the changelog says of a CVE. */
    private record Noted(String title, Changelog.Upload upload, boolean reachesAmd64) {}

    /**
     * Joins them.
     *
     * @param suite a code name of Debian that the running kernel is of, such as {@code bookworm},
     *     for its security tracker; empty where it is not known
     */
    public static CveList of(
            Changelog changelog,
            FeedFacts feeds,
            DebianVersion running,
            DebianVersion to,
            Optional<String> suite) {
        SortedMap<CveId, List<Noted>> noted = noted(changelog, running, to);
        TreeSet<CveId> ids = new TreeSet<>(noted.keySet());
        Optional<UpstreamVersion> from = UpstreamVersion.of(running);
        Optional<UpstreamVersion> upTo = UpstreamVersion.of(to);
        if (from.isPresent() && upTo.isPresent()) {
            feeds.records().values().stream()
                    .filter(r -> !r.rejected())
                    .filter(r -> r.ranges().fixedBetween(from.get(), upTo.get()).isPresent())
                    .forEach(r -> ids.add(r.id()));
        }
        feeds.tracked()
                .forEach((id, lines) -> {
                    boolean fixed =
                            lines.stream()
                                    .filter(l -> isOf(l, changelog, suite))
                                    .flatMap(l -> l.fixed().stream())
                                    .anyMatch(v -> isBetween(v, running, to));
                    if (fixed) {
                        ids.add(id);
                    }
                });
        List<KnownCve> cves = new ArrayList<>();
        for (CveId id : ids) {
            cves.add(
                    join(
                            id,
                            noted.getOrDefault(id, List.of()),
                            changelog,
                            feeds,
                            running,
                            to,
                            suite));
        }
        return new CveList(running, to, cves);
    }

    private static SortedMap<CveId, List<Noted>> noted(
            Changelog changelog, DebianVersion running, DebianVersion to) {
        NavigableMap<CveId, List<Noted>> noted = new TreeMap<>();
        // The oldest first: a later entry for the same id completes an earlier fix.
        for (Changelog.Upload upload : changelog.between(running, to).reversed()) {
            for (Changelog.Entry entry : upload.entries()) {
                for (CveId id : entry.cves()) {
                    noted.computeIfAbsent(id, k -> new ArrayList<>())
                            .add(new Noted(entry.title(), upload, entry.reachesAmd64()));
                }
            }
        }
        return noted;
    }

    private static boolean isOf(
            FeedFacts.Tracked line, Changelog changelog, Optional<String> suite) {
        return changelog.uploads().getFirst().source().equals(line.sourcePackage())
                && (suite.isEmpty() || line.release().equals(suite.get()));
    }

    private static boolean isBetween(
            DebianVersion version, DebianVersion after, DebianVersion upTo) {
        DebianVersion plain = Changelog.plain(version);
        return plain.compareTo(Changelog.plain(after)) > 0
                && plain.compareTo(Changelog.plain(upTo)) <= 0;
    }

    private static KnownCve join(
            CveId id,
            List<Noted> noted,
            Changelog changelog,
            FeedFacts feeds,
            DebianVersion running,
            DebianVersion to,
            Optional<String> suite) {
        List<String> sources = new ArrayList<>();
        List<String> contradictions = new ArrayList<>();
        // That an entry was added to later makes the fix whole only with the last one.
        Optional<DebianVersion> fixedIn =
                noted.isEmpty()
                        ? Optional.empty()
                        : Optional.of(changelog.servedAs(noted.getLast().upload(), running));
        noted.forEach(n -> sources.add("changelog " + n.upload().version()));
        Optional<CveRecord> record = Optional.ofNullable(feeds.records().get(id));
        record.ifPresent(r -> claims(r, noted, running, to, sources, contradictions));
        for (FeedFacts.Tracked line : feeds.tracked().getOrDefault(id, List.of())) {
            if (!isOf(line, changelog, suite)) {
                continue;
            }
            String whoSays =
                    noted.isEmpty()
                            ? "the CVE record has it fixed"
                            : "the changelog has it fixed in " + noted.getLast().upload().version();
            boolean isFixedElsewhere =
                    !noted.isEmpty() || sources.stream().anyMatch(s -> s.startsWith("CVE record "));
            switch (line.status()) {
                case FIXED -> {
                    DebianVersion fixed = line.fixed().orElseThrow();
                    sources.add("Debian tracker " + line.release() + " " + fixed);
                    boolean between = isBetween(fixed, running, to);
                    if (noted.isEmpty()
                            && between
                            && (fixedIn.isEmpty() || fixed.compareTo(fixedIn.get()) < 0)) {
                        fixedIn = Optional.of(fixed);
                    } else if (!noted.isEmpty() && !between) {
                        contradictions.add(
                                "Debian's tracker has it fixed in " + fixed + ", " + whoSays);
                    }
                }
                case OPEN, NEVER_AFFECTED -> {
                    if (isFixedElsewhere) {
                        contradictions.add(
                                "Debian's tracker has "
                                        + line.release()
                                        + (line.status() == FeedFacts.Tracking.OPEN
                                                ? " vulnerable still, "
                                                : " never affected, ")
                                        + whoSays);
                    }
                }
                case UNKNOWN -> {}
            }
        }
        List<Rating> ratings = new ArrayList<>();
        record.ifPresent(r -> ratings.addAll(r.ratings()));
        ratings.addAll(feeds.ratings().getOrDefault(id, List.of()));
        TreeSet<String> files = new TreeSet<>();
        String filesSource = "";
        if (record.isPresent() && !record.get().files().isEmpty()) {
            files.addAll(record.get().files());
            filesSource = "CVE record";
        } else if (ownFact(id, feeds, running).isPresent()) {
            files.addAll(ownFact(id, feeds, running).orElseThrow().files());
            filesSource = "table of facts";
        }
        String title =
                noted.isEmpty()
                        ? record.map(CveRecord::title).orElse("")
                        : noted.getFirst().title();
        return new KnownCve(
                id,
                title,
                fixedIn,
                Rating.highest(ratings),
                feeds.exploited().map(list -> list.contains(id)),
                sources,
                contradictions,
                files,
                filesSource,
                noted.isEmpty() || noted.stream().anyMatch(Noted::reachesAmd64));
    }

    /** A fact of the running kernel's line; another line may have been fixed in other files. */
    private static Optional<FeedFacts.OwnFact> ownFact(
            CveId id, FeedFacts feeds, DebianVersion running) {
        return Optional.ofNullable(feeds.own().get(id))
                .filter(f ->
                        UpstreamVersion.of(f.fixedIn())
                                .map(UpstreamVersion::line)
                                .equals(UpstreamVersion.of(running).map(UpstreamVersion::line)));
    }

    private static void claims(
            CveRecord record,
            List<Noted> noted,
            DebianVersion running,
            DebianVersion to,
            List<String> sources,
            List<String> contradictions) {
        record.ranges().faults().forEach(f -> contradictions.add("CVE record: " + f));
        if (record.rejected()) {
            contradictions.add("CVE record: the id was rejected");
        }
        Optional<UpstreamVersion> from = UpstreamVersion.of(running);
        Optional<UpstreamVersion> upTo = UpstreamVersion.of(to);
        if (from.isEmpty() || upTo.isEmpty() || record.ranges().isEmpty()) {
            return;
        }
        Optional<UpstreamVersion> fixed = record.ranges().fixedBetween(from.get(), upTo.get());
        fixed.ifPresent(v -> sources.add("CVE record " + v));
        if (noted.isEmpty() || fixed.isPresent()) {
            return;
        }
        if (record.ranges().of(from.get()) == Status.UNAFFECTED) {
            contradictions.add(
                    "CVE record: "
                            + from.get()
                            + " is not affected; the changelog has it fixed in "
                            + noted.getLast().upload().version());
        } else if (record.ranges().of(upTo.get()) == Status.AFFECTED) {
            contradictions.add(
                    "CVE record: "
                            + upTo.get()
                            + " is affected still; the changelog has it fixed in "
                            + noted.getLast().upload().version());
        }
    }

    /** What is known of one; empty when it is not in the list. */
    public Optional<KnownCve> find(CveId id) {
        return cves.stream().filter(c -> c.id().equals(id)).findFirst();
    }

    /** By id. */
    public Map<CveId, KnownCve> byId() {
        Map<CveId, KnownCve> map = new TreeMap<>();
        cves.forEach(c -> map.put(c.id(), c));
        return map;
    }
}
