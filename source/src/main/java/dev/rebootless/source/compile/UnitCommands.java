package dev.rebootless.source.compile;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.Progress;
import dev.rebootless.base.RebootlessException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/**
 * The compile commands of a prepared tree, as kbuild would run them: asked of kbuild once for each
 * folder and kept in the unit cache, so that later builds never start make.
 *
 * <p>kbuild is asked by {@code make -n FOLDER/}, which runs no command but expands all of them, in
 * one to three seconds for a folder with everything below it. This is cheaper than compiling a unit
 * to read its {@code .cmd} file, gives all units at once, also says which objects end up in which
 * target object, and needs the tree for reading only. Three things make the answer complete:
 *
 * <ul>
 *   <li>{@code -o prepare}: the tree is prepared; the rule for {@code tools/objtool} would drop
 *       {@code -n} and build (it sets {@code MAKEFLAGS} anew);
 *   <li>{@code KCFLAGS}: a define that no earlier build had makes every recorded command differ, so
 *       objects that are there already are listed too; it is taken out again;
 *   <li>{@code TMPOUT}: the compiler is tried with options in there (scripts/Makefile.compiler). If
 *       it could not write, all options would count as unsupported.
 * </ul>
 *
 * <p>Safe for use by several threads and processes: cache files appear whole or not at all.
 */
public final class UnitCommands {
    /** Raised whenever what is kept, or how it is found, changes. */
    private static final int FORMAT = 2;

