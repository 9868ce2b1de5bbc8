package dev.rebootless.source.compile;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.base.Progress;
import dev.rebootless.base.ProgressCounter;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.source.patch.FileKind;
import dev.rebootless.source.patch.PatchedFile;
import dev.rebootless.source.patch.PatchedTree;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Pattern;

/**
 * The units that changed headers reach, found without building the kernel, in steps that each leave
 * fewer for the next, dearer one:
 *
 * <ol>
 *   <li>headers that only gain declarations of names that nothing else mentions reach nothing;
 *   <li>of all that the build compiles ({@link TreePlan}), what may include one of the headers as
 *       the text of the tree says ({@link IncludeGraph}): <em>considered</em>;
 *   <li>of these, what the compiler says does read one: <em>including</em>;
 *   <li>of these, those whose preprocessed text differs: these are to be compiled.
 * </ol>
 *
 * <p>What is compiled into no target object, assembler, programs and scripts of the build cannot be
 * replaced, so a header that changes what is made of them is refused. Boot loader code ({@code
 * arch/x86/boot}) is not looked at: in a running kernel it has run and is gone.
 */
public final class HeaderUnits {
    /** Compiling that many takes an hour, and no livepatch of such a size was ever safe. */
    private static final int MAX_UNITS = 2_000;

    private static final int MAX_PROBLEMS = 20;

    /** What stands between the words of a text. */
    private static final Pattern NAME = Pattern.compile("\\W+");

    private static final String REBOOT =
            "put the change into the .c files that need it, or reboot into the fixed kernel";

    private final KernelTree kernel;
    private final Progress progress;
    private final Preprocessor preprocessor;
    private final int maxUnits;
    private final int maxConsidered;

    /**
     * Looks in a prepared tree.
     *
     * @param treeIdentity as for {@link UnitCompiler}
     */
    public HeaderUnits(
            KernelTree kernel, CompilerIdentity compiler, String treeIdentity, Progress progress) {
        this(kernel, compiler, treeIdentity, progress, MAX_UNITS, Integer.MAX_VALUE);
    }

    /**
     * The same, for whoever has not the time for headers that hundreds of units may include.
     *
     * @param maxConsidered how many units may include a header at most
     */
    public HeaderUnits(
            KernelTree kernel,
            CompilerIdentity compiler,
            String treeIdentity,
            Progress progress,
            int maxConsidered) {
        this(kernel, compiler, treeIdentity, progress, MAX_UNITS, maxConsidered);
    }

    HeaderUnits(
            KernelTree kernel,
            CompilerIdentity compiler,
            String treeIdentity,
            Progress progress,
            int maxUnits,
            int maxConsidered) {
        this.kernel = kernel;
        this.progress = progress;
        this.preprocessor = new Preprocessor(kernel, compiler, treeIdentity);
        this.maxUnits = maxUnits;
        this.maxConsidered = maxConsidered;
    }

    /**
     * What headers reach.
     *
     * @param considered how many of the build's sources may include one of them
     * @param including how many of these do
     * @param units those whose preprocessed text differs, sorted by source
     * @param declarations what differs in their declarations, by source, where something does
     * @param time what finding them took
     */
    public record Reach(
            int considered,
            int including,
            List<UnitCommand> units,
            SortedMap<String, DeclarationChanges> declarations,
            Duration time) {
        public Reach {
            units = List.copyOf(units);
            declarations = Collections.unmodifiableSortedMap(declarations);
        }
    }

