package dev.rebootless.cli;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Hashes;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** What a module says, and what is in it. */
@Command(
        name = "inspect",
        description = "Show a module's manifest, functions, klp symbols and relocations.")
final class InspectCommand implements Callable<Integer> {
    private final Console console;

    @Parameters(paramLabel = "MODULE.ko", description = "A module, signed or not.")
    private Path module = Path.of("");

    @Option(names = "--json", description = Texts.JSON)
    private boolean json;

    InspectCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        Documents.Inspect facts = facts(ModuleFile.read(module));
        if (json) {
            console.print(facts);
        } else {
            console.print(Reports.inspect(facts));
        }
        return ExitStatus.DONE.code();
    }

    private static Documents.Inspect facts(ModuleFile file) {
        return new Documents.Inspect(
                Documents.SCHEMA_VERSION,
                file.path().toString(),
                Hashes.sha256(file.bytes()),
                file.module().name(),
                file.module().vermagic(),
                file.isLivepatch(),
                file.module().isSigned(),
                file.manifest()
                        .map(m -> Documents.PatchedObject.all(m.objects()))
                        .orElse(List.of()),
                file.klpSymbols(),
                file.klpRelocations(),
                file.imports(),
                file.manifest());
    }
}
