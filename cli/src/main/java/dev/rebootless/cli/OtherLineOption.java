package dev.rebootless.cli;

import dev.rebootless.base.Lazy;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.build.backlog.OtherLine;
import dev.rebootless.cve.Changelog;
import dev.rebootless.kernel.DebianVersion;
import dev.rebootless.source.kit.KernelHistory;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Option;

/** Which other line of kernels is asked to tell a fix from other changes of the same files. */
final class OtherLineOption {
    private static final String NONE = "none";

    @Option(
            names = "--other-line",
            paramLabel = "LINE",
            description =
                    "Where a fix is refused, take of its files what this other line of kernels got together with it; some 150"
                            + " MB for each version, once. none: ask no other (default: the newest other line that"
                            + " apt serves).")
    private Optional<String> line = Optional.empty();

    /** The line that was asked for, got when it is first needed. */
    Lazy<Optional<OtherLine>> lazy(FeedOptions.Found found, Console console) {
        if (found.history().isEmpty() || line.equals(Optional.of(NONE))) {
            return new Lazy<>(Optional::empty);
        }
        KernelHistory history = found.history().get();
        line.ifPresent(l -> requireServed(l, history.otherLines()));
        return new Lazy<>(() ->
                line.or(() -> newest(history.otherLines())).map(l -> get(history, l, console)));
    }

    private static void requireServed(String line, List<String> served) {
        if (!served.contains(line)) {
            throw RebootlessException.usage(
                    "RBL-USAGE",
                    "--other-line " + line,
                    served.isEmpty()
                            ? "no other line of kernels is served"
                            : "served are: " + String.join(", ", served),
                    "name one of them, or none");
        }
    }

    /** The newest other line, if it was got before; nothing is downloaded. */
    static Lazy<Optional<OtherLine>> kept(FeedOptions.Found found, Console console) {
        return new Lazy<>(() ->
                found.history()
                        .flatMap(h ->
                                newest(h.otherLines())
                                        .filter(h::isCompared)
                                        .map(l -> get(h, l, console))));
    }

    private static Optional<String> newest(List<String> served) {
        return served.stream().max(Comparator.comparing(DebianVersion::new));
    }

    private static OtherLine get(KernelHistory history, String line, Console console) {
        console.progress()
                .step("what the " + line + " line got together with a fix is compared with it");
        KernelHistory.OtherLine other = history.otherLine(line);
        return new OtherLine(
                line,
                Changelog.parse(other.changelog().text(), other.changelog().place()),
                other.differences());
    }
}
