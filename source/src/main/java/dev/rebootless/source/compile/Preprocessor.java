package dev.rebootless.source.compile;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.Hashes;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.base.Subprocess;
import dev.rebootless.source.sandbox.Sandbox;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Runs the compiler's preprocessor: what a unit reads and what comes of it, for a tenth to a third
 * of the time that compiling it takes. What it says of originals is kept in the unit cache, named
 * like an original by the content of all that was read.
 */
final class Preprocessor {
    /** Part of each key: raised whenever what is kept changes. */
    private static final String METHOD = "preprocessed 1";

    private static final String RULE = Sandbox.OUT + "/unit.d";
    private static final int MAX_ERROR_LINES = 20;

    /** The largest of a 6.1 kernel has about 12 MB. */
    private static final long MAX_BYTES = 256L << 20;

    private final KernelTree kernel;
    private final String compiler;
    private final String compilerHash;
    private final String treeIdentity;
    private final Path cache;
    private final Sandbox sandbox;
    private final GeneratedFiles generated;
    private final Dependencies.Contents contents;

    Preprocessor(KernelTree kernel, CompilerIdentity identity, String treeIdentity) {
        this.kernel = kernel;
        this.compiler = kernel.compiler();
        this.compilerHash = identity.hash();
        this.treeIdentity = treeIdentity;
        this.cache = kernel.unitCache().resolve("preprocessed");
        this.sandbox = Sandbox.of(Sandbox.Limits.COMPILE, kernel.programs()).tree(kernel.folder());
        this.generated = new GeneratedFiles(kernel);
        this.contents = new Dependencies.Contents(kernel.folder());
    }

    /**
     * What is known of an original.
     *
     * @param read the files of the tree that it is made of
     * @param textHash of its {@link PreprocessedText}
     */
    record Original(Dependencies read, String textHash) {}

    /**
     * Has kbuild make a source that is not in the tree yet. Not to be called by several threads for
     * one folder.
     *
     * @throws RebootlessException exit status 4 {@code RBL-HEADER-UNDECIDED} when it cannot
     */
    void requireSource(SideCommand command) {
        if (!Files.exists(kernel.folder().resolve(command.source()))
                && !(generated.make(command.asUnit())
                        && Files.exists(kernel.folder().resolve(command.source())))) {
            throw undecided(
                    command.source(), "it is generated while the kernel is built, which failed");
        }
    }