    /**
     * The units that the headers of a patch reach and that must be compiled to see whether they
     * change.
     *
     * @param headers those that the patch changes
     * @throws RebootlessException exit status 4 {@code RBL-NOT-BUILT} when nothing of this kernel
     *     includes a header; {@code RBL-HEADER-WIDE}; {@code RBL-ASSEMBLER}, {@code
     *     RBL-NOT-KERNEL-TEXT}, {@code RBL-SHARED-UNIT}, {@code RBL-HEADER-BUILD} when what no
     *     livepatch can carry changes; {@code RBL-HEADER-UNDECIDED} when that is not known; exit
     *     status 5 {@code RBL-KBUILD}
     */
    public Reach reachedBy(PatchedTree patch, Collection<String> headers) {
        long start = System.nanoTime();
        Set<String> changed = new TreeSet<>(headers);
        changed.removeAll(onlyAdding(patch, headers));
        if (changed.isEmpty()) {
            progress.step(
                    String.join(", ", headers)
                            + ": only declarations are added, which nothing but the patched files mentions");
            return new Reach(
                    0, 0, List.of(), new TreeMap<>(), Duration.ofNanos(System.nanoTime() - start));
        }
        Path work = null;
        try {
            work = Files.createTempDirectory("rebootless-headers-");
            // Only the headers: a changed .c file is compiled anyway.
            Search search = new Search(changed, patch.overlays(new TreeSet<>(headers), work));
            search.run();
            return new Reach(
                    search.considered,
                    search.including.get(),
                    List.copyOf(search.differing.values()),
                    new TreeMap<>(search.declarations),
                    Duration.ofNanos(System.nanoTime() - start));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            AtomicFiles.removeTreeQuietly(work);
        }
    }

    /**
     * Headers that a patch adds declarations to, and no more, of names that stand nowhere in the
     * tree but in files that it changes as well: what else includes them is compiled as before, so
     * nobody need be asked. (A name that is put together by a macro would have to be defined
     * already.)
     */
    private Set<String> onlyAdding(PatchedTree patch, Collection<String> headers) {
        SortedMap<String, Set<String>> names = new TreeMap<>();
        for (String header : headers) {
            PatchedFile file = patch.file(header);
            AddedDeclarations.of(file.original(), file.patched())
                    .ifPresent(added -> names.put(header, added));
        }
        Set<String> all = new TreeSet<>();
        names.values().forEach(all::addAll);
        // Without a patched unit that uses what is new, the ordinary way has the better answers.
        boolean isUsed =
                patch.files().entrySet().stream()
                        .filter(f -> FileKind.of(f.getKey()) == FileKind.C_SOURCE)
                        .anyMatch(f -> mentions(f.getValue().patched(), all));
        if (!isUsed) {
            return Set.of();
        }
        names.values().removeIf(added -> !isOnlyForPatched(added, patch, headers));
        return names.isEmpty() || isReadByUnitsOnly(names.keySet())
                ? new TreeSet<>(names.keySet())
                : Set.of();
    }

    /** Whether only files that a patch changes mention names. */
    private boolean isOnlyForPatched(
            Set<String> names, PatchedTree patch, Collection<String> headers) {
        // A header's own old text counts as well: `#ifdef NEW_NAME` may stand in it already.
        boolean known = headers.stream().anyMatch(h -> mentions(patch.file(h).original(), names));
        return !known
                && names.size() <= Mentions.MAX_NAMES
                && (names.isEmpty()
                        || new Mentions(kernel.folder())
                                .of(names, patch.files().keySet())
                                .isEmpty());
    }

    private static boolean mentions(byte[] text, Set<String> names) {
        return NAME.splitAsStream(new String(text, StandardCharsets.ISO_8859_1))
                .anyMatch(names::contains);
    }

