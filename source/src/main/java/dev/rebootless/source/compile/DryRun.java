package dev.rebootless.source.compile;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.base.Subprocess;
import dev.rebootless.source.sandbox.Sandbox;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Stream;

/** Asks kbuild what it would do, with {@code make -n}. */
final class DryRun {
    private DryRun() {}

    /**
     * What kbuild would compile.
     *
     * @param marker a compiler option that is asked for and left out of the commands again: only
     *     what the kernel's own flags are given to has it
     * @param arguments of make beside those of the tree, with the targets
     * @param failed what to throw when make fails, from the last line that it said
     */
    static KbuildPlan.Units of(
            KernelTree kernel,
            String marker,
            List<String> arguments,
            Function<String, RebootlessException> failed) {
        Path out = null;
        try {
            out = Files.createTempDirectory("rebootless-plan-");
            List<String> make = new ArrayList<>();
            make.addAll(
                    List.of(
                            // The plan of a large folder is longer than what is kept of a pipe.
                            "/bin/sh",
                            "-c",
                            "exec make -n \"$@\" > " + Sandbox.OUT + "/plan",
                            "make"));
            make.addAll(kernel.make());
            make.add("KCFLAGS=" + marker);
            make.addAll(arguments);
            Subprocess.Result result =
                    Sandbox.of(Sandbox.Limits.KBUILD, kernel.programs())
                            .tree(kernel.folder())
                            .alternatives()
                            .out(out)
                            .run(make);
            if (!result.ok()) {
                throw failed.apply(lastLine(result.err()));
            }
            try (Stream<String> lines =
                    Files.lines(out.resolve("plan"), StandardCharsets.ISO_8859_1)) {
                return KbuildPlan.read(lines, kernel.compiler(), Set.of(marker));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            AtomicFiles.removeTreeQuietly(out);
        }
    }

    private static String lastLine(String text) {
        return text.lines()
                .filter(l -> !l.isBlank())
                .reduce((a, b) -> b)
                .orElse("(no message)")
                .strip();
    }
}
