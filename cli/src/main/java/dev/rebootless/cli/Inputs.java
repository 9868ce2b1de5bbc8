package dev.rebootless.cli;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Files that the command line names. */
final class Inputs {
    private Inputs() {}

    static void requireFile(Path file) {
        requireFiles(List.of(file));
    }

    /**
     * Before anything that takes time is done.
     *
     * @throws RebootlessException exit status 2 {@code RBL-FILE} for those that cannot be read
     */
    static void requireFiles(List<Path> files) {
        List<Problem> problems = new ArrayList<>();
        for (Path file : files) {
            if (!Files.isReadable(file) || Files.isDirectory(file)) {
                problems.add(
                        new Problem(
                                "RBL-FILE",
                                file.toString(),
                                Files.isDirectory(file)
                                        ? "is a folder"
                                        : Files.exists(file) ? "cannot be read" : "is not there",
                                "check the file's name and rights"));
            }
        }
        if (!problems.isEmpty()) {
            throw new RebootlessException(ExitStatus.USAGE, problems);
        }
    }
}
