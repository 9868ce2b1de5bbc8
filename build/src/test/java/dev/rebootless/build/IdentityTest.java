package dev.rebootless.build;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.Hashes;
import dev.rebootless.base.Subprocess;
import dev.rebootless.diff.ChangeSet;
import dev.rebootless.diff.ObjectDiff;
import dev.rebootless.diff.Verdict;
import dev.rebootless.elf.ElfReader;
import dev.rebootless.source.compile.KernelTree;
import dev.rebootless.source.compile.UnitCommand;
import dev.rebootless.source.compile.UnitCommands;
import dev.rebootless.source.compile.UnitCompiler;
import dev.rebootless.source.kit.Kit;
import dev.rebootless.source.kit.Kits;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * A unit differs from itself in nothing: the built-in units of two subsystems, compiled as the
 * product does and once more in another folder, from sources with a blank line above every
 * function, so that every line number in them is another. Nothing looks at whether files are equal.
 *
 * <p>The other folder is a copy of the kit's tree (hard links, the edited sources apart) in which
 * the compiler runs outside of the product's sandbox, at a path of its own. Objects are kept by
 * content of source and command, so that only the first run takes long.
 */
class IdentityTest {
    private static final int SAMPLE = 8;

    private static Kit kit;
    private static UnitCommands commands;
    private static UnitCompiler compiler;
    private static Path copy;
    private static Path objects;

    @BeforeAll
    static void prepare() throws IOException {
        Kits kits = new Kits(Kits.userCache(), System.out::println);
        kit = kits.add(kits.newestCloudRelease("6.1"));
        KernelTree tree =
                new KernelTree(
                        kit.tree(),
                        kit.unitCache(),
                        kit.facts().compiler().program(),
                        kit.facts().makeArguments());
        commands = new UnitCommands(tree);
        compiler =
                new UnitCompiler(
                        tree,
                        Optional.of(kit.facts().compiler().version()),
                        kit.facts().release() + "/" + kit.facts().buildId());
        Path base = Kits.userCache().resolve("test-identity");
        objects = Files.createDirectories(base.resolve("objects"));
        Path moved = base.resolve(kit.facts().buildId()).resolve("moved");
        copy = moved.resolve("elsewhere");
        if (!Files.isDirectory(copy)) {
            Files.createDirectories(moved);
            Path aside = copy.resolveSibling(".copy-" + ProcessHandle.current().pid() + ".tmp");
            run(moved, "cp", "-al", kit.tree().toString(), aside.toString());
            Files.move(aside, copy);
        }
    }

    private static Subprocess.Result run(Path folder, String... command) {
        Subprocess.Result result =
                Subprocess.of(command).in(folder).deadline(Duration.ofMinutes(10)).run();
        assertThat(result.ok()).as(result.all()).isTrue();
        return result;
    }

    /** The units of a folder and those below it that are part of vmlinux. */
    private static List<UnitCommand> builtIn(String folder) throws IOException {
        try (Stream<Path> files = Files.walk(kit.tree().resolve(folder))) {
            return files.map(f -> kit.tree().relativize(f).toString())
                    .filter(f -> f.endsWith(".c"))
                    .sorted()
                    .flatMap(f -> commands.find(f).stream())
                    .filter(UnitCommand::inVmlinux)
                    .toList();
        }
    }

    /**
     * The source with a blank line above every function: above the first line of what stands before
     * a brace in the first column, back to a blank line or the end of something else.
     */
    static String withBlankLines(String source) {
        List<String> lines = source.lines().toList();
        List<String> out = new ArrayList<>();
        boolean[] before = new boolean[lines.size() + 1];
        for (int i = 1; i < lines.size(); i++) {
            if (lines.get(i).equals("{")) {
                int first = i - 1;
                while (first > 0 && !endsSomething(lines.get(first))) {
                    first--;
                }
                // Inside a macro or next to a directive a blank line could end or change it.
                if (!lines.get(first).endsWith("\\") && !lines.get(first).startsWith("#")) {
                    before[first + 1] = true;
                }
            }
        }
        for (int i = 0; i < lines.size(); i++) {
            if (before[i]) {
                out.add("");
            }
            out.add(lines.get(i));
        }
        return String.join("\n", out) + "\n";
    }

    private static boolean endsSomething(String line) {
        String text = line.stripTrailing();
        return text.isEmpty()
                || text.endsWith(";")
                || text.endsWith("}")
                || text.endsWith("*/")
                || text.endsWith("\\")
                || text.startsWith("#");
    }

