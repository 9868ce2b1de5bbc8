package dev.rebootless.source.compile;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Hashes;
import dev.rebootless.base.Problem;
import dev.rebootless.base.Progress;
import dev.rebootless.base.ProgressCounter;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.base.Subprocess;
import dev.rebootless.source.patch.LineMarkers;
import dev.rebootless.source.patch.PatchedFile;
import dev.rebootless.source.patch.PatchedTree;
import dev.rebootless.source.sandbox.Sandbox;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Compiles units before and after a patch, with the kernel's own flags, so that the two objects
 * differ in nothing but what the patch changes:
 *
 * <ul>
 *   <li>the same command, source path and folder on both sides; the patched text takes the place of
 *       the original inside the sandbox, and the tree on disk stays as it is;
 *   <li>every function and variable in a section of its own ({@code -ffunction-sections
 *       -fdata-sections}), which does not change the code itself;
 *   <li>no debug information: it takes a third of the time and no code depends on it;
 *   <li>line numbers after a change put back ({@link LineMarkers}).
 * </ul>
 *
 * <p>objtool does not run here (see {@link #objtool}). Originals are kept in the unit cache, named
 * by the content of all that they are compiled from: the compiler, its arguments, the
 * configuration, and every file that it read ({@link Dependencies}). Safe for use by several
 * threads and processes.
 */
public final class UnitCompiler {
    /** Part of each key: raised whenever the way of compiling changes. */
    private static final String METHOD = "2";

    private static final int MAX_ERROR_LINES = 20;

    private static final Pattern DISK_FULL =
            Pattern.compile("(?m)^[^'\"]*(error|Fatal error):.*No space left on device$");

    /** Where gcc writes what it read, inside the sandbox. */
    private static final String RULE = Sandbox.OUT + "/unit.d";

    private final Path cache;
    private final String compiler;
    private final CompilerIdentity identity;
    private final String treeIdentity;
    private final Path tree;
    private final Sandbox sandbox;
    private final GeneratedFiles generated;
    private final RuntimeConstants constants;
    private final Dependencies.Contents contents;

    /**
     * @param expectedVersion the version that the kernel's banner names; empty: any
     * @param treeIdentity names the tree's content, such as release and build id: what is cached is
     *     used only for the same
     * @throws RebootlessException exit status 5 {@code RBL-COMPILER} when the compiler is missing
     *     or another one
     */
    public UnitCompiler(KernelTree kernel, Optional<String> expectedVersion, String treeIdentity) {
        this.tree = kernel.folder();
        this.cache = kernel.unitCache().resolve("originals");
        this.compiler = kernel.compiler();
        this.identity = CompilerIdentity.of(kernel, expectedVersion);
        this.treeIdentity = treeIdentity;
        this.sandbox = Sandbox.of(Sandbox.Limits.COMPILE, kernel.programs()).tree(tree);
        this.generated = new GeneratedFiles(kernel);
        this.constants = new RuntimeConstants(tree);
        this.contents = new Dependencies.Contents(tree);
    }

    /** The compiler in use. */
    public CompilerIdentity compiler() {
        return identity;
    }

    /**
     * Compiles units before and after a patch, as many at once as there are processors.
     *
     * @param folder where the patched objects go, under the units' own paths; made when it is not
     *     there
     * @return the pairs, in the order of the units
     * @throws RebootlessException exit status 4 {@code RBL-COMPILE} when a patched source does not
     *     compile; exit status 5 {@code RBL-COMPILE-ORIGINAL} when an original does not, or {@code
     *     RBL-SANDBOX}; exit status 130 when interrupted
     */
    public List<ObjectPair> compile(
            PatchedTree patch, List<UnitCommand> units, Path folder, Progress progress) {
        Path work = null;
        try {
            Files.createDirectories(folder);
            Files.createDirectories(cache);
            work = Files.createTempDirectory(folder, ".compile-");
            SortedMap<String, Path> overlays = patch.overlays(patch.files().keySet(), work);
            return inParallel(patch, units, folder, work, overlays, progress);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            AtomicFiles.removeTreeQuietly(work);
        }
    }

    /**
     * The object of the unpatched unit, from the cache or compiled now. It is not to be changed.
     *
     * @throws RebootlessException as {@link #compile}
     */
    public Path original(UnitCommand unit) {
        return original(unit, Layout.SECTIONS).object();
    }

    /**
     * The object of the unpatched unit with the sections that kbuild gives it. Calls and jumps
     * between functions of one section are shorter in it than in {@link #original}, where the
     * assembler cannot know the distance: only this layout is byte for byte what was shipped.
     *
     * @throws RebootlessException as {@link #compile}
     */
    public Path shippedLayout(UnitCommand unit) {
        return original(unit, Layout.SHIPPED).object();
    }

    /** How code and data are spread over sections. */
    private enum Layout {
        /** As kbuild does. */
        SHIPPED,
        /** Every function and variable in a section of its own. */
        SECTIONS,
        /** The same, with {@link RuntimeConstants} read from their variables. */
        VARIABLES
    }

    /**
     * Runs the tree's objtool on an object, which it changes in place.
     *
     * @param object in a folder that the caller owns; objtool may write beside it
     * @param flags its arguments, such as {@link UnitCommand#objtool}
     * @return what it printed: warnings, or nothing
     * @throws RebootlessException exit status 5 {@code RBL-OBJTOOL} when it fails
     */
    public String objtool(Path object, List<String> flags) {
        Path folder = object.toAbsolutePath().getParent();
        if (folder == null) {
            throw new IllegalArgumentException("not a file: " + object);
        }
        List<String> command = new ArrayList<>();
        command.add(Sandbox.TREE + "/tools/objtool/objtool");
        command.addAll(flags);
        command.add(Sandbox.OUT + "/" + object.getFileName());
        Subprocess.Result result = sandbox.out(folder).run(command);
        if (!result.ok()) {
            throw RebootlessException.environment(
                    "RBL-OBJTOOL",
                    String.valueOf(object.getFileName()),
                    "objtool fails with status %d: %s".formatted(result.status(), result.all()),
                    "prepare the kit again: rebootless kit remove, then kit add");
        }
        return result.all();
    }

    // ---- pairs ----

    private record Compiled(Path object, boolean cached, Duration time, String warnings) {}

    private List<ObjectPair> inParallel(
            PatchedTree patch,
            List<UnitCommand> units,
            Path folder,
            Path work,
            SortedMap<String, Path> overlays,
            Progress progress)
            throws IOException {
        ProgressCounter counter = ProgressCounter.ofLong(progress, units.size(), "compiled");
        List<Future<Compiled>> originals = new ArrayList<>();
        List<Future<Compiled>> patched = new ArrayList<>();
        ExecutorService pool =
                Executors.newFixedThreadPool(Runtime.getRuntime().availableProcessors());
        try {
            for (int i = 0; i < units.size(); i++) {
                UnitCommand unit = units.get(i);
                Path out = Files.createDirectory(work.resolve("unit-" + i));
                originals.add(pool.submit(() -> original(unit, Layout.SECTIONS)));
                patched.add(
                        pool.submit(() ->
                                patched(patch, unit, Layout.SECTIONS, folder, out, overlays)));
            }
            List<ObjectPair> pairs = new ArrayList<>();
            List<RebootlessException> failures = new ArrayList<>();
            for (int i = 0; i < units.size(); i++) {
                Optional<Compiled> before = result(originals.get(i), failures);
                Optional<Compiled> after = result(patched.get(i), failures);
                if (before.isPresent() && after.isPresent()) {
                    pairs.add(pair(units.get(i), before.get(), after.get()));
                }
                counter.done();
            }
            if (failures.isEmpty()) {
                pairs = readingVariables(pairs, patch, folder, work, overlays, pool, failures);
            }
            if (!failures.isEmpty()) {
                throw combined(failures);
            }
            return pairs;
        } catch (InterruptedException e) {
            throw RebootlessException.interrupted(compiler, e);
        } finally {
            // Interrupts what still runs; each run of gcc is killed by that.
            pool.shutdownNow();
            pool.close();
        }
    }

    /** Compiles once more what has constants that only vmlinux gets, as {@link ObjectPair} says. */
    private List<ObjectPair> readingVariables(
            List<ObjectPair> pairs,
            PatchedTree patch,
            Path folder,
            Path work,
            SortedMap<String, Path> overlays,
            ExecutorService pool,
            List<RebootlessException> failures)
            throws InterruptedException, IOException {
        Path aside = folder.resolve("reading-variables");
        SortedMap<Integer, List<Future<Compiled>>> again = new TreeMap<>();
        for (int i = 0; i < pairs.size(); i++) {
            ObjectPair pair = pairs.get(i);
            if (constants.areIn(pair.original()) || constants.areIn(pair.patched())) {
                Path out = Files.createDirectory(work.resolve("unit-variables-" + i));
                again.put(
                        i,
                        List.of(
                                pool.submit(() -> original(pair.unit(), Layout.VARIABLES)),
                                pool.submit(() ->
                                        patched(
                                                patch,
                                                pair.unit(),
                                                Layout.VARIABLES,
                                                aside,
                                                out,
                                                overlays))));
            }
        }
        List<ObjectPair> all = new ArrayList<>(pairs);
        for (var entry : again.entrySet()) {
            Optional<Compiled> before = result(entry.getValue().getFirst(), failures);
            Optional<Compiled> after = result(entry.getValue().getLast(), failures);
            if (before.isPresent() && after.isPresent()) {
                ObjectPair shipped = pairs.get(entry.getKey());
                all.set(
                        entry.getKey(),
                        pair(shipped.unit(), before.get(), after.get()).asShipped(shipped));
            }
        }
        return all;
    }

    private static ObjectPair pair(UnitCommand unit, Compiled before, Compiled after) {
        return new ObjectPair(
                unit,
                before.object(),
                after.object(),
                before.cached(),
                before.time(),
                after.time(),
                after.warnings(),
                Optional.empty());
    }

    private static Optional<Compiled> result(
            Future<Compiled> future, List<RebootlessException> failures)
            throws InterruptedException {
        try {
            return Optional.of(future.get());
        } catch (ExecutionException e) {
            switch (e.getCause()) {
                case RebootlessException failure -> failures.add(failure);
                case RuntimeException fault -> throw fault;
                case Error fault -> throw fault;
                case null, default -> throw new IllegalStateException(e);
            }
            return Optional.empty();
        }
    }

    private static RebootlessException combined(List<RebootlessException> failures) {
        ExitStatus worst =
                failures.stream()
                        .map(RebootlessException::status)
                        .reduce(ExitStatus.DONE, ExitStatus::orWorse);
        List<Problem> problems =
                failures.stream()
                        .flatMap(f -> f.problems().stream())
                        .distinct()
                        .collect(Collectors.toList());
        return new RebootlessException(worst, problems, failures.getFirst());
    }

    // ---- one object ----

    private Compiled patched(
            PatchedTree patch,
            UnitCommand unit,
            Layout layout,
            Path folder,
            Path out,
            SortedMap<String, Path> overlays) {
        long start = System.nanoTime();
        Subprocess.Result result = gcc(unit, layout, out, overlays, List.of());
        Duration time = Duration.ofNanos(System.nanoTime() - start);
        if (!result.ok()) {
            throw compileError(unit, messageWithPatchedLines(patch, unit, out, result));
        }
        try {
            Path target = folder.resolve(unit.object());
            Files.createDirectories(target.toAbsolutePath().getParent());
            Files.move(
                    out.resolve("unit.o"),
                    target,
                    java.nio.file.StandardCopyOption.ATOMIC_MOVE,
                    java.nio.file.StandardCopyOption.REPLACE_EXISTING);
            return new Compiled(target, false, time, result.all());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private Compiled original(UnitCommand unit, Layout layout) {
        String key = key(unit, layout);
        Optional<Path> cached = cached(key);
        if (cached.isPresent()) {
            return new Compiled(cached.get(), true, Duration.ZERO, "");
        }
        Path out = null;
        try {
            Files.createDirectories(cache);
            out = Files.createTempDirectory(cache, ".compile-");
            long start = System.nanoTime();
            Subprocess.Result result =
                    gcc(unit, layout, out, new TreeMap<>(), List.of("-MD", "-MF", RULE));
            Duration time = Duration.ofNanos(System.nanoTime() - start);
            if (!result.ok()) {
                throw RebootlessException.environment(
                        "RBL-COMPILE-ORIGINAL",
                        unit.source(),
                        "the unpatched source does not compile:\n" + firstErrors(result),
                        "prepare the kit again: rebootless kit remove, then kit add");
            }
            Dependencies read = Dependencies.ofRule(out.resolve("unit.d"));
            Path kept = objectFile(key, read);
            byte[] object = Files.readAllBytes(out.resolve("unit.o"));
            AtomicFiles.write(kept, object);
            AtomicFiles.write(hashFile(kept), Hashes.sha256(object));
            // Last: an object without its hash, or that no list leads to, does not count.
            read.keep(dependenciesFile(key));
            return new Compiled(kept, false, time, "");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            AtomicFiles.removeTreeQuietly(out);
        }
    }

    private Subprocess.Result gcc(
            UnitCommand unit,
            Layout layout,
            Path out,
            SortedMap<String, Path> overlays,
            List<String> more) {
        List<String> command = new ArrayList<>(arguments(unit, layout));
        command.addAll(more);
        command.addAll(List.of("-c", "-o", Sandbox.OUT + "/unit.o", unit.source()));
        SortedMap<String, Path> over = new TreeMap<>(overlays);
        if (layout == Layout.VARIABLES) {
            over.putAll(constants.replacement());
        }
        Sandbox job = sandbox.overlays(over).out(out);
        Subprocess.Result result = job.run(command);
        boolean again = GeneratedFiles.areMissing(result) && generated.make(unit);
        return again ? job.run(command) : result;
    }

    /** The whole command but for {@code -c}, output and source. */
    private List<String> arguments(UnitCommand unit, Layout layout) {
        List<String> arguments = new ArrayList<>();
        arguments.add(compiler);
        unit.arguments().stream().filter(a -> !isDebugOption(a)).forEach(arguments::add);
        switch (layout) {
            case SHIPPED -> {}
            case SECTIONS, VARIABLES ->
                    arguments.addAll(List.of("-ffunction-sections", "-fdata-sections"));
        }
        return arguments;
    }

    /** {@code -g}, {@code -g1}, {@code -gdwarf-5}, {@code -gz=zlib} and the like (gcc(1)). */
    private static boolean isDebugOption(String argument) {
        return argument.startsWith("-g");
    }

    // ---- the cache of originals ----

    private String key(UnitCommand unit, Layout layout) {
        try {
            List<String> parts = new ArrayList<>();
            parts.add(METHOD);
            parts.add(treeIdentity);
            parts.add(identity.hash());
            parts.add(contents.sha256(".config"));
            parts.add(contents.sha256(unit.source()));
            parts.add(unit.source());
            parts.addAll(arguments(unit, layout));
            if (layout == Layout.VARIABLES) {
                for (var replaced : constants.replacement().entrySet()) {
                    parts.add(replaced.getKey());
                    parts.add(Hashes.sha256(replaced.getValue()));
                }
            }
            return Hashes.sha256(String.join("\0", parts).getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * The object that was compiled from just what is there now. Its name has the hash of all files
     * that were read for it, so that an edit of any of them leads to no object; and no object is
     * ever replaced by another one while somebody reads it.
     */
    private Optional<Path> cached(String key) {
        try {
            Optional<Dependencies> last = Dependencies.kept(dependenciesFile(key));
            if (last.isEmpty()) {
                return Optional.empty();
            }
            Path object = objectFile(key, last.get());
            return isWhole(object) ? Optional.of(object) : Optional.empty();
        } catch (IOException e) {
            // A file that was read then is gone now.
            return Optional.empty();
        }
    }

    private Path dependenciesFile(String key) {
        return cache.resolve(key + ".files");
    }

    private Path objectFile(String key, Dependencies read) throws IOException {
        return cache.resolve(key + "-" + read.hash(contents) + ".o");
    }

    private static Path hashFile(Path object) {
        return object.resolveSibling(object.getFileName() + ".sha256");
    }

    private static boolean isWhole(Path object) {
        try {
            return Files.isRegularFile(object)
                    && Files.readString(hashFile(object)).equals(Hashes.sha256(object));
        } catch (IOException e) {
            return false;
        }
    }

    // ---- errors ----

    /**
     * gcc counts lines as the directives of {@link LineMarkers} say; people look at the patched
     * file. So what failed is compiled once more without them, for its messages.
     */
    private String messageWithPatchedLines(
            PatchedTree patch, UnitCommand unit, Path out, Subprocess.Result failed) {
        try {
            SortedMap<String, Path> plain = new TreeMap<>();
            for (PatchedFile file : patch.files().values()) {
                Path overlay = out.resolve("plain-" + plain.size());
                Files.write(overlay, file.patched());
                plain.put(file.path(), overlay);
            }
            Subprocess.Result again = gcc(unit, Layout.SECTIONS, out, plain, List.of());
            return firstErrors(again.ok() ? failed : again);
        } catch (IOException e) {
            return firstErrors(failed);
        }
    }

    private static RebootlessException compileError(UnitCommand unit, String errors) {
        // gcc's and the assembler's own words, not a quotation of the source.
        if (DISK_FULL.matcher(errors).find()) {
            return RebootlessException.environment(
                    "RBL-DISK",
                    unit.source(),
                    "the disk is full:\n" + errors,
                    "make room in the folder for temporary files, or set TMPDIR");
        }
        return RebootlessException.refused(
                "RBL-COMPILE",
                unit.source(),
                "the patched source does not compile:\n" + errors,
                "correct the patch; line numbers are those of the patched file");
    }

    private static String firstErrors(Subprocess.Result result) {
        List<String> lines = result.all().lines().toList();
        int first = 0;
        while (first < lines.size() && !lines.get(first).contains("error:")) {
            first++;
        }
        if (first == lines.size()) {
            first = 0;
        }
        String text =
                lines.stream()
                        .skip(first)
                        .limit(MAX_ERROR_LINES)
                        .map(l -> "  " + l)
                        .collect(Collectors.joining("\n"));
        return text.isEmpty() ? "  (gcc ended with status " + result.status() + ")" : text;
    }
}
