package dev.rebootless.source.compile;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.Hashes;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.base.Subprocess;
import dev.rebootless.source.sandbox.ProgramRoot;
import dev.rebootless.source.sandbox.Sandbox;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Which compiler it is, to the byte.
 *
 * @param version the first line of {@code --version}, such as {@code gcc-12 (Debian
 *     12.2.0-14+deb12u1) 12.2.0}
 * @param hash SHA-256 over the version and the programs that make an object: driver, compiler
 *     proper, assembler
 */
public record CompilerIdentity(String version, String hash) {
    /** Where the programs are a part of the kit. */
    private static final String MAKE_ANEW =
            "prepare the kit again: rebootless kit remove, then kit add";

    /**
     * Asks the compiler of a tree who it is. The answer is kept in the tree's unit cache for as
     * long as the programs stay the same files: reading 34 MB to hash them costs more than the
     * smallest compilation.
     *
     * @param expected the version that is needed, as {@link #version} has it or as the kernel's
     *     banner quotes it; the program's name in front does not count. Empty: any
     * @throws RebootlessException exit status 5 {@code RBL-COMPILER} when it is missing or another
     *     one
     */
    public static CompilerIdentity of(KernelTree kernel, Optional<String> expected) {
        String program = kernel.compiler();
        ProgramRoot root = kernel.programs();
        Path driver = Sandbox.PROGRAMS.resolve(program);
        if (!Files.isExecutable(root.outside(driver))) {
            throw RebootlessException.environment(
                    "RBL-COMPILER",
                    program,
                    "the compiler of this kernel"
                            + expected.map(v -> " (" + v + ")").orElse("")
                            + (root.isHost() ? " is not installed" : " is not in " + root.folder()),
                    root.isHost() ? "install it: apt install " + packageOf(program) : MAKE_ANEW);
        }
        Path memo = kernel.unitCache().resolve("compiler-" + program);
        CompilerIdentity identity =
                remembered(memo, root.outside(driver)).orElseGet(() -> ask(root, driver, memo));
        requireVersion(identity.version(), program, root, expected);
        return identity;
    }

    private static void requireVersion(
            String version, String program, ProgramRoot root, Optional<String> expected) {
        if (expected.isPresent()
                && !withoutProgram(version).equals(withoutProgram(expected.get()))) {
            throw RebootlessException.environment(
                    "RBL-COMPILER",
                    program,
                    "the kernel was compiled by %s, and here is %s"
                            .formatted(expected.get(), version),
                    root.isHost()
                            ? "install exactly that version: apt install %s=%s (apt-cache policy shows what is served)"
                                    .formatted(packageOf(program), packageVersion(expected.get()))
                            : MAKE_ANEW);
        }
    }

    private static CompilerIdentity ask(ProgramRoot root, Path driver, Path memo) {
        String version = firstLine(run(root, driver, "--version"));
        try {
            List<Path> programs = new ArrayList<>(List.of(root.outside(driver)));
            for (String part : List.of("cc1", "as")) {
                // An absolute path, or the bare name of a program on the PATH (gcc(1)).
                Path path = Path.of(firstLine(run(root, driver, "-print-prog-name=" + part)));
                programs.add(root.outside(Sandbox.PROGRAMS.resolve(path)));
            }
            StringBuilder all = new StringBuilder(version);
            List<String> lines = new ArrayList<>();
            for (Path path : programs) {
                lines.add(stamp(path));
                all.append('\n').append(Hashes.sha256(path.toRealPath()));
            }
            String hash = Hashes.sha256(all.toString().getBytes(StandardCharsets.UTF_8));
            lines.addFirst(hash);
            lines.addFirst(version);
            Files.createDirectories(memo.toAbsolutePath().getParent());
            AtomicFiles.write(memo, String.join("\n", lines) + "\n");
            return new CompilerIdentity(version, hash);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** What was found out before, if each program is still the same file. */
    private static Optional<CompilerIdentity> remembered(Path memo, Path driver) {
        try {
            List<String> lines = Files.readAllLines(memo);
            List<String> stamps = lines.subList(Math.min(2, lines.size()), lines.size());
            if (stamps.size() != 3 || !stamps.getFirst().equals(stamp(driver))) {
                return Optional.empty();
            }
            for (String stamp : stamps) {
                if (!stamp.equals(stamp(Path.of(stamp.substring(0, stamp.indexOf('\t')))))) {
                    return Optional.empty();
                }
            }
            return Optional.of(new CompilerIdentity(lines.get(0), lines.get(1)));
        } catch (IOException | RuntimeException e) {
            // Not there, damaged, or a program is gone: it is found out anew.
            return Optional.empty();
        }
    }

    /** Changes whenever the package is installed again: dpkg writes a new file and renames it. */
    private static String stamp(Path program) throws IOException {
        BasicFileAttributes file = Files.readAttributes(program, BasicFileAttributes.class);
        return "%s\t%s\t%d\t%s\t%s"
                .formatted(
                        program,
                        program.toRealPath(),
                        file.size(),
                        file.lastModifiedTime(),
                        file.fileKey());
    }

    private static String run(ProgramRoot root, Path driver, String option) {
        Subprocess.Result result =
                Sandbox.of(Sandbox.Limits.LOOK, root).run(List.of(driver.toString(), option));
        if (!result.ok()) {
            throw RebootlessException.environment(
                    "RBL-COMPILER",
                    driver.toString(),
                    "does not run: " + result.all(),
                    root.isHost()
                            ? "install its package again: apt install --reinstall "
                                    + packageOf(String.valueOf(driver.getFileName()))
                            : MAKE_ANEW);
        }
        return result.out();
    }

    /** The Debian package that brings a compiler: {@code x86_64-linux-gnu-gcc-12} is in gcc-12. */
    private static String packageOf(String program) {
        int name = program.indexOf("gcc");
        return name < 0 ? program : program.substring(name);
    }

    /** {@code gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0}: the package's version in the brackets. */
    private static String packageVersion(String version) {
        return version.replaceFirst("^.*\\(\\S+ ([^)]*)\\).*$", "$1");
    }

    private static String withoutProgram(String version) {
        int bracket = version.indexOf('(');
        return version.substring(Math.max(bracket, 0)).strip();
    }

    private static String firstLine(String text) {
        return text.lines().findFirst().orElse("").strip();
    }
}
