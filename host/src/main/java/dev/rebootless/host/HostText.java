package dev.rebootless.host;

import dev.rebootless.host.LoadedLivepatch.Origin;
import dev.rebootless.manifest.Manifest;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** What people read of a host. */
final class HostText {
    private static final int MAX_COMPLAINT_LINES = 12;

    private HostText() {}

    static List<String> lines(HostEvent event) {
        return switch (event) {
            case HostEvent.Preflight(List<Finding> findings) ->
                    findings.stream().map(HostText::line).toList();
            case HostEvent.Inserted(String livepatch) -> List.of(livepatch + " is loaded");
            case HostEvent.Moving moving -> lines(moving);
            case HostEvent.InForce(String livepatch, double seconds) ->
                    List.of(livepatch + " is in force after " + number(seconds) + " s");
            case HostEvent.Watching(String livepatch, double seconds) ->
                    List.of(
                            "following the kernel log for "
                                    + number(seconds)
                                    + " s; "
                                    + livepatch
                                    + " stays in force if this is interrupted");
            case HostEvent.Blind(String livepatch) ->
                    List.of("the kernel log may not be read: nobody watches " + livepatch);
            case HostEvent.Complained complained -> complaint(complained);
            case HostEvent.Cancelling(String livepatch, String why) ->
                    List.of("cancelling " + livepatch + ": " + why);
            case HostEvent.OutOfForce(String livepatch, double seconds) ->
                    List.of(livepatch + " is out of force after " + number(seconds) + " s");
            case HostEvent.Installed(String livepatch, String release, List<String> replaced) ->
                    List.of(
                            livepatch
                                    + " will be loaded at each boot of "
                                    + release
                                    + (replaced.isEmpty()
                                            ? ""
                                            : ", in place of " + String.join(", ", replaced)));
            case HostEvent.Uninstalled(String livepatch) ->
                    List.of(livepatch + " will no longer be loaded at boot");
            case HostEvent.Skipped(String livepatch, String why) ->
                    List.of(livepatch + " is skipped: " + why);
            case HostEvent.BootOff(String word) ->
                    List.of("nothing is loaded: the kernel's command line has " + word);
            case HostEvent.Kept(String livepatch, String why) ->
                    List.of("the module " + livepatch + " " + why);
            case HostEvent.Removed(String livepatch) -> List.of(livepatch + " is removed");
            case HostEvent.NoTransition() -> List.of("no transition is running");
            case HostEvent.Verified(String cve, String state, String livepatch, String why) ->
                    List.of(
                            cve
                                    + " is "
                                    + state
                                    + (livepatch.isEmpty() ? "" : " by " + livepatch)
                                    + (why.isEmpty() ? "" : ": " + why));
        };
    }

    private static String line(Finding finding) {
        return switch (finding.verdict()) {
            case Finding.Fine(String how) -> "  ok       " + finding.what() + ": " + how;
            case Finding.Unknown(String why) -> "  unknown  " + finding.what() + ": " + why;
            case Finding.Warning(String message) -> "  warning  " + finding.what() + ": " + message;
            case Finding.Refusal refusal ->
                    "  refused  " + finding.what() + ": " + refusal.problem().message();
        };
    }

    private static List<String> lines(HostEvent.Moving moving) {
        List<String> lines = new ArrayList<>();
        // The idle tasks of the processors are none of /proc's.
        String left =
                switch (moving.left()) {
                    case 0 -> "only idle processors are";
                    case 1 -> "1 task is";
                    default -> moving.left() + " tasks are";
                };
        lines.add(
                moving.livepatch()
                        + ": "
                        + left
                        + " left after "
                        + number(moving.seconds())
                        + " s");
        for (LaggingTask task : moving.told()) {
            lines.add(
                    "  "
                            + task.text()
                            + (task.stack().isEmpty()
                                    ? ""
                                    : ": " + String.join(" < ", task.stack())));
        }
        return lines;
    }

    private static List<String> complaint(HostEvent.Complained complained) {
        List<String> lines = new ArrayList<>();
        lines.add(
                "the kernel complains ("
                        + complained.kind()
                        + "), "
                        + (complained.ours()
                                ? "in the code of " + complained.livepatch()
                                : "not in the livepatch's code"));
        complained.lines().stream().limit(MAX_COMPLAINT_LINES).forEach(l -> lines.add("  " + l));
        return lines;
    }