    private static final String MARKER = "-DREBOOTLESS_PLAN";
    private static final Pattern PROGRAM = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._+-]*");

    /**
     * Folders without a Makefile of their own whose sources the Makefile of another folder lists,
     * by way of an include: {@code virt/kvm/Makefile.kvm}.
     */
    private static final Map<String, String> LISTED_ELSEWHERE = Map.of("virt/kvm", "arch/x86/kvm");

    private final KernelTree kernel;
    private final Path tree;
    private final Path cache;
    private final String compiler;
    private final Map<String, Folder> read = new java.util.concurrent.ConcurrentHashMap<>();
    private final IncludedSources included;

    /** What is kept of one folder. */
    private record Folder(
            int format,
            String compiler,
            List<UnitCommand> units,
            List<String> unlinked,
            List<String> shared) {
        Folder {
            shared = List.copyOf(shared);
            units = List.copyOf(units);
            unlinked = List.copyOf(unlinked);
        }
    }

    /** Asks kbuild in a prepared tree. */
    public UnitCommands(KernelTree kernel) {
        if (!PROGRAM.matcher(kernel.compiler()).matches()) {
            throw new IllegalArgumentException("not a program's name: " + kernel.compiler());
        }
        this.kernel = kernel;
        this.tree = kernel.folder();
        this.cache = kernel.unitCache().resolve("commands");
        this.compiler = kernel.compiler();
        this.included = new IncludedSources(tree, kernel.unitCache());
    }

    /**
     * How kbuild compiles a unit.
     *
     * @param source the unit, such as {@code fs/proc/meminfo.c}
     * @throws RebootlessException exit status 4 {@code RBL-NOT-BUILT} when no target object is
     *     built from it, {@code RBL-UNIT-UNKNOWN} when what builds it is not found; exit status 5
     *     {@code RBL-KBUILD} when make fails
     */
    public UnitCommand of(String source) {
        return find(source).orElseThrow(() -> notBuilt(source));
    }

    /**
     * How kbuild compiles a unit; empty when no target object is found that is built from it.
     *
     * @throws RebootlessException exit status 4 {@code RBL-SHARED-UNIT} when several target objects
     *     are linked from its one object; exit status 5 {@code RBL-KBUILD} when make fails
     */
    public Optional<UnitCommand> find(String source) {
        for (String folder : candidateFolders(source)) {
            Folder known = folder(folder, parentOf(source));
            Optional<UnitCommand> unit =
                    known.units().stream().filter(u -> u.source().equals(source)).findFirst();
            if (known.shared().contains(source)) {
                throw RebootlessException.refused(
                        "RBL-SHARED-UNIT",
                        source,
                        "its object is linked into several modules, or into vmlinux and a module, which is not"
                                + " served yet",
                        "leave it to the next reboot, or, if vmlinux has none of it, to a new version of those modules");
            }
            if (unit.isPresent() || known.unlinked().contains(source)) {
                return unit;
            }
        }
        return Optional.empty();
    }

    /**
     * How kbuild compiles every unit of vmlinux and of modules. Asked for once (10 to 20 s) and
     * kept with the tree.
     *
     * @throws RebootlessException exit status 5 {@code RBL-KBUILD} when make fails
     */
    public List<UnitCommand> all(Progress progress) {
        return TreePlan.of(kernel, progress).units();
    }

    /**
     * Of some {@code .c} files those that code of vmlinux or of modules is compiled from: units,
     * sources of objects that several of them share, and what these include.
     *
     * @throws RebootlessException exit status 5 {@code RBL-KBUILD} when make fails
     */
    public SortedSet<String> compiledOf(Collection<String> sources, Progress progress) {
        TreePlan plan = TreePlan.of(kernel, progress);
        Set<String> compiled = new HashSet<>();
        plan.units().forEach(unit -> compiled.add(unit.source()));
        plan.sides().stream()
                .filter(side -> side.kind() == SideCommand.Kind.SHARED_OBJECT)
                .forEach(side -> compiled.add(side.source()));
        SortedSet<String> found = new TreeSet<>();
        for (String source : sources) {
            if (compiled.contains(source)
                    || included.includersOf(source).stream().anyMatch(compiled::contains)) {
                found.add(source);
            }
        }
        return found;
    }

    /**
     * The units that a change to a {@code .c} file reaches: the file itself, where it is built, and
     * every unit that includes it ({@code kernel/sched/build_policy.c} includes {@code rt.c}).
     *
     * @throws RebootlessException exit status 4 {@code RBL-NOT-BUILT} or {@code RBL-UNIT-UNKNOWN}
     *     when there is none; exit status 5 {@code RBL-KBUILD} when make fails
     */
    public List<UnitCommand> reachedBy(String source) {
        Map<String, UnitCommand> units = new LinkedHashMap<>();
        find(source).ifPresent(u -> units.put(source, u));
        for (String includer : included.includersOf(source)) {
            find(includer).ifPresent(u -> units.put(includer, u));
        }
        if (units.isEmpty()) {
            throw notBuilt(source);
        }
        return List.copyOf(units.values());
    }

    /**
     * The nearest folder with a Makefile first, then all above it: some Makefiles list objects of
     * folders far below, with or without a Makefile of their own there.
     */
    private List<String> candidateFolders(String source) {
        List<String> folders = new ArrayList<>();
        String folder = parentOf(source);
        while (!folder.isEmpty()) {
            String other = LISTED_ELSEWHERE.get(folder);
            if (other != null && makefile(other).isPresent()) {
                folders.add(other);
            }
            if (makefile(folder).isPresent()) {
                folders.add(folder);
            }
            folder = parentOf(folder);
        }
        return folders;
    }

    private Optional<Path> makefile(String folder) {
        // scripts/Makefile.build: the file name Kbuild has precedence over Makefile.
        return Stream.of("Kbuild", "Makefile")
                .map(name -> tree.resolve(folder).resolve(name))
                .filter(Files::isRegularFile)
                .findFirst();
    }

    private static String parentOf(String path) {
        int slash = path.lastIndexOf('/');
        return slash < 0 ? "" : path.substring(0, slash);
    }

    // ---- the cache ----

    /**
     * What is known of the sources of one folder, as the plan of another folder, mostly at or above
     * it, says.
     */
    private Folder folder(String planned, String sources) {
        String key = planned + ":" + sources;
        Folder known = read.get(key);
        if (known == null) {
            known = cached(planned, sources).orElseGet(() -> plan(planned, sources));
            read.put(key, known);
        }
        return known;
    }

    private Path fileFor(String planned, String sources) {
        String below =
                sources.startsWith(planned + "/")
                        ? "@" + sources.substring(planned.length() + 1)
                        // Elsewhere: no name of a folder below begins with a slash.
                        : sources.equals(planned) ? "" : "@/" + sources;
        return cache.resolve((planned + below).replace('/', '+') + ".json");
    }

    private Optional<Folder> cached(String planned, String sources) {
        Path file = fileFor(planned, sources);
        try {
            Folder folder = JsonMapper.shared().readValue(Files.readAllBytes(file), Folder.class);
            boolean fits = folder.format() == FORMAT && folder.compiler().equals(compiler);
            return fits ? Optional.of(folder) : Optional.empty();
        } catch (IOException | JacksonException e) {
            // Not there, or not ours: it is made anew.
            return Optional.empty();
        }
    }

    private Folder plan(String planned, String sources) {
        KbuildPlan.Units all = askKbuild(planned);
        SortedMap<String, List<UnitCommand>> units =
                all.linked().stream()
                        .collect(
                                Collectors.groupingBy(
                                        u -> parentOf(u.source()),
                                        TreeMap::new,
                                        Collectors.toList()));
        Map<String, List<String>> unlinked =
                all.unlinked().stream().collect(Collectors.groupingBy(UnitCommands::parentOf));
        Map<String, List<String>> shared =
                all.shared().stream().collect(Collectors.groupingBy(UnitCommands::parentOf));
        Set<String> folders = new java.util.TreeSet<>(units.keySet());
        folders.addAll(shared.keySet());
        folders.addAll(unlinked.keySet());
        folders.add(sources);
        Folder answer = new Folder(FORMAT, compiler, List.of(), List.of(), List.of());
        // What a folder far above says of hundreds of others is mostly never asked for.
        boolean nearest = candidateFolders(sources + "/").getFirst().equals(planned);
        try {
            Files.createDirectories(cache);
            for (String name : folders) {
                Folder folder =
                        new Folder(
                                FORMAT,
                                compiler,
                                units.getOrDefault(name, List.of()),
                                unlinked.getOrDefault(name, List.of()),
                                shared.getOrDefault(name, List.of()));
                if (name.equals(sources)) {
                    answer = folder;
                    keep(planned, name, folder);
                } else if (nearest && name.startsWith(planned + "/")) {
                    // A folder below with a Makefile is asked under its own name, and would say the
                    // same.
                    keep(makefile(name).isPresent() ? name : planned, name, folder);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return answer;
    }

    private void keep(String planned, String sources, Folder folder) throws IOException {
        AtomicFiles.write(fileFor(planned, sources), JsonMapper.shared().writeValueAsBytes(folder));
    }

    // ---- kbuild ----

    private KbuildPlan.Units askKbuild(String folder) {
        return DryRun.of(
                kernel,
                MARKER,
                List.of(folder + "/"),
                message ->
                        RebootlessException.environment(
                                "RBL-KBUILD",
                                folder,
                                "make cannot plan this folder: " + message,
                                "prepare the kit again: rebootless kit remove, then kit add"));
    }

    // ---- refusal ----

    private RebootlessException notBuilt(String source) {
        boolean elsewhere =
                compiledElsewhere(source)
                        || included.includersOf(source).stream().anyMatch(this::compiledElsewhere);
        if (elsewhere) {
            return RebootlessException.refused(
                    "RBL-NOT-BUILT",
                    source,
                    "it is compiled, but into neither vmlinux nor a module (such as the vDSO or"
                            + " boot code), where a livepatch cannot reach it",
                    "leave the file out if the fix does not need it there; otherwise reboot into"
                            + " the fixed kernel");
        }
        return switchedOff(source)
                .map(line ->
                        RebootlessException.refused(
                                "RBL-NOT-BUILT",
                                source,
                                "this kernel's configuration builds no object from it ("
                                        + line
                                        + ")",
                                "the running kernel has none of this code, so there is nothing to"
                                        + " patch; leave the file out"))
                .orElseGet(() -> unknown(source));
    }

    private boolean compiledElsewhere(String source) {
        return candidateFolders(source).stream()
                .anyMatch(f -> folder(f, parentOf(source)).unlinked().contains(source));
    }

    /**
     * The running kernel may well have code of this file: a Makefile outside of the folders above
     * it may build it, or it is a program whose output is compiled ({@code lib/gen_crc32table.c}).
     */
    private RebootlessException unknown(String source) {
        List<String> asked = candidateFolders(source);
        return RebootlessException.refused(
                "RBL-UNIT-UNKNOWN",
                source,
                "which Makefile builds an object from it was not found ("
                        + (asked.isEmpty()
                                ? "no folder above it has one"
                                : "none of " + String.join(", ", asked) + " does")
                        + "); such files are not served",
                "reboot into the fixed kernel; leave the file out only if you know that this kernel"
                        + " has none of its code");
    }

    /**
     * The lines of Makefiles that list the object, which kbuild, asked for those folders, did not
     * build; for a file that others include, those of all that include it. Empty when there are
     * none, and so nothing shows that it is the configuration that leaves the file out.
     */
    private Optional<String> switchedOff(String source) {
        Optional<String> own = listed(source);
        if (own.isPresent()) {
            return own;
        }
        List<Optional<String>> includers =
                included.includersOf(source).stream().map(this::listed).toList();
        // Of no includers at all, all are listed, and none is the first.
        return includers.stream().allMatch(Optional::isPresent)
                ? includers.stream().flatMap(Optional::stream).findFirst()
                : Optional.empty();
    }

    private Optional<String> listed(String source) {
        if (!source.endsWith(".c")) {
            // Plans are read for C alone: that they lack the object of an .S file says nothing.
            return Optional.empty();
        }
        String object = source.substring(0, source.length() - 2) + ".o";
        for (String folder : candidateFolders(source)) {
            Optional<Path> makefile = makefile(folder);
            if (makefile.isPresent() && object.startsWith(folder + "/")) {
                try {
                    Optional<String> line =
                            ObjectLists.read(makefile.get())
                                    .listing(object.substring(folder.length() + 1));
                    if (line.isPresent()) {
                        return Optional.of(tree.relativize(makefile.get()) + ": " + line.get());
                    }
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            }
        }
        return Optional.empty();
    }
}
