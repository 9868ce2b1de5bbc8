package dev.rebootless.cli;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.build.Build;
import dev.rebootless.build.BuildOutcome;
import dev.rebootless.build.BuildRequest;
import dev.rebootless.source.kit.Kit;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.BooleanSupplier;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Source patch to livepatch module. */
@Command(
        name = "build",
        description = "Turn a source patch into a livepatch module, and prove it by booting.",
        footerHeading = "%nExample:%n",
        footer = "  rebootless build fix.patch --kernel 6.1.0-56-cloud-amd64 -o out")
final class BuildCommand implements Callable<Integer>, Failures.Refusing {
    private final Console console;
    private final BooleanSupplier debug;

    @Parameters(
            arity = "1..*",
            paramLabel = "PATCH",
            description = "Unified diffs (git format), applied in this order.")
    private List<Path> patches = List.of();

    @Option(names = "--kernel", paramLabel = "RELEASE[=VERSION]", description = Texts.KERNEL)
    private Optional<String> kernel = Optional.empty();

    @Option(
            names = {"-o", "--output"},
            paramLabel = "DIR",
            description = "Where the module and its manifest go (default: the current folder).")
    private Path folder = Path.of("");

    @Option(
            names = "--name",
            paramLabel = "N",
            description = "The livepatch's name (default: from the first patch's file name).")
    private Optional<String> name = Optional.empty();

    @Option(
            names = "--no-replace",
            description = "Stack on top of loaded livepatches instead of taking over from all.")
    private boolean noReplace;

    @Option(
            names = "--cve",
            arity = "1",
            split = ",",
            paramLabel = "ID",
            description = "A CVE that the patch closes; may be repeated.")
    private List<String> cves = List.of();

    @Option(
            names = "--no-test",
            description = "Do not boot: the JSON beside the module then says unproven.")
    private boolean noTest;

    @Option(names = "--check", paramLabel = "SCRIPT", description = Texts.CHECK)
    private Optional<Path> check = Optional.empty();

    @Option(names = "--json", description = Texts.JSON)
    private boolean json;

    BuildCommand(Console console, BooleanSupplier debug) {
        this.console = console;
        this.debug = debug;
    }

    @Override
    public Integer call() {
        Inputs.requireFiles(patches);
        check.ifPresent(Inputs::requireFile);
        Kit kit = new KernelChoice(console).kit(kernel);
        BuildOutcome outcome =
                new Build(kit, console.progress(), debug.getAsBoolean())
                        .run(
                                new BuildRequest(
                                        patches, folder, name, !noReplace, cves, !noTest, check));
        return report(kit, outcome).code();
    }

    private ExitStatus report(Kit kit, BuildOutcome outcome) {
        return switch (outcome) {
            case BuildOutcome.Built built -> {
                if (json) {
                    console.print(document(built));
                } else {
                    console.print(Reports.built(kit, built));
                }
                yield ExitStatus.DONE;
            }
            case BuildOutcome.Unchanged(List<String> warnings) -> {
                if (json) {
                    console.print(unchanged(warnings));
                } else {
                    console.print(Reports.unchanged(warnings));
                }
                yield ExitStatus.UNCHANGED;
            }
            case BuildOutcome.Explained _ ->
                    throw new IllegalStateException("a build does not end with an explanation");
        };
    }

    static Documents.Build document(BuildOutcome.Built built) {
        return new Documents.Build(
                Documents.SCHEMA_VERSION,
                Documents.BuildVerdict.built,
                Optional.of(built.module().toString()),
                Optional.of(built.json().toString()),
                Documents.PatchedObject.all(built.manifest().objects()),
                built.manifest().warnings(),
                List.of());
    }

    static Documents.Build unchanged(List<String> warnings) {
        return nothing(Documents.BuildVerdict.unchanged, warnings, List.of());
    }

    private static Documents.Build nothing(
            Documents.BuildVerdict verdict,
            List<String> warnings,
            List<Documents.Refusal> refusals) {
        return new Documents.Build(
                Documents.SCHEMA_VERSION,
                verdict,
                Optional.empty(),
                Optional.empty(),
                List.of(),
                warnings,
                refusals);
    }

    @Override
    public Documents.Document refused(List<Problem> problems) {
        return nothing(Documents.BuildVerdict.refused, List.of(), Documents.Refusal.all(problems));
    }
}
