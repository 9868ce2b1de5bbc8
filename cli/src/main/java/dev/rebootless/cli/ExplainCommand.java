package dev.rebootless.cli;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.build.Build;
import dev.rebootless.build.BuildOutcome;
import dev.rebootless.source.kit.Kit;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.BooleanSupplier;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** What a patch would change, and every refusal, without a module. */
@Command(
        name = "explain",
        description = "Say what a patch would change, and every refusal, without a module.")
final class ExplainCommand implements Callable<Integer>, Failures.Refusing {
    private final Console console;
    private final BooleanSupplier debug;

    @Parameters(
            arity = "1..*",
            paramLabel = "PATCH",
            description = "Unified diffs (git format), applied in this order.")
    private List<Path> patches = List.of();

    @Option(names = "--kernel", paramLabel = "RELEASE[=VERSION]", description = Texts.KERNEL)
    private Optional<String> kernel = Optional.empty();

    @Option(names = "--json", description = Texts.JSON)
    private boolean json;

    ExplainCommand(Console console, BooleanSupplier debug) {
        this.console = console;
        this.debug = debug;
    }

    @Override
    public Integer call() {
        Inputs.requireFiles(patches);
        Kit kit = new KernelChoice(console).kit(kernel);
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