    /** Whether no script reads one of the headers as text, and nothing was generated from it. */
    private boolean isReadByUnitsOnly(Set<String> headers) {
        try {
            TreeListing listing = TreeListing.of(kernel.folder());
            return listing.readersOf(headers).isEmpty()
                    && listing.made(kernel.compiler()).stream()
                            .filter(made -> made.compile().isEmpty())
                            .noneMatch(made -> made.read().stream().anyMatch(headers::contains));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** One search, whose parts run in parallel. */
    private final class Search {
        private final Set<String> headers;
        private final SortedMap<String, Path> overlays;
        private final AtomicInteger including = new AtomicInteger();
        private final SortedMap<String, UnitCommand> differing =
                Collections.synchronizedSortedMap(new TreeMap<>());
        private final Set<String> included = Collections.synchronizedSet(new HashSet<>());
        private final ConcurrentLinkedQueue<Problem> problems = new ConcurrentLinkedQueue<>();

        private final SortedMap<String, DeclarationChanges> declarations =
                Collections.synchronizedSortedMap(new TreeMap<>());

        private int considered;

        Search(Set<String> headers, SortedMap<String, Path> overlays) {
            this.headers = headers;
            this.overlays = overlays;
        }

        void run() throws IOException {
            TreePlan plan = TreePlan.of(kernel, progress);
            TreeListing listing = TreeListing.of(kernel.folder());
            refuseReadersOfText(listing);
            IncludeGraph graph = IncludeGraph.of(listing, plan, kernel.unitCache());
            Set<String> reaching = graph.reaching(headers);
            List<UnitCommand> units =
                    plan.units().stream().filter(u -> reaching.contains(u.source())).toList();
            Set<SideCommand> sides = new LinkedHashSet<>();
            plan.sides().stream().filter(s -> reaching.contains(s.source())).forEach(sides::add);
            sides.addAll(madeAlready(listing));
            considered = units.size() + sides.size();
            if (considered > maxConsidered) {
                throw RebootlessException.refused(
                        "RBL-HEADER-WIDE",
                        String.join(", ", headers),
                        "it may reach "
                                + considered
                                + " units, and here at most "
                                + maxConsidered
                                + " are looked at",
                        "build the patch by itself (rebootless build), which looks at all of them, or reboot into the"
                                + " fixed kernel");
            }
            progress.step(
                    "%s may be included by %d units and %d other sources"
                            .formatted(String.join(", ", headers), units.size(), sides.size()));
            // kbuild makes what is missing in one folder after the other.
            sides.forEach(preprocessor::requireSource);
            units.forEach(u -> preprocessor.requireSource(SideCommand.of(u)));
            List<Runnable> tasks = new ArrayList<>();
            units.forEach(u -> tasks.add(() -> lookAt(u, graph)));
            sides.forEach(s -> tasks.add(() -> lookAt(s, graph)));
            inParallel(tasks, counter());
            finish();
        }

        private void refuseReadersOfText(TreeListing listing) throws IOException {
            for (String reader : listing.readersOf(headers)) {
                problems.add(
                        new Problem(
                                "RBL-HEADER-BUILD",
                                String.join(", ", headers),
                                "the build reads a header of this name as text, and what it makes"
                                        + " of it is not followed: "
                                        + reader,
                                REBOOT));
            }
            refuse();
        }

        /** What preparing the tree made of the headers: constants for assembler, programs. */
        private List<SideCommand> madeAlready(TreeListing listing) throws IOException {
            List<SideCommand> commands = new ArrayList<>();
            for (TreeListing.Made made : listing.made(kernel.compiler())) {
                if (made.read().stream().noneMatch(headers::contains)) {
                    continue;
                }
                commands.addAll(made.compile());
                if (made.compile().isEmpty()) {
                    problems.add(
                            new Problem(
                                    "RBL-HEADER-BUILD",
                                    made.target(),
                                    "it is generated from "
                                            + String.join(", ", headers)
                                            + " and may change with it",
                                    REBOOT));
                }
            }
            refuse();
            return commands;
        }

        private void lookAt(UnitCommand unit, IncludeGraph graph) {
            SideCommand command = SideCommand.of(unit);
            if (mayDiffer(command, graph)) {
                differing.put(unit.source(), unit);
                if (differing.size() > maxUnits) {
                    throw wide();
                }
            }
        }

        private void lookAt(SideCommand command, IncludeGraph graph) {
            if (mayDiffer(command, graph)) {
                boolean compiled = !command.kind().mode().equals("-E");
                if (!compiled || !preprocessor.sameOutput(command, overlays)) {
                    problems.add(unservable(command));
                }
            }
        }

        /** Whether the compiler reads another text with the patched headers. */
        private boolean mayDiffer(SideCommand command, IncludeGraph graph) {
            Preprocessor.Original original = preprocessor.original(command);
            List<String> read = original.read().files();
            requirePredicted(command, graph, read);
            List<String> of = read.stream().filter(headers::contains).toList();
            if (of.isEmpty()) {
                return false;
            }
            included.addAll(of);
            including.incrementAndGet();
            PreprocessedText patched = preprocessor.text(command, overlays);
            if (patched.sha256().equals(original.textHash())) {
                return false;
            }
            if (!command.source().endsWith(".S")) {
                PreprocessedText before = preprocessor.text(command, new TreeMap<>());
                DeclarationChanges changes =
                        Declarations.of(before).changesTo(Declarations.of(patched));
                if (!changes.isEmpty()) {
                    declarations.put(command.source(), changes);
                }
            }
            return true;
        }

        /** If the graph missed one file of one unit, it may have missed whole units. */
        private static void requirePredicted(
                SideCommand command, IncludeGraph graph, List<String> read) {
            Set<String> unpredicted = graph.unpredicted(command.source(), read);
            if (!unpredicted.isEmpty()) {
                throw new IllegalStateException(
                        "the include graph of "
                                + command.source()
                                + " lacks "
                                + String.join(", ", unpredicted));
            }
        }

        private ProgressCounter counter() {
            return ProgressCounter.toTheLast(
                    progress,
                    considered,
                    done ->
                            "looked at %d of %d: %d include it, %d differ"
                                    .formatted(
                                            done, considered, including.get(), differing.size()));
        }

        private void finish() {
            for (String header : headers) {
                if (!included.contains(header)) {
                    problems.add(
                            new Problem(
                                    "RBL-NOT-BUILT",
                                    header,
                                    "nothing that this kernel's configuration builds includes it",
                                    "the running kernel has none of this code, so there is nothing"
                                            + " to patch; leave the file out"));
                }
            }
            refuse();
        }

        private void refuse() {
            if (!problems.isEmpty()) {
                throw new RebootlessException(
                        ExitStatus.REFUSED,
                        problems.stream().sorted(ORDER).distinct().limit(MAX_PROBLEMS).toList());
            }
        }

        private RebootlessException wide() {
            return RebootlessException.refused(
                    "RBL-HEADER-WIDE",
                    String.join(", ", headers),
                    "it may reach "
                            + considered
                            + " units, and the text of more than "
                            + maxUnits
                            + " of them changes",
                    REBOOT);
        }
    }

    private static final java.util.Comparator<Problem> ORDER =
            java.util.Comparator.comparing(Problem::code).thenComparing(Problem::place);

    private static Problem unservable(SideCommand command) {
        return switch (command.kind()) {
            case ASSEMBLER ->
                    problem(
                            command,
                            "RBL-ASSEMBLER",
                            "is assembler, which has no functions that ftrace could replace, and it"
                                    + " changes with the header");
            case OTHER_OBJECT ->
                    problem(
                            command,
                            "RBL-NOT-KERNEL-TEXT",
                            "changes with the header, and is compiled into neither vmlinux nor a"
                                    + " module (such as the vDSO), where a livepatch cannot reach"
                                    + " it");
            case SHARED_OBJECT ->
                    problem(
                            command,
                            "RBL-SHARED-UNIT",
                            "changes with the header, and its object is linked into several"
                                    + " modules, or into vmlinux and a module, which is not served"
                                    + " yet");
            case CONSTANTS, LINKER_SCRIPT, PROGRAM ->
                    problem(
                            command,
                            "RBL-HEADER-BUILD",
                            "changes with the header, and other parts of the kernel are made with"
                                    + " it");
        };
    }

    private static Problem problem(SideCommand command, String code, String message) {
        return new Problem(code, command.source(), command.source() + " " + message, REBOOT);
    }

    static void inParallel(List<Runnable> tasks, ProgressCounter counter) {
        ExecutorService pool =
                Executors.newFixedThreadPool(Runtime.getRuntime().availableProcessors());
        try {
            List<Future<?>> futures = new ArrayList<>();
            tasks.forEach(task ->
                    futures.add(
                            pool.submit(() -> {
                                task.run();
                                counter.done();
                            })));
            for (Future<?> future : futures) {
                future.get();
            }
        } catch (ExecutionException e) {
            switch (e.getCause()) {
                case RuntimeException failure -> throw failure;
                case Error failure -> throw failure;
                case null, default -> throw new IllegalStateException(e);
            }
        } catch (InterruptedException e) {
            throw RebootlessException.interrupted("gcc", e);
        } finally {
            pool.shutdownNow();
            pool.close();
        }
    }
}
