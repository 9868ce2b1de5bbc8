package dev.rebootless.cli;

import dev.rebootless.build.exposure.CveRow;
import dev.rebootless.build.exposure.Place;
import dev.rebootless.cve.FeedFacts;
import dev.rebootless.cve.KnownCve;
import dev.rebootless.host.HostCves;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;

/** What the commands about CVEs print with {@code --json}. */
final class CveDocuments {
    private CveDocuments() {}

    /** A feed that was read. */
    record Feed(String place, String kind, String date) {}

    /**
     * One CVE.
     *
     * @param state null where no livepatch here names it
     */
    record Cve(
            String id,
            String title,
            Optional<String> fixedIn,
            String severity,
            String severitySource,
            Optional<Boolean> knownExploited,
            String exposure,
            Optional<String> state,
            Optional<String> closedBy,
            List<String> files,
            String filesSource,
            List<String> targets,
            List<String> sources,
            List<String> contradictions) {
        static Cve of(CveRow row, HostCves host) {
            KnownCve cve = row.cve();
            Optional<HostCves.State> state =
                    Optional.ofNullable(host.states().get(cve.id().text()));
            List<String> files =
                    switch (row.place()) {
                        case Place.Stated(var stated, String _) -> List.copyOf(stated);
                        case Place.Named(var named, String _) -> List.copyOf(named);
                        case Place.UnbuiltFolder _,
                                Place.OtherArchitecture _,
                                Place.Among _,
                                Place.Unknown _ ->
                                List.of();
                    };
            return new Cve(
                    cve.id().text(),
                    cve.title(),
                    cve.fixedIn().map(v -> v.text()),
                    cve.rating().severity().word(),
                    cve.rating().source(),
                    cve.knownExploited(),
                    row.exposure().word(),
                    state.map(HostCves.State::word),
                    state.map(HostCves.State::livepatch),
                    files,
                    row.place().source(),
                    List.copyOf(row.targets()),
                    cve.sources(),
                    cve.contradictions());
        }
    }

    /** {@code cves.schema.json}. */
    record Cves(
            int schemaVersion,
            String kernel,
            String buildId,
            String packageVersion,
            String to,
            TreeMap<String, Long> totals,
            List<Cve> cves,
            List<Feed> feeds,
            List<String> warnings)
            implements Documents.Document {}

    static Cves list(FeedOptions.Found found, List<CveRow> rows) {
        List<Cve> cves = new ArrayList<>();
        rows.forEach(row -> cves.add(Cve.of(row, found.host())));
        TreeMap<String, Long> totals = new TreeMap<>();
        FeedOptions.totals(found.rows()).forEach((e, n) -> totals.put(e.word(), n));
        return new Cves(
                Documents.SCHEMA_VERSION,
                found.kit().facts().release(),
                found.kit().facts().buildId(),
                found.kit().facts().packageVersion(),
                found.list().to().text(),
                totals,
                cves,
                feeds(found.feeds()),
                found.feeds().warnings());
    }

    static List<Feed> feeds(FeedFacts facts) {
        return facts.origins().stream()
                .map(o -> new Feed(o.place(), o.kind().words(), o.date()))
                .toList();
    }
}
