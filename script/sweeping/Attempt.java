import dev.rebootless.base.Progress;
import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.build.Build;
import dev.rebootless.build.BuildOutcome;
import dev.rebootless.build.BuildRequest;
import dev.rebootless.source.compile.ObjectPair;
import dev.rebootless.source.compile.UnitCommand;
import dev.rebootless.source.compile.UnitCommands;
import dev.rebootless.source.compile.UnitCompiler;
import dev.rebootless.source.kit.Kit;
import dev.rebootless.source.patch.PatchedTree;
import dev.rebootless.source.patch.SourcePatch;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** One case: its patch, its objects, its livepatch. */
final class Attempt {
    private final Kit kit;
    private final Path newer;
    private final Path folder;

    Attempt(Kit kit, Path newer, Path folder) {
        this.kit = kit;
        this.newer = newer;
        this.folder = folder;
    }

    /**
     * What compiling the one file showed. Where it could not be asked, the data count as equal: what
     * is refused before stays in every denominator.
     */
    private record Compiled(String target, boolean dataEqual) {}

    Row run(Case what) throws IOException, InterruptedException {
        Compiled compiled = new Compiled("", !what.isHeader());
        try {
            Path patch = patch(what);
            if (!what.isHeader()) {
                compiled = compile(patch, what);
            }
            return build(what, patch, compiled);
        } catch (RebootlessException e) {
            boolean fails = e.problems().stream().anyMatch(p -> p.code().equals("RBL-COMPILE"));
            return Row.of(
                    what, compiled.target(), fails ? "failed" : "refused", compiled.dataEqual(), e);
        } catch (RuntimeException | Error e) {
            StringWriter trace = new StringWriter();
            e.printStackTrace(new PrintWriter(trace));
            return new Row(
                    what.file(),
                    compiled.target(),
                    "fault",
                    e.getClass().getSimpleName(),
                    compiled.dataEqual(),
                    0,
                    trace.toString());
        }
    }

    private Row build(Case what, Path patch, Compiled compiled) {
        long start = System.nanoTime();
        BuildOutcome outcome = build(what, patch);
        double seconds = (System.nanoTime() - start) / 1e9;
        return switch (outcome) {
            case BuildOutcome.Built built ->
                    new Row(
                            what.file(),
                            String.join(
                                    ",",
                                    built.manifest().objects().stream().map(o -> o.name()).toList()),
                            "built",
                            "",
                            compiled.dataEqual(),
                            seconds,
                            what.name());
            default ->
                    new Row(
                            what.file(),
                            compiled.target(),
                            "unchanged",
                            "",
                            compiled.dataEqual(),
                            seconds,
                            what.name());
        };
    }

    /** Seconds of gcc for the patched units and of a build, originals and files warm. */
    Times time(Case what) throws IOException, InterruptedException {
        Path patch = patch(what);
        PatchedTree tree = PatchedTree.apply(kit.tree(), SourcePatch.read(List.of(patch)));
        double compile = 0;
        Path work = Files.createTempDirectory("sweep-");
        try {
            for (ObjectPair pair : pairs(tree, units(what), work)) {
                compile += pair.patchedTime().toMillis() / 1e3;
            }
        } finally {
            AtomicFiles.removeTree(work);
        }
        long start = System.nanoTime();
        build(what, patch);
        return new Times(compile, (System.nanoTime() - start) / 1e9);
    }

    record Times(double compile, double build) {}

    private BuildOutcome build(Case what, Path patch) {
        return new Build(kit, message -> {}, false)
                .run(
                        new BuildRequest(
                                List.of(patch),
                                folder.resolve("modules"),
                                Optional.of(what.name()),
                                true,
                                List.of(),
                                false,
                                Optional.empty()));
    }

    private List<UnitCommand> units(Case what) {
        return new UnitCommands(kit.kernelTree()).reachedBy(what.file());
    }

    private Compiled compile(Path patch, Case what) throws IOException {
        List<UnitCommand> units = units(what);
        PatchedTree tree = PatchedTree.apply(kit.tree(), SourcePatch.read(List.of(patch)));
        boolean equal = true;
        Path work = Files.createTempDirectory("sweep-");
        try {
            for (ObjectPair pair : pairs(tree, units, work)) {
                equal &= NamedData.of(pair.original()).equals(NamedData.of(pair.patched()));
            }
        } finally {
            AtomicFiles.removeTree(work);
        }
        return new Compiled(units.getFirst().target(), equal);
    }

    private List<ObjectPair> pairs(PatchedTree tree, List<UnitCommand> units, Path work) {
        return new UnitCompiler(
                        kit.kernelTree(),
                        Optional.of(kit.facts().compiler().version()),
                        kit.facts().release() + "/" + kit.facts().buildId())
                .compile(tree, units, work, Progress.SILENT);
    }

    private Path patch(Case what) throws IOException, InterruptedException {
        Path patch =
                Files.createDirectories(folder.resolve("patches")).resolve(what.name() + ".patch");
        Files.deleteIfExists(patch);
        Files.createFile(patch);
        for (String file : what.files()) {
            new ProcessBuilder(
                            "diff",
                            "-u",
                            "--label",
                            "a/" + file,
                            "--label",
                            "b/" + file,
                            kit.tree().resolve(file).toString(),
                            newer.resolve(file).toString())
                    .redirectOutput(ProcessBuilder.Redirect.appendTo(patch.toFile()))
                    .start()
                    .waitFor(60, TimeUnit.SECONDS);
        }
        return patch;
    }

    static void append(Path table, String lines) throws IOException {
        Files.writeString(table, lines, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }
}