    /** What an original reads, from the cache or asked now. */
    Original original(SideCommand command) {
        try {
            Path file = cache.resolve(key(command));
            Optional<Original> kept = kept(file);
            if (kept.isPresent()) {
                return kept.get();
            }
            Original original = ask(command);
            Files.createDirectories(cache);
            List<String> lines = new ArrayList<>();
            lines.add(original.read().hash(contents));
            lines.add(original.textHash());
            lines.addAll(original.read().files());
            AtomicFiles.write(file, String.join("\n", lines) + "\n");
            return original;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private Original ask(SideCommand command) throws IOException {
        if (command.kind() == SideCommand.Kind.LINKER_SCRIPT) {
            Optional<Dependencies> incomplete = withoutGenerated(command);
            if (incomplete.isPresent()) {
                return new Original(incomplete.get(), "");
            }
        }
        Output output = run(command, new TreeMap<>());
        return new Original(output.read(), output.text().sha256());
    }

    /**
     * What a linker script reads when headers are missing that are only made when its objects are
     * compiled, empty when none are. Such a header ({@code arch/x86/realmode/rm/pasyms.h}) is what
     * {@code nm} and {@code sed} print and includes nothing.
     */
    private Optional<Dependencies> withoutGenerated(SideCommand command) throws IOException {
        Path out = Files.createTempDirectory("rebootless-preprocess-");
        try {
            List<String> words = new ArrayList<>(arguments(command));
            words.addAll(List.of("-M", "-MG", "-MF", RULE, command.source()));
            if (!sandbox.out(out).run(words).ok()) {
                return Optional.empty();
            }
            List<String> all = Dependencies.ofRule(out.resolve("unit.d")).files();
            List<String> there =
                    all.stream().filter(f -> Files.exists(kernel.folder().resolve(f))).toList();
            return there.size() == all.size()
                    ? Optional.empty()
                    : Optional.of(new Dependencies(there));
        } finally {
            AtomicFiles.removeTreeQuietly(out);
        }
    }

    private Optional<Original> kept(Path file) {
        try {
            List<String> lines = Files.readAllLines(file, StandardCharsets.ISO_8859_1);
            if (lines.size() < 3) {
                return Optional.empty();
            }
            Dependencies read = new Dependencies(lines.subList(2, lines.size()));
            return read.hash(contents).equals(lines.get(0))
                    ? Optional.of(new Original(read, lines.get(1)))
                    : Optional.empty();
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    /**
     * The text with some files of the tree replaced.
     *
     * @throws RebootlessException exit status 4 {@code RBL-COMPILE} when the preprocessor fails
     */
    PreprocessedText text(SideCommand command, SortedMap<String, Path> overlays) {
        return run(command, overlays).text();
    }

    private record Output(Dependencies read, PreprocessedText text) {}

    private Output run(SideCommand command, SortedMap<String, Path> overlays) {
        Path out = null;
        try {
            out = Files.createTempDirectory("rebootless-preprocess-");
            Subprocess.Result result =
                    gcc(
                            command,
                            out,
                            overlays,
                            List.of("-E", "-MD", "-MF", RULE, "-o", Sandbox.OUT + "/unit.i"));
            if (!result.ok()) {
                throw failed(command, overlays, result);
            }
            Path file = out.resolve("unit.i");
            if (Files.size(file) > MAX_BYTES) {
                throw undecided(command.source(), "its preprocessed text is too large");
            }
            String text = Files.readString(file, StandardCharsets.ISO_8859_1);
            boolean lines =
                    command.source().endsWith(".S")
                            || command.kind() == SideCommand.Kind.LINKER_SCRIPT;
            return new Output(
                    Dependencies.ofRule(out.resolve("unit.d")),
                    lines ? PreprocessedText.ofLines(text) : PreprocessedText.ofC(text));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            AtomicFiles.removeTreeQuietly(out);
        }
    }

    /**
     * Whether the compiler makes the same of the original as of the patched source; nothing is
     * compiled further than the build does.
     */
    boolean sameOutput(SideCommand command, SortedMap<String, Path> overlays) {
        return Arrays.equals(output(command, new TreeMap<>()), output(command, overlays));
    }

    /**
     * The unit's object with the types that it declares, used or not, as BTF (gcc, "Options for
     * Debugging Your Program"). They depend on the kernel's own flags, which stay.
     *
     * @throws RebootlessException exit status 4 {@code RBL-COMPILE} when the patched source does
     *     not compile, {@code RBL-HEADER-UNDECIDED} when the original does not
     */
    byte[] withTypes(SideCommand command, SortedMap<String, Path> overlays) {
        return output(
                command, overlays, List.of("-c", "-gbtf", "-fno-eliminate-unused-debug-types"));
    }

    private byte[] output(SideCommand command, SortedMap<String, Path> overlays) {
        return output(command, overlays, List.of(command.kind().mode()));
    }

    private byte[] output(
            SideCommand command, SortedMap<String, Path> overlays, List<String> mode) {
        Path out = null;
        try {
            out = Files.createTempDirectory("rebootless-compile-");
            List<String> words = new ArrayList<>(mode);
            words.addAll(List.of("-o", Sandbox.OUT + "/unit.o"));
            Subprocess.Result result = gcc(command, out, overlays, words);
            if (!result.ok()) {
                throw failed(command, overlays, result);
            }
            return Files.readAllBytes(out.resolve("unit.o"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            AtomicFiles.removeTreeQuietly(out);
        }
    }

    private Subprocess.Result gcc(
            SideCommand command, Path out, SortedMap<String, Path> overlays, List<String> mode) {
        List<String> words = new ArrayList<>(arguments(command));
        words.addAll(mode);
        words.add(command.source());
        Sandbox job = sandbox.overlays(overlays).out(out);
        Subprocess.Result result = job.run(words);
        boolean again = GeneratedFiles.areMissing(result) && generated.make(command.asUnit());
        return again ? job.run(words) : result;
    }

    /** Without debug information, and without comments in what is preprocessed. */
    private List<String> arguments(SideCommand command) {
        List<String> arguments = new ArrayList<>(List.of(compiler));
        command.arguments().stream()
                .filter(a -> !a.startsWith("-g") && !a.equals("-C") && !a.equals("-CC"))
                .forEach(arguments::add);
        return arguments;
    }

    private String key(SideCommand command) throws IOException {
        List<String> parts = new ArrayList<>();
        parts.add(METHOD);
        parts.add(treeIdentity);
        parts.add(compilerHash);
        parts.add(contents.sha256(".config"));
        parts.add(contents.sha256(command.source()));
        parts.add(command.source());
        parts.add(command.kind().name());
        parts.addAll(arguments(command));
        return Hashes.sha256(String.join("\0", parts).getBytes(StandardCharsets.UTF_8));
    }

    private static RebootlessException failed(
            SideCommand command, SortedMap<String, Path> overlays, Subprocess.Result result) {
        String errors =
                String.join(
                        "\n",
                        result.all()
                                .lines()
                                .filter(l -> !l.isBlank())
                                .limit(MAX_ERROR_LINES)
                                .toList());
        return overlays.isEmpty()
                ? undecided(command.source(), "the unpatched source cannot be compiled:\n" + errors)
                : RebootlessException.refused(
                        "RBL-COMPILE",
                        command.source(),
                        "the patched source does not compile:\n" + errors,
                        "correct the patch; line numbers are those of the unpatched file");
    }

    private static RebootlessException undecided(String source, String reason) {
        return RebootlessException.refused(
                "RBL-HEADER-UNDECIDED",
                source,
                "it may include a header that the patch changes, and whether it changes with it"
                        + " cannot be told: "
                        + reason,
                "put the change into the .c files that need it, or reboot into the fixed kernel");
    }
}
