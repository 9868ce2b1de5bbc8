package dev.rebootless.cli;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.diff.ChangeSet;
import dev.rebootless.diff.Extractor;
import dev.rebootless.diff.ObjectDiff;
import dev.rebootless.diff.Verdict;
import dev.rebootless.elf.ElfReader;
import dev.rebootless.elf.ElfWriter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The differ alone. */
@Command(name = "diff", description = "Say what differs between two compilations of one unit.")
final class DiffCommand implements Callable<Integer> {
    private final Console console;

    @Parameters(index = "0", paramLabel = "ORIGINAL.o", description = "Of the original source.")
    private Path original = Path.of("");

    @Parameters(index = "1", paramLabel = "PATCHED.o", description = "Of the patched source.")
    private Path patched = Path.of("");

    @Option(
            names = {"-o", "--output"},
            paramLabel = "OUT.o",
            description = "Write the smallest object that carries the change.")
    private Optional<Path> output = Optional.empty();

    @Option(names = "--json", description = Texts.JSON)
    private boolean json;

    DiffCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        Inputs.requireFiles(List.of(original, patched));
        ChangeSet changes = ObjectDiff.compare(ElfReader.read(original), ElfReader.read(patched));
        if (changes.verdict() == Verdict.CHANGED && output.isPresent()) {
            write(changes, output.get());
        }
        for (Problem refusal : changes.refusals()) {
            console.problem(refusal);
        }
        if (json) {
            console.print(Documents.Diff.of(changes));
        } else {
            console.print(Reports.diff(changes));
        }
        return switch (changes.verdict()) {
            case CHANGED -> ExitStatus.DONE.code();
            case UNCHANGED -> ExitStatus.UNCHANGED.code();
            case REFUSED -> ExitStatus.REFUSED.code();
        };
    }

    private static void write(ChangeSet changes, Path file) {
        byte[] object = ElfWriter.write(Extractor.extract(changes).object());
        try {
            AtomicFiles.write(file, object);
        } catch (IOException e) {
            throw new RebootlessException(
                    ExitStatus.ENVIRONMENT,
                    List.of(
                            new Problem(
                                    "RBL-OUTPUT",
                                    file.toString(),
                                    "cannot be written: " + e,
                                    "see that the folder is there and writable")),
                    e);
        }
    }
}
