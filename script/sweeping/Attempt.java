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
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

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

    /** What compiling the one file showed. */
    private record Compiled(String target, boolean dataEqual, double seconds) {}

    Row run(Case what) throws IOException, InterruptedException {
        Path patch = patch(what);
        Compiled compiled = new Compiled("", false, 0);
        if (!what.isHeader()) {
            String target = "";
            try {
                List<UnitCommand> units = new UnitCommands(kit.kernelTree()).reachedBy(what.file());
                target = units.getFirst().target();
                compiled = compile(patch, units);
            } catch (RebootlessException e) {
                return Row.of(what, target, "failed", false, 0, e);
            }
        }
        long start = System.nanoTime();
        try {
            BuildOutcome outcome = build(what, patch);
            double seconds = (System.nanoTime() - start) / 1e9;
            return new Row(
                    what.file(),
                    outcome instanceof BuildOutcome.Built built
                            ? String.join(",", built.manifest().objects().stream().map(o -> o.name()).toList())
                            : compiled.target(),
                    outcome instanceof BuildOutcome.Built ? "built" : "unchanged",
                    "",
                    compiled.dataEqual(),
                    compiled.seconds(),
                    seconds,
                    what.name());
        } catch (RebootlessException e) {
            boolean fails = e.problems().stream().anyMatch(p -> p.code().equals("RBL-COMPILE"));
            return Row.of(
                    what,
                    compiled.target(),
                    what.isHeader() && fails ? "failed" : "refused",
                    compiled.dataEqual(),
                    compiled.seconds(),
                    e);
        } catch (RuntimeException | Error e) {
            StringWriter trace = new StringWriter();
            e.printStackTrace(new PrintWriter(trace));
            return new Row(
                    what.file(),
                    compiled.target(),
                    "fault",
                    e.getClass().getSimpleName(),
                    compiled.dataEqual(),
                    compiled.seconds(),
                    0,
                    trace.toString());
        }
    }

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

    private Compiled compile(Path patch, List<UnitCommand> units) throws IOException {
        Path work = Files.createTempDirectory("sweep-");
        try {
            UnitCompiler compiler =
                    new UnitCompiler(
                            kit.kernelTree(),
                            Optional.of(kit.facts().compiler().version()),
                            kit.facts().release() + "/" + kit.facts().buildId());
            PatchedTree tree = PatchedTree.apply(kit.tree(), SourcePatch.read(List.of(patch)));
            boolean equal = true;
            double seconds = 0;
            for (ObjectPair pair : compiler.compile(tree, units, work)) {
                equal &= NamedData.of(pair.original()).equals(NamedData.of(pair.patched()));
                seconds += pair.patchedTime().toMillis() / 1e3;
            }
            return new Compiled(units.getFirst().target(), equal, seconds);
        } finally {
            try (Stream<Path> left = Files.walk(work)) {
                left.sorted(Comparator.reverseOrder()).forEach(p -> p.toFile().delete());
            }
        }
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
