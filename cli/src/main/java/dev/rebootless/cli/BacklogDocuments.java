package dev.rebootless.cli;

import dev.rebootless.build.backlog.BacklogEntry;
import dev.rebootless.build.backlog.BacklogResult;
import dev.rebootless.build.backlog.Outcome;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;

/** What {@code backlog --json} prints ({@code backlog.schema.json}). */
final class BacklogDocuments {
    private BacklogDocuments() {}

    /** A module that was built. */
    record Module(
            String module, String manifest, String status, List<String> cves, int functions) {}

    /**
     * A CVE.
     *
     * @param functions that its fix replaces
     */
    record Entry(
            CveDocuments.Cve cve,
            String state,
            String why,
            List<String> functions,
            List<Outcome.Part> pieces,
            List<String> story,
            List<String> notes,
            List<String> warnings,
            List<String> unchangedFunctions,
            List<Outcome.Refusal> refusals) {
        static Entry of(BacklogEntry entry, FeedOptions.Found found) {
            Optional<Outcome> o = entry.outcome();
            return new Entry(
                    CveDocuments.Cve.of(entry.row(), found.host()),
                    entry.state().word(),
                    entry.why(),
                    o.map(BacklogDocuments::functions).orElse(List.of()),
                    o.map(Outcome::pieces).orElse(List.of()),
                    o.map(Outcome::story).orElse(List.of()),
                    o.map(Outcome::notes).orElse(List.of()),
                    o.map(Outcome::warnings).orElse(List.of()),
                    o.map(Outcome::unchangedFunctions).orElse(List.of()),
                    o.map(Outcome::problems).orElse(List.of()));
        }
    }

    static List<String> functions(Outcome outcome) {
        return outcome.functions().stream().map(f -> f.object() + ":" + f.name()).toList();
    }

    record Backlog(
            int schemaVersion,
            String kernel,
            String buildId,
            String packageVersion,
            String to,
            TreeMap<String, Long> totals,
            List<Module> modules,
            List<Entry> cves,
            List<CveDocuments.Feed> feeds,
            double seconds)
            implements Documents.Document {}

    static Backlog of(FeedOptions.Found found, BacklogResult result) {
        TreeMap<String, Long> totals = new TreeMap<>();
        result.totals().forEach((state, n) -> totals.put(state.word(), n));
        return new Backlog(
                Documents.SCHEMA_VERSION,
                result.kit().facts().release(),
                result.kit().facts().buildId(),
                result.running(),
                result.to(),
                totals,
                result.modules().stream()
                        .map(m ->
                                new Module(
                                        m.module().toString(),
                                        m.json().toString(),
                                        m.proof().isPresent() ? "proven" : "unproven",
                                        m.manifest().cves(),
                                        m.manifest().objects().stream()
                                                .mapToInt(o -> o.functions().size())
                                                .sum()))
                        .toList(),
                result.entries().stream().map(e -> Entry.of(e, found)).toList(),
                CveDocuments.feeds(found.feeds()),
                result.seconds());
    }
}
