package dev.rebootless.cli;

import dev.rebootless.build.backlog.BacklogEntry;
import dev.rebootless.build.backlog.BacklogEntry.State;
import dev.rebootless.build.backlog.BacklogResult;
import dev.rebootless.build.backlog.Outcome;
import dev.rebootless.cve.Exposure;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * A backlog's report as one page for a browser, which needs nothing else: no script, no picture, no
 * other file. Every text in it comes from changelogs, feeds and sources, and is escaped.
 */
final class BacklogPage {
    private static final String STYLE =
            """
            :root { color-scheme: light dark; }
            body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
            h1 { font-size: 1.6rem; margin-bottom: .2rem; }
            h2 { font-size: 1.15rem; margin-top: 2rem; }
            .sub { color: #667; }
            .cards { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1.2rem 0; }
            .card { border: 1px solid #8884; border-radius: .5rem; padding: .7rem 1rem; min-width: 8rem; }
            .card b { display: block; font-size: 1.7rem; line-height: 1.2; }
            .bar { display: flex; height: 1.1rem; border-radius: .4rem; overflow: hidden; }
            .bar span { display: block; }
            table { border-collapse: collapse; width: 100%; }
            th, td { text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid #8883; }
            td.id { white-space: nowrap; }
            .state { border-radius: .3rem; padding: 0 .4rem; white-space: nowrap; }
            .good { background: #2a78; } .check { background: #37c8; } .wait { background: #b538; } .none { background: #8883; }
            small { color: #667; }
            details summary { cursor: pointer; }
            """;

    private final StringBuilder html = new StringBuilder();
    private final FeedOptions.Found found;
    private final BacklogResult result;

    private BacklogPage(FeedOptions.Found found, BacklogResult result) {
        this.found = found;
        this.result = result;
    }

    static String of(FeedOptions.Found found, BacklogResult result) {
        return new BacklogPage(found, result).page();
    }

