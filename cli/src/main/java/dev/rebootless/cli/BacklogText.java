package dev.rebootless.cli;

import dev.rebootless.build.backlog.BacklogEntry;
import dev.rebootless.build.backlog.BacklogEntry.State;
import dev.rebootless.build.backlog.BacklogResult;
import dev.rebootless.build.backlog.Outcome;
import dev.rebootless.cve.Exposure;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** A backlog's report as text. */
final class BacklogText {
    /** Only counted: nothing is to be done, or was asked for. */
    private static final Set<State> COUNTED =
            EnumSet.of(State.NOT_BUILT, State.NOT_LOADED, State.NOT_SELECTED);

    private BacklogText() {}

    static String of(FeedOptions.Found found, BacklogResult result) {
        StringBuilder text = new StringBuilder();
        for (BacklogEntry entry : result.entries()) {
            if (COUNTED.contains(entry.state())
                    || (entry.state() == State.UNKNOWN && entry.outcome().isEmpty())) {
                continue;
            }
            entry(text, entry);
        }
        text.append('\n').append(level(found, result)).append("\n\n");
        result.totals()
                .forEach((state, n) ->
                        text.append(
                                String.format(
                                        Locale.ROOT,
                                        "%7d  %-17s %s%n",
                                        n,
                                        state.word(),
                                        meaning(state))));
        Map<String, Integer> codes = refusals(result);
        if (!codes.isEmpty()) {
            text.append("\nrefused by code:\n");
            codes.forEach(
                    (code, n) -> text.append(String.format(Locale.ROOT, "%7d  %s%n", n, code)));
        }
        result.modules()
                .forEach(m ->
                        text.append('\n')
                                .append(m.module())
                                .append(": closes ")
                                .append(m.manifest().cves().size())
                                .append(" CVEs, ")
                                .append(m.proof().isPresent() ? "proven by boot" : "unproven"));
        return text.append('\n').toString();
    }

    private static void entry(StringBuilder text, BacklogEntry entry) {
        text.append(
                String.format(
                        Locale.ROOT,
                        "%-17s %-9s %-17s %s%n                  %s%n",
                        entry.row().cve().id(),
                        entry.row().cve().rating().severity().word(),
                        entry.state().word(),
                        entry.row().cve().title(),
                        entry.why()));
        entry.outcome().ifPresent(o -> o.story().forEach(s -> item(text, "- " + s)));
    }

    private static void item(StringBuilder text, String line) {
        text.append("                  ").append(line).append('\n');
    }

    /** Some entries with all that is known of them. */
    static String explained(List<BacklogEntry> entries) {
        StringBuilder text = new StringBuilder();
        for (BacklogEntry entry : entries) {
            entry(text, entry);
            item(text, "fixed in " + entry.row().cve().fixedIn().map(Object::toString).orElse("?"));
            item(text, "code: " + CvesCommand.place(entry.row()));
            entry.outcome()
                    .ifPresent(o -> {
                        o.pieces()
                                .forEach(p ->
                                        item(
                                                text,
                                                "from %s to %s: %s%s"
                                                        .formatted(
                                                                p.older(),
                                                                p.newer(),
                                                                p.path(),
                                                                p.hunks().isEmpty()
                                                                        ? ""
                                                                        : ", "
                                                                                + p.hunks().size()
                                                                                + " of its changes")));
                        o.functions()
                                .forEach(f ->
                                        item(
                                                text,
                                                "replaces %s in %s"
                                                        .formatted(f.name(), f.object())));
                        o.warnings().forEach(w -> item(text, "warning: " + w));
                        o.notes().forEach(n -> item(text, "note: " + n));
                        o.problems().forEach(p -> item(text, "what to do: " + p.remedy()));
                    });
        }
        return text.toString();
    }

    static Map<String, Integer> refusals(BacklogResult result) {
        Map<String, Integer> codes = new TreeMap<>();
        for (BacklogEntry entry : result.entries()) {
            if (entry.state() == State.REFUSED) {
                Outcome.Refusal first = entry.outcome().orElseThrow().problems().getFirst();
                codes.merge(first.code(), 1, Integer::sum);
            }
        }
        return codes;
    }

    /**
     * "running 6.1.170-3, security level of 6.1.192-2 for N of M exposed CVEs, K wait for a
     * reboot".
     */
    static String level(FeedOptions.Found found, BacklogResult result) {
        long exposed =
                result.entries().stream()
                        .filter(e -> e.row().exposure() == Exposure.EXPOSED)
                        .count();
        long done =
                result.entries().stream()
                        .filter(e -> e.row().exposure() == Exposure.EXPOSED)
                        .filter(e -> e.state().isDone())
                        .count();
        long unknown =
                result.entries().stream()
                        .filter(e -> e.row().exposure() == Exposure.UNKNOWN)
                        .count();
        return "%s, running %s: security level of %s for %d of %d exposed CVEs, %d wait for a reboot; of %d it is not known whether this kernel has their code"
                .formatted(
                        found.kit().facts().release(),
                        result.running(),
                        result.to(),
                        done,
                        exposed,
                        exposed - done,
                        unknown);
    }

    static String meaning(State state) {
        return switch (state) {
            case CLOSED -> "closed by the livepatch";
            case CLOSED_UNREVIEWED -> "closed by the livepatch; a reviewer should look at the fix";
            case NOT_AFFECTED -> "the fix changes no compiled code of this kernel";
            case LEFT_OUT -> "could be closed live, and is not in this livepatch";
            case REFUSED -> "cannot be closed live: wait for the reboot";
            case UNKNOWN -> "where the fix is is not known: wait for the reboot";
            case NOT_SELECTED -> "not asked for";
            case NOT_LOADED -> "in modules that are not loaded";
            case NOT_BUILT -> "this kernel has none of the code";
        };
    }
}
