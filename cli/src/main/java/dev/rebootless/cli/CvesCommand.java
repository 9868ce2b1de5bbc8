package dev.rebootless.cli;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.build.exposure.CveRow;
import dev.rebootless.build.exposure.Place;
import dev.rebootless.cve.Exposure;
import dev.rebootless.cve.Severity;
import dev.rebootless.host.HostCves;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** What is open and closed here. */
@Command(
        name = "cves",
        description =
                "List every CVE that was fixed in the archive since a kernel's package version: how bad it is, and whether this"
                        + " kernel has its code.",
        footerHeading = "%nExample:%n",
        footer =
                "  rebootless cves --exposed --min-severity important --feed https://security-tracker.debian.org/tracker/data/json")
final class CvesCommand implements Callable<Integer> {
    private static final int TITLE = 72;

    private final Console console;

    @Mixin private FeedOptions feeds = new FeedOptions();

    @Option(
            names = "--exposed",
            description = "Only those whose code this kernel has, or may have.")
    private boolean exposed;

    @Option(names = "--known-exploited", description = "Only those that are known to be exploited.")
    private boolean knownExploited;

    @Option(
            names = "--min-severity",
            paramLabel = "S",
            description =
                    "Only those that are critical, important, moderate or low, or worse; and those of unknown severity.")
    private Optional<String> minSeverity = Optional.empty();

    @Option(
            names = "--only-known",
            description = "With --min-severity: without those of unknown severity.")
    private boolean onlyKnown;

    @Option(
            names = "--fail-on",
            paramLabel = "S",
            description =
                    "Exit with 8 if one of this severity or worse is exposed and not closed (any: also one of unknown severity).")
    private Optional<String> failOn = Optional.empty();

    @Option(
            names = "--compare",
            description =
                    "Compare the sources in between, and hold what titles name against what changes (some 150 MB for each version,"
                            + " once; what was compared before is used in any case).")
    private boolean compare;

    @Option(names = "--json", description = Texts.JSON)
    private boolean json;

    CvesCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        Optional<Severity> least =
                minSeverity.map(word -> FeedOptions.severity("--min-severity", word));
        Optional<Severity> fails =
                failOn.map(word ->
                        word.equals("any")
                                ? Severity.UNKNOWN
                                : FeedOptions.severity("--fail-on", word));
        FeedOptions.Found found =
                feeds.find(
                        console,
                        compare ? FeedOptions.Comparing.ALL : FeedOptions.Comparing.ONLY_KEPT);
        if (knownExploited && found.feeds().exploited().isEmpty()) {
            throw RebootlessException.usage(
                    "RBL-USAGE",
                    "--known-exploited",
                    "no list of known exploited vulnerabilities was given",
                    "give one with --feed");
        }
        List<CveRow> rows =
                found.rows().stream()
                        .filter(r ->
                                !exposed
                                        || r.exposure() == Exposure.EXPOSED
                                        || r.exposure() == Exposure.UNKNOWN)
                        .filter(r ->
                                !knownExploited
                                        || r.cve().knownExploited().equals(Optional.of(true)))
                        .filter(r ->
                                least.isEmpty() || passes(r.cve().rating().severity(), least.get()))
                        .sorted(ORDER)
                        .toList();
        if (json) {
            console.print(CveDocuments.list(found, rows));
        } else {
            console.print(text(found, rows));
        }
        return fails.isPresent()
                        && rows.stream().anyMatch(r -> isOpen(r, fails.get(), found.host()))
                ? ExitStatus.FAIL_ON_MET.code()
                : ExitStatus.DONE.code();
    }

    private boolean passes(Severity severity, Severity least) {
        return severity == Severity.UNKNOWN ? !onlyKnown : severity.atLeast(least);
    }

    private static boolean isOpen(CveRow row, Severity least, HostCves host) {
        HostCves.State state = host.states().get(row.cve().id().text());
        boolean closed = state != null && state.word().startsWith("closed");
        return row.exposure() == Exposure.EXPOSED
                && !closed
                && (least == Severity.UNKNOWN || row.cve().rating().severity().atLeast(least));
    }

    /** What is exposed first, and of that what is worst. */
    private static final Comparator<CveRow> ORDER =
            Comparator.comparing(CveRow::exposure)
                    .thenComparing(r -> !r.cve().knownExploited().orElse(false))
                    .thenComparing(r -> r.cve().rating().severity())
                    .thenComparing(r -> r.cve().id());

    private static String text(FeedOptions.Found found, List<CveRow> rows) {
        StringBuilder text = new StringBuilder();
        for (CveRow row : rows) {
            text.append(line(row, found.host())).append('\n');
            row.cve()
                    .contradictions()
                    .forEach(c -> text.append("      contradiction: ").append(c).append('\n'));
        }
        text.append('\n')
                .append(found.kit().facts().release())
                .append(" (")
                .append(found.list().running())
                .append(") compared with ")
                .append(found.list().to())
                .append(": ")
                .append(found.rows().size())
                .append(" CVEs were fixed since");
        if (rows.size() != found.rows().size()) {
            text.append(", of which ").append(rows.size()).append(" are listed above");
        }
        text.append('\n');
        FeedOptions.totals(found.rows())
                .forEach((exposure, count) ->
                        text.append(
                                String.format(Locale.ROOT, "%7d  %s%n", count, meaning(exposure))));
        found.feeds()
                .origins()
                .forEach(o ->
                        text.append("feed: ")
                                .append(o.kind().words())
                                .append(", ")
                                .append(o.place())
                                .append(" of ")
                                .append(o.date())
                                .append('\n'));
        if (found.steps().isEmpty()) {
            text.append(
                    "the sources in between were not compared: with --compare, what titles name is held against what changes\n");
        }
        if (found.feeds().exploited().isEmpty()) {
            text.append(
                    "no list of known exploited vulnerabilities was given: which of them are is not known\n");
        }
        return text.toString();
    }

    private static String meaning(Exposure exposure) {
        return switch (exposure) {
            case EXPOSED -> "exposed: in the kernel image, or in a module that is loaded or may be";
            case NOT_LOADED -> "in modules that are not loaded";
            case NOT_BUILT -> "not built: this kernel has none of the code";
            case UNKNOWN ->
                    "unknown: neither a feed nor the changelog's title says where the code is";
        };
    }

    private static String line(CveRow row, HostCves host) {
        String title = row.cve().title();
        HostCves.State state = host.states().get(row.cve().id().text());
        return String.format(
                        Locale.ROOT,
                        "%-16s %-9s %-9s %-10s %-20s %s%s",
                        row.cve().id(),
                        row.cve().rating().severity().word(),
                        row.cve().knownExploited().orElse(false) ? "exploited" : "",
                        state == null ? row.exposure().word() : state.word(),
                        row.cve().fixedIn().map(v -> v.text()).orElse("?"),
                        title.length() > TITLE ? title.substring(0, TITLE - 1) + "…" : title,
                        row.targets().isEmpty() ? "" : " [" + targets(row) + "]")
                .stripTrailing();
    }

    /** Where a CVE's code is, and who says so. */
    static String place(CveRow row) {
        String files =
                switch (row.place()) {
                    case Place.Stated(var paths, String source) ->
                            String.join(", ", paths) + " (says " + source + ")";
                    case Place.Named(var paths, String name) ->
                            String.join(", ", paths) + " (the title names " + name + ")";
                    case Place.UnbuiltFolder _, Place.OtherArchitecture _ -> "not built here";
                    case Place.Among among -> among.source();
                    case Place.Unknown(String why) -> why.isEmpty() ? "not known" : why;
                };
        return row.targets().isEmpty() ? files : files + ", in " + targets(row);
    }

    private static String targets(CveRow row) {
        int more = row.targets().size() - 3;
        return String.join(", ", row.targets().stream().limit(3).toList())
                + (more > 0 ? " and " + more + " more" : "");
    }
}