    private String page() {
        String release = found.kit().facts().release();
        html.append("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">")
                .append("<meta name=\"viewport\" content=\"width=device-width\">")
                .append(
                        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">")
                .append("<title>")
                .append(escaped("Security backlog of " + release))
                .append("</title><style>")
                .append(STYLE)
                .append("</style></head><body>\n<h1>")
                .append(escaped("Security backlog of " + release))
                .append("</h1>\n<p class=\"sub\">")
                .append(
                        escaped(
                                "Running "
                                        + result.running()
                                        + ", compared with "
                                        + result.to()
                                        + ". "
                                        + result.entries().size()
                                        + " CVEs were fixed in between."))
                .append("</p>\n");
        summary();
        modules();
        table(
                "Closed without a reboot",
                "In the livepatch. “Unreviewed” ones are closed as far as can be told; a person should look at the fix.",
                List.of(State.CLOSED, State.CLOSED_UNREVIEWED));
        table(
                "Left for the reboot",
                "These are the remaining reasons to reboot into the newer kernel.",
                List.of(State.REFUSED, State.LEFT_OUT));
        table(
                "Nothing to do",
                "The fix changes no code that this kernel was compiled from.",
                List.of(State.NOT_AFFECTED));
        unknown();
        feeds();
        return html.append("</body></html>\n").toString();
    }

    private long count(State... states) {
        return result.entries().stream().filter(e -> List.of(states).contains(e.state())).count();
    }

    private void summary() {
        long exposed =
                result.entries().stream()
                        .filter(e -> e.row().exposure() == Exposure.EXPOSED)
                        .count();
        long closed = count(State.CLOSED, State.CLOSED_UNREVIEWED, State.NOT_AFFECTED);
        long waiting = count(State.REFUSED, State.LEFT_OUT);
        long other = Math.max(0, exposed - closed - waiting);
        html.append("<div class=\"cards\">");
        card(exposed, "in code this kernel has");
        card(closed, "closed live or not affected");
        card(waiting, "wait for a reboot");
        card(count(State.NOT_SELECTED), "not asked for");
        card(count(State.NOT_BUILT) + count(State.NOT_LOADED), "not in this kernel");
        card(
                result.entries().stream()
                        .filter(e -> e.row().exposure() == Exposure.UNKNOWN)
                        .count(),
                "not known");
        html.append("</div>\n<div class=\"bar\">");
        bar("good", closed, exposed);
        bar("wait", waiting, exposed);
        bar("none", other, exposed);
        html.append("</div>\n<p>")
                .append(escaped(BacklogText.level(found, result)))
                .append(".</p>\n");
    }

    private void card(long number, String text) {
        html.append("<div class=\"card\"><b>")
                .append(number)
                .append("</b>")
                .append(escaped(text))
                .append("</div>");
    }

    private void bar(String kind, long part, long whole) {
        if (whole > 0) {
            html.append(
                    String.format(
                            Locale.ROOT,
                            "<span class=\"%s\" style=\"width:%.2f%%\"></span>",
                            kind,
                            100.0 * part / whole));
        }
    }

    private void modules() {
        if (result.modules().isEmpty()) {
            return;
        }
        html.append(
                "<h2>Livepatches</h2><table><tr><th>Module</th><th>Closes</th><th>Functions</th><th>Proof</th></tr>");
        result.modules()
                .forEach(m ->
                        html.append("<tr><td>")
                                .append(escaped(String.valueOf(m.module().getFileName())))
                                .append("</td><td>")
                                .append(m.manifest().cves().size())
                                .append(" CVEs</td><td>")
                                .append(
                                        m.manifest().objects().stream()
                                                .mapToInt(o -> o.functions().size())
                                                .sum())
                                .append(" in ")
                                .append(
                                        escaped(
                                                String.join(
                                                        ", ",
                                                        m.manifest().objects().stream()
                                                                .map(o -> o.name())
                                                                .toList())))
                                .append("</td><td>")
                                .append(
                                        m.proof().isPresent()
                                                ? "booted, loaded, in force, unloaded, with a clean log"
                                                : "none")
                                .append("</td></tr>"));
        html.append("</table>\n");
    }

    private void table(String title, String words, List<State> states) {
        List<BacklogEntry> entries =
                result.entries().stream().filter(e -> states.contains(e.state())).toList();
        if (entries.isEmpty()) {
            return;
        }
        html.append("<h2>")
                .append(escaped(title + " (" + entries.size() + ")"))
                .append("</h2><p class=\"sub\">")
                .append(escaped(words))
                .append(
                        "</p><table><tr><th>CVE</th><th>Severity</th><th>State</th><th>What it is, and why</th></tr>\n");
        for (BacklogEntry entry : entries) {
            html.append("<tr><td class=\"id\">")
                    .append(escaped(entry.row().cve().id().text()))
                    .append(
                            entry.row().cve().knownExploited().orElse(false)
                                    ? "<br><b>exploited</b>"
                                    : "")
                    .append("</td><td>")
                    .append(escaped(entry.row().cve().rating().severity().word()))
                    .append("</td><td><span class=\"state ")
                    .append(kind(entry.state()))
                    .append("\">")
                    .append(escaped(entry.state().word()))
                    .append("</span></td><td>")
                    .append(escaped(entry.row().cve().title()))
                    .append("<br><small>")
                    .append(escaped(entry.why()))
                    .append("</small>");
            entry.outcome().ifPresent(this::details);
            html.append("</td></tr>\n");
        }
        html.append("</table>\n");
    }

    private void details(Outcome outcome) {
        html.append("<details><summary><small>details</small></summary><small>");
        line("functions", String.join(", ", BacklogDocuments.functions(outcome)));
        line(
                "source",
                String.join(
                        ", ",
                        outcome.pieces().stream()
                                .map(p ->
                                        p.path()
                                                + " ("
                                                + p.older()
                                                + " to "
                                                + p.newer()
                                                + (p.hunks().isEmpty() ? "" : ", in part")
                                                + ")")
                                .toList()));
        line(
                "changed in the source, compiled as before or into others",
                String.join(", ", outcome.unchangedFunctions()));
        outcome.story().forEach(s -> line("brought along", s));
        outcome.notes().forEach(n -> line("note", n));
        outcome.warnings().forEach(w -> line("warning", w));
        outcome.problems()
                .forEach(p -> line(p.code(), p.place() + ": " + p.message() + " — " + p.remedy()));
        html.append("</small></details>");
    }

    private void line(String name, String text) {
        if (!text.isEmpty()) {
            html.append("<b>")
                    .append(escaped(name))
                    .append(":</b> ")
                    .append(escaped(text))
                    .append("<br>");
        }
    }

    private void unknown() {
        Map<State, Long> totals = result.totals();
        html.append("<h2>Counted only</h2><table>");
        for (State state :
                List.of(State.UNKNOWN, State.NOT_SELECTED, State.NOT_LOADED, State.NOT_BUILT)) {
            html.append("<tr><td>")
                    .append(totals.getOrDefault(state, 0L))
                    .append("</td><td>")
                    .append(escaped(state.word()))
                    .append("</td><td>")
                    .append(escaped(BacklogText.meaning(state)))
                    .append("</td></tr>");
        }
        html.append("</table>\n");
    }

    private void feeds() {
        html.append("<h2>What was read</h2><ul><li>")
                .append(escaped("the changelog of the package " + found.list().to()))
                .append("</li>");
        found.feeds()
                .origins()
                .forEach(o ->
                        html.append("<li>")
                                .append(
                                        escaped(
                                                o.kind().words()
                                                        + ": "
                                                        + o.place()
                                                        + " of "
                                                        + o.date()))
                                .append("</li>"));
        if (found.feeds().exploited().isEmpty()) {
            html.append(
                    "<li>no list of known exploited vulnerabilities: which of them are is not known</li>");
        }
        html.append("</ul>\n");
    }

    private static String kind(State state) {
        return switch (state) {
            case CLOSED, NOT_AFFECTED -> "good";
            case CLOSED_UNREVIEWED -> "check";
            case REFUSED, LEFT_OUT -> "wait";
            case UNKNOWN, NOT_SELECTED, NOT_LOADED, NOT_BUILT -> "none";
        };
    }

    private static String escaped(String text) {
        StringBuilder out = new StringBuilder();
        text.chars()
                .forEach(c -> {
                    switch (c) {
                        case '<' -> out.append("&lt;");
                        case '>' -> out.append("&gt;");
                        case '&' -> out.append("&amp;");
                        case '"' -> out.append("&quot;");
                        case '\'' -> out.append("&#39;");
                        default -> out.append((char) c);
                    }
                });
        return out.toString();
    }
}