    /** Compiles the edited source in the other folder. */
    private static Path compileMoved(UnitCommand unit) {
        try {
            String original =
                    Files.readString(
                            kit.tree().resolve(unit.source()), StandardCharsets.ISO_8859_1);
            String edited = withBlankLines(original);
            List<String> command =
                    new ArrayList<>(List.of("nice", kit.facts().compiler().program()));
            unit.arguments().stream().filter(a -> !a.startsWith("-g")).forEach(command::add);
            command.addAll(List.of("-ffunction-sections", "-fdata-sections", "-c"));
            String key =
                    Hashes.sha256(
                            (String.join("\0", command)
                                            + compiler.compiler().hash()
                                            + kit.facts().buildId()
                                            + unit.source()
                                            + edited)
                                    .getBytes(StandardCharsets.ISO_8859_1));
            Path object = objects.resolve(key + ".o");
            if (!Files.exists(object)) {
                Path source = copy.resolve(unit.source());
                // A hard link to the kit's file: take it away first, never write through it.
                Files.deleteIfExists(source);
                Files.writeString(source, edited, StandardCharsets.ISO_8859_1);
                Path aside = Files.createTempFile(objects, "unit", ".tmp");
                command.addAll(List.of("-o", aside.toString(), unit.source()));
                run(copy, command.toArray(String[]::new));
                AtomicFiles.write(object, Files.readAllBytes(aside));
                Files.delete(aside);
            }
            return object;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** What was found of one unit: empty if nothing; whether the files differ all the same. */
    private record Found(String unit, String findings, boolean filesDiffer) {}

    private static Found compare(UnitCommand unit) {
        Path original = compiler.original(unit);
        Path moved = compileMoved(unit);
        ChangeSet changes = ObjectDiff.compare(ElfReader.read(original), ElfReader.read(moved));
        try {
            String findings =
                    changes.verdict() == Verdict.UNCHANGED
                            ? ""
                            : "changed "
                                    + changes.changed()
                                    + " new "
                                    + changes.added()
                                    + " removed "
                                    + changes.removed()
                                    + " data "
                                    + changes.data()
                                    + " refused "
                                    + changes.refusals();
            return new Found(unit.source(), findings, Files.mismatch(original, moved) >= 0);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void requireUnchanged(List<UnitCommand> units) throws InterruptedException {
        List<Found> found = new ArrayList<>();
        ExecutorService pool =
                Executors.newFixedThreadPool(Runtime.getRuntime().availableProcessors());
        try {
            List<Future<Found>> running =
                    units.stream().map(u -> pool.submit(() -> compare(u))).toList();
            for (Future<Found> future : running) {
                Found one = future.get();
                found.add(one);
                System.out.printf(
                        "identity %d/%d %s %s%n",
                        found.size(),
                        units.size(),
                        one.unit(),
                        one.findings().isEmpty() ? "unchanged" : one.findings());
            }
        } catch (ExecutionException e) {
            throw new AssertionError(e.getCause());
        } finally {
            pool.shutdownNow();
        }
        assertThat(found.stream().filter(f -> !f.findings().isEmpty()).toList()).isEmpty();
        assertThat(found).hasSameSizeAs(units);
        assertThat(found).as("units whose object files are not equal").anyMatch(Found::filesDiffer);
    }

    @Test
    void blankLinesGoAboveFunctionsAndNowhereElse() {
        assertThat(
                        withBlankLines(
                                """
                                #include <a.h>
                                static int
                                one(int x)
                                {
                                	if (x) {
                                	}
                                }
                                #define M(x) \\
                                {
                                struct s {
                                	int a;
                                };
                                /* two */
                                int two(void)
                                {
                                }
                                """))
                .isEqualTo(
                        """
                        #include <a.h>
                        static int
                        one(int x)
                        {
                        	if (x) {
                        	}
                        }
                        #define M(x) \\
                        {
                        struct s {
                        	int a;
                        };
                        /* two */

                        int two(void)
                        {
                        }
                        """);
    }

    @Test
    void aSampleOfUnitsIsUnchangedWhenEveryLineMoves() throws Exception {
        long seed = Long.getLong("rebootless.seed", 6L);
        System.out.println("seed " + seed + " (-Drebootless.seed)");
        List<UnitCommand> units = new ArrayList<>(builtIn("mm"));
        units.addAll(builtIn("net/core"));
        Collections.shuffle(units, new Random(seed));
        requireUnchanged(units.subList(0, SAMPLE));
    }

    @Test
    @Tag("long")
    void everyUnitOfMmIsUnchangedWhenEveryLineMoves() throws Exception {
        List<UnitCommand> units = builtIn("mm");
        assertThat(units).hasSizeGreaterThan(60);
        requireUnchanged(units);
    }

    @Test
    @Tag("long")
    void everyUnitOfNetCoreIsUnchangedWhenEveryLineMoves() throws Exception {
        List<UnitCommand> units = builtIn("net/core");
        assertThat(units).hasSizeGreaterThan(40);
        requireUnchanged(units);
    }
}
