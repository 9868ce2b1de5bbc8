package dev.rebootless.cli;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Hashes;
import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.build.Build;
import dev.rebootless.build.BuildInputs;
import dev.rebootless.build.BuildOutcome;
import dev.rebootless.build.BuildRequest;
import dev.rebootless.elf.ElfReader;
import dev.rebootless.elf.ElfSection;
import dev.rebootless.manifest.Manifest;
import dev.rebootless.source.compile.CompilerIdentity;
import dev.rebootless.source.kit.Kit;
import dev.rebootless.source.kit.KitFacts;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Builds a module again from the inputs that its manifest names: the same bytes must come out. */
@Command(
        name = "rebuild",
        description = "Build a module again from the inputs its manifest names, and compare.",
        footerHeading = "%nExample:%n",
        footer = "  rebootless rebuild livepatch-fix.ko --patch fix.patch")
final class RebuildCommand implements Callable<Integer> {
    /** Patches beside a module are found by content; a larger file is none. */
    private static final long MAX_PATCH_BYTES = 64 << 20;

    /** Of the files beside a module that are looked at. */
    private static final int MAX_FILES = 10_000;

    private final Console console;

    @Parameters(paramLabel = "MODULE.ko", description = "A module that Rebootless built.")
    private Path module = Path.of("");

    @Option(
            names = "--patch",
            arity = "1..*",
            paramLabel = "FILE",
            description =
                    "The source patches (default: .patch and .diff files beside the module, by"
                            + " their hash).")
    private List<Path> patches = List.of();

    @Option(names = "--json", description = Texts.JSON)
    private boolean json;

    RebuildCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        ModuleFile file = ModuleFile.read(module);
        Manifest manifest = file.requireManifest();
        if (manifest.inputs().patches().isEmpty()) {
            throw RebootlessException.usage(
                    "RBL-MANIFEST",
                    module.toString(),
                    "its manifest names no patch that it was built from",
                    "do not trust this module");
        }
        Inputs.requireFiles(patches);
        List<Problem> missing = new ArrayList<>();
        List<Path> found = findPatches(manifest, missing);
        if (!manifest.inputs().tool().equals(Build.TOOL)) {
            missing.add(
                    missing(
                            "version",
                            "the module was built by " + manifest.inputs().tool(),
                            "run that version; this is " + Build.TOOL));
        }
        requireNothingMissing(missing);
        Kit kit = new KernelChoice(console).kit(manifest.kernel());
        checkInputs(manifest, kit, missing);
        requireNothingMissing(missing);
        Optional<byte[]> rebuilt = rebuild(manifest, kit, found);
        return report(file, rebuilt).code();
    }

    private static Problem missing(String place, String message, String remedy) {
        return new Problem("RBL-REBUILD-INPUT", place, message, remedy);
    }

    private static void requireNothingMissing(List<Problem> missing) {
        if (!missing.isEmpty()) {
            throw new RebootlessException(ExitStatus.ENVIRONMENT, missing);
        }
    }

    /** The patches of the manifest in its order, found by their content. */
    private List<Path> findPatches(Manifest manifest, List<Problem> missing) {
        Map<String, Path> byHash = new LinkedHashMap<>();
        try {
            for (Path candidate : candidates()) {
                byHash.putIfAbsent(Hashes.sha256(candidate), candidate);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        List<Path> found = new ArrayList<>();
        for (Manifest.Input patch : manifest.inputs().patches()) {
            Path file = byHash.get(patch.sha256());
            if (file != null) {
                found.add(file);
            } else {
                missing.add(
                        missing(
                                patch.name(),
                                "no patch with the SHA-256 " + patch.sha256() + " was given",
                                "put it beside the module, or name it with --patch"));
            }
        }
        return found;
    }

    private List<Path> candidates() throws IOException {
        if (!patches.isEmpty()) {
            return patches;
        }
        List<Path> beside = new ArrayList<>();
        try (Stream<Path> files =
                Files.list(module.toAbsolutePath().resolveSibling(".").normalize())) {
            for (Path file : files.sorted().limit(MAX_FILES).toList()) {
                String name = String.valueOf(file.getFileName());
                if ((name.endsWith(".patch") || name.endsWith(".diff"))
                        && Files.isReadable(file)
                        && Files.isRegularFile(file)
                        && Files.size(file) <= MAX_PATCH_BYTES) {
                    beside.add(file);
                }
            }
        }
        return beside;
    }

    /** What the kit has must be what the manifest names. */
    private static void checkInputs(Manifest manifest, Kit kit, List<Problem> missing) {
        KitFacts facts = kit.facts();
        CompilerIdentity compiler =
                CompilerIdentity.of(kit.kernelTree(), Optional.of(facts.compiler().version()));
        Manifest.Inputs then = manifest.inputs();
        Manifest.Inputs now = BuildInputs.of(then.patches(), kit, compiler);
        String packages =
                "make the kit of the packages that were used then: rebootless kit add "
                        + facts.release()
                        + " --from DIR";
        checkInput(then.source(), now.source(), packages, missing);
        checkInput(then.image(), now.image(), packages, missing);
        checkInput(then.config(), now.config(), packages, missing);
        checkInput(then.exports(), now.exports(), packages, missing);
        checkInput(then.objtool(), now.objtool(), packages, missing);
        checkInput(then.compiler(), now.compiler(), "install exactly that version", missing);
    }

    private static void checkInput(
            Manifest.Input then, Manifest.Input now, String remedy, List<Problem> missing) {
        if (!then.sha256().equals(now.sha256())) {
            missing.add(
                    missing(
                            then.name(),
                            "the module was built with the SHA-256 "
                                    + then.sha256()
                                    + "; here it is "
                                    + now.sha256()
                                    + " ("
                                    + now.name()
                                    + ")",
                            remedy));
        }
    }

    /** The module that comes out; empty if the patches change nothing, so that none does. */
    private Optional<byte[]> rebuild(Manifest manifest, Kit kit, List<Path> found) {
        Path work = null;
        try {
            work = Files.createTempDirectory("rebootless-rebuild-");
            List<Path> named = underTheirNames(manifest, found, work);
            BuildOutcome outcome =
                    new Build(kit, console.progress(), false)
                            .run(
                                    new BuildRequest(
                                            named,
                                            work.resolve("out"),
                                            Optional.of(manifest.name()),
                                            manifest.replace(),
                                            manifest.cves(),
                                            false,
                                            Optional.empty(),
                                            manifest.level()));
            return switch (outcome) {
                case BuildOutcome.Built built -> Optional.of(Files.readAllBytes(built.module()));
                case BuildOutcome.Unchanged _ -> Optional.empty();
                case BuildOutcome.Explained _ ->
                        throw new IllegalStateException("a build does not end with an explanation");
            };
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            AtomicFiles.removeTreeQuietly(work);
        }
    }

    /** The manifest holds the names of the patches as well. */
    private static List<Path> underTheirNames(Manifest manifest, List<Path> found, Path work)
            throws IOException {
        List<Path> named = new ArrayList<>();
        for (int i = 0; i < found.size(); i++) {
            String name = manifest.inputs().patches().get(i).name();
            if (name.isEmpty()
                    || name.contains("/")
                    || name.contains("\0")
                    || name.equals(".")
                    || name.equals("..")) {
                throw RebootlessException.usage(
                        "RBL-MANIFEST",
                        name,
                        "cannot be the name of a patch file",
                        "do not trust this module");
            }
            Path folder = Files.createDirectory(work.resolve("patch-" + i));
            named.add(Files.copy(found.get(i), folder.resolve(name)));
        }
        return named;
    }

    private ExitStatus report(ModuleFile file, Optional<byte[]> outcome) {
        byte[] given = file.bytes();
        byte[] rebuilt = outcome.orElse(new byte[0]);
        Optional<Documents.Difference> difference = difference(file, rebuilt);
        boolean same = difference.isEmpty();
        Documents.Rebuild document =
                new Documents.Rebuild(
                        Documents.SCHEMA_VERSION,
                        same ? "same" : "different",
                        module.toString(),
                        Hashes.sha256(given),
                        Hashes.sha256(rebuilt),
                        difference);
        difference.ifPresent(d ->
                console.problem(
                        new Problem(
                                "RBL-REBUILD-DIFFERS",
                                module.toString(),
                                outcome.isEmpty()
                                        ? "the same inputs give no module: they change no compiled function"
                                        : "the same inputs give another module; " + where(d),
                                "do not trust this module: it is not what its manifest says")));
        if (json) {
            console.print(document);
        } else if (same) {
            console.print(
                    "the same bytes: "
                            + module
                            + " is what its manifest says"
                            + (file.module().isSigned() ? " (its signature was not checked)" : "")
                            + "\nsha256 "
                            + document.sha256()
                            + "\n");
        }
        return same ? ExitStatus.DONE : ExitStatus.PROOF_FAILED;
    }

    private static String where(Documents.Difference difference) {
        return "the first difference is at byte "
                + difference.offset()
                + (difference.section().isEmpty()
                        ? ""
                        : ", and the first section that differs is " + difference.section());
    }

    /**
     * What comes behind the module is its signature, which is made after the build. All before it
     * has to be what was built: no byte more, and none less.
     */
    private static Optional<Documents.Difference> difference(ModuleFile file, byte[] rebuilt) {
        byte[] given = file.bytes();
        // A compressed file may be shorter than the module in it; it is never the same.
        int length = Math.min(file.module().unsignedLength(), given.length);
        int at = Arrays.mismatch(given, 0, length, rebuilt, 0, rebuilt.length);
        if (at < 0) {
            return Optional.empty();
        }
        String section = rebuilt.length == 0 ? "" : section(file, rebuilt);
        return Optional.of(new Documents.Difference(at, section));
    }

    /** The first section that is not the same in both; empty if it is the tables that differ. */
    private static String section(ModuleFile file, byte[] rebuilt) {
        List<ElfSection> ours = ElfReader.read(rebuilt).sections();
        List<ElfSection> theirs = file.module().sections();
        for (int i = 0; i < Math.min(ours.size(), theirs.size()); i++) {
            if (!ours.get(i).name().equals(theirs.get(i).name())
                    || !Arrays.equals(ours.get(i).content(), theirs.get(i).content())) {
                return theirs.get(i).name();
            }
        }
        return "";
    }
}
