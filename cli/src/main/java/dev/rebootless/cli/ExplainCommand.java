package dev.rebootless.cli;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.build.Build;
import dev.rebootless.build.BuildOutcome;
import dev.rebootless.build.backlog.BacklogEntry;
import dev.rebootless.build.backlog.BacklogResult;
import dev.rebootless.build.backlog.Outcome;
import dev.rebootless.cve.CveId;
import dev.rebootless.source.kit.Kit;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.BooleanSupplier;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** What a patch, or the fix of a CVE, would change, and every refusal, without a module. */
@Command(
        name = "explain",
        description =
                "Say what a patch, or the fix of a CVE, would change, and every refusal, without a module.",
        footerHeading = "%nExamples:%n",
        footer = {"  rebootless explain fix.patch", "  rebootless explain CVE-2026-31431"})
final class ExplainCommand implements Callable<Integer>, Failures.Refusing {
    private final Console console;
    private final BooleanSupplier debug;

    @Parameters(
            arity = "1..*",
            paramLabel = "PATCH|CVE",
            description =
                    "Unified diffs (git format), applied in this order; or the ids of CVEs, whose fixes are looked for in the"
                            + " packaged sources.")
    private List<String> subjects = List.of();

    @Mixin private FeedOptions feeds = new FeedOptions();

    @Option(names = "--json", description = Texts.JSON)
    private boolean json;

    ExplainCommand(Console console, BooleanSupplier debug) {
        this.console = console;
        this.debug = debug;
    }

    @Override
    public Integer call() {
        if (subjects.stream().allMatch(s -> CveId.of(s).isPresent())) {
            return explainFixes().code();
        }
        List<Path> patches = subjects.stream().map(Path::of).toList();
        Inputs.requireFiles(patches);
        feeds.requireKernelOnly("to explain a patch");
        Kit kit = feeds.kit(console);
        BuildOutcome outcome =
                new Build(kit, console.progress(), debug.getAsBoolean()).explain(patches);
        return switch (outcome) {
            case BuildOutcome.Explained explained -> {
                if (json) {
                    console.print(
                            new Documents.Explain(
                                    Documents.SCHEMA_VERSION,
                                    Documents.BuildVerdict.built,
                                    Documents.PatchedObject.all(explained.objects()),
                                    explained.warnings(),
                                    List.of()));
                } else {
                    console.print(Reports.explained(kit, explained));
                }
                yield ExitStatus.DONE.code();
            }
            case BuildOutcome.Unchanged(List<String> warnings) -> {
                if (json) {
                    console.print(nothing(Documents.BuildVerdict.unchanged, warnings, List.of()));
                } else {
                    console.print(Reports.unchanged(warnings));
                }
                yield ExitStatus.UNCHANGED.code();
            }
            case BuildOutcome.Built _ ->
                    throw new IllegalStateException("an explanation does not build");
        };
    }

    private ExitStatus explainFixes() {
        FeedOptions.Found found =
                feeds.find(
                        console,
                        feeds.kit(console),
                        FeedOptions.Comparing.ALL,
                        id -> subjects.contains(id.text()));
        BacklogResult result = new FoundFixes(console, debug).explain(found, subjects);
        if (json) {
            console.print(BacklogDocuments.of(found, result));
        } else {
            console.print(BacklogText.explained(result.entries()));
        }
        return result.entries().stream().anyMatch(ExplainCommand::isRefused)
                ? ExitStatus.REFUSED
                : result.entries().stream().allMatch(ExplainCommand::isUnchanged)
                        ? ExitStatus.UNCHANGED
                        : ExitStatus.DONE;
    }

    private static boolean isRefused(BacklogEntry entry) {
        return entry.outcome().stream().anyMatch(o -> !o.problems().isEmpty());
    }

    private static boolean isUnchanged(BacklogEntry entry) {
        return entry.outcome().stream().allMatch(o -> o.verdict() == Outcome.Verdict.UNCHANGED);
    }

    private static Documents.Explain nothing(
            Documents.BuildVerdict verdict,
            List<String> warnings,
            List<Documents.Refusal> refusals) {
        return new Documents.Explain(
                Documents.SCHEMA_VERSION, verdict, List.of(), warnings, refusals);
    }

    @Override
    public Documents.Document refused(List<Problem> problems) {
        return nothing(Documents.BuildVerdict.refused, List.of(), Documents.Refusal.all(problems));
    }
}