    private static String number(double seconds) {
        return String.format(Locale.ROOT, "%.2f", seconds);
    }

    static String list(HostState state) {
        StringBuilder text = new StringBuilder();
        for (LoadedLivepatch livepatch : state.livepatches()) {
            text.append(line(livepatch)).append('\n');
        }
        if (text.isEmpty()) {
            text.append("no livepatch is loaded\n");
        }
        return text.toString();
    }

    private static String line(LoadedLivepatch livepatch) {
        int count = livepatch.functionCount();
        return livepatch.name()
                + "  "
                + word(livepatch)
                + "  "
                + livepatch.replace().map(r -> r ? "replace" : "stacked").orElse("replace unknown")
                + "  "
                + count
                + (count == 1 ? " function" : " functions")
                + "  "
                + origin(livepatch);
    }

    private static String word(LoadedLivepatch livepatch) {
        if (livepatch.inTransition()) {
            return livepatch.enabled() ? "coming" : "going";
        }
        return livepatch.enabled() ? "in force" : "out of force";
    }

    private static String origin(LoadedLivepatch livepatch) {
        return switch (livepatch.origin()) {
            case Origin.Ours ours ->
                    ours.manifest().cves().isEmpty()
                            ? "no CVE"
                            : String.join(", ", ours.manifest().cves());
            case Origin.Foreign _ -> "foreign";
            case Origin.Unknown(String why) -> "unknown: " + why;
        };
    }

    static String status(HostState state, boolean functions) {
        StringBuilder text = new StringBuilder();
        text.append("kernel ")
                .append(state.kernel().release())
                .append(", build ")
                .append(state.kernel().buildId().orElse("unknown"))
                .append('\n')
                .append(list(state));
        switch (state.installed()) {
            case Store.Contents.Known(List<Store.Installed> modules) -> {
                for (Store.Installed installed : modules) {
                    text.append("at boot  ")
                            .append(installed.name())
                            .append(installed.skipped().map(why -> "  skipped: " + why).orElse(""))
                            .append('\n');
                }
            }
            case Store.Contents.Unknown(String why) ->
                    text.append("at boot  unknown: ").append(why).append('\n');
        }
        state.cves()
                .forEach((id, cve) -> {
                    text.append(id)
                            .append("  ")
                            .append(cve.closed().word())
                            .append("  ")
                            .append(cve.livepatch());
                    if (!cve.why().isEmpty()) {
                        text.append(": ").append(cve.why());
                    }
                    text.append('\n');
                });
        state.level().ifPresent(level -> text.append(level(state, level)));
        if (functions) {
            for (HostState.FunctionState function : state.functions()) {
                text.append(function.object())
                        .append("  ")
                        .append(function.name())
                        .append(function.sympos() > 1 ? "," + function.sympos() : "")
                        .append("  ")
                        .append(function.running().word())
                        .append("  ")
                        .append(function.top());
                if (function.by().size() > 1) {
                    text.append(" on top of ")
                            .append(
                                    String.join(
                                            ", ",
                                            function.by()
                                                    .subList(0, function.by().size() - 1)
                                                    .reversed()));
                }
                text.append('\n');
            }
        }
        return text.toString();
    }

    /** More ids are not read by anybody; {@code --json} has them all. */
    private static final int WAITING_NAMED = 12;

    private static String level(HostState state, Manifest.Level level) {
        List<String> waiting = level.waiting();
        return "running "
                + level.running()
                + ": security level of "
                + level.to()
                + " for "
                + state.done(level)
                + " of "
                + level.exposed()
                + " exposed CVEs, "
                + waiting.size()
                + " wait for a reboot"
                + (waiting.isEmpty()
                        ? ""
                        : ": "
                                + String.join(
                                        ", ",
                                        waiting.subList(0, Math.min(WAITING_NAMED, waiting.size())))
                                + (waiting.size() > WAITING_NAMED
                                        ? " and " + (waiting.size() - WAITING_NAMED) + " more"
                                        : ""))
                + "\n";
    }
}
