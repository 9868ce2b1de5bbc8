package dev.rebootless.source.compile;

import dev.rebootless.base.Progress;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.kernel.KernelConfig;
import dev.rebootless.source.patch.FileKind;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * Which code a kernel has: for each file of the tree the target objects that are compiled from it,
 * as kbuild itself plans them for the kernel's configuration ({@link TreePlan}).
 */
public final class BuiltCode {
    /**
     * Stands for code that is compiled, but of which a target object is not known: assembler, the
     * vDSO, objects that several modules share.
     */
    public static final String ELSEWHERE = "(elsewhere)";

    /**
     * What kbuild is asked without, since the tree lacks what making them takes (`Kbuild`), and
     * what switches them on.
     */
    private static final Map<String, String> LEFT_OUT_OF_PLANS =
            Map.of(
                    "kernel/module/version.c", "CONFIG_MODVERSIONS",
                    "kernel/module_signature.c", "CONFIG_MODULE_SIG_FORMAT");

    private final KernelTree kernel;
    private final TreePlan plan;
    private final IncludedSources included;
    private final Map<String, SortedSet<String>> targets = new HashMap<>();
    private volatile List<IncludeGraph> graph = List.of();

    private BuiltCode(KernelTree kernel, TreePlan plan) {
        this.kernel = kernel;
        this.plan = plan;
        this.included = new IncludedSources(kernel.folder(), kernel.unitCache());
        plan.units().forEach(u -> add(u.source(), u.target()));
        plan.sides().stream()
                .filter(s -> s.kind() != SideCommand.Kind.PROGRAM)
                .forEach(s -> add(s.source(), ELSEWHERE));
    }

    private void addLeftOut(KernelConfig config) {
        LEFT_OUT_OF_PLANS.forEach((source, symbol) -> {
            if (config.isEnabled(symbol)) {
                add(source, ELSEWHERE);
            }
        });
    }

    private void add(String source, String target) {
        targets.computeIfAbsent(source, k -> new TreeSet<>()).add(target);
    }

    /**
     * That of a prepared tree.
     *
     * @throws RebootlessException exit status 5 {@code RBL-KBUILD} when make fails
     */
    public static BuiltCode of(KernelTree kernel, Progress progress) {
        BuiltCode built = new BuiltCode(kernel, TreePlan.of(kernel, progress));
        try {
            built.addLeftOut(KernelConfig.read(kernel.folder().resolve(".config")));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return built;
    }

    /**
     * The target objects that code of a file is in: {@code vmlinux}, modules' names as in {@code
     * /proc/modules}, {@link #ELSEWHERE}; none when the configuration leaves it out. For a header
     * those of everything that may include it, which can be too many; one that lies beside its
     * sources is built only where something that is built leads to it.
     *
     * @param file relative to the tree; need not be there
     */
    public SortedSet<String> targetsOf(String file) {
        SortedSet<String> found =
                switch (FileKind.of(file)) {
                    case C_SOURCE, ASSEMBLER -> ofSource(file);
                    case HEADER, SHARED_WITH_TOOLS -> ofHeader(file);
                    // Code may be generated from it; who knows.
                    case OTHER -> new TreeSet<>(Set.of(ELSEWHERE));
                    case BUILD_SYSTEM, DOCUMENTATION, TOOLING -> new TreeSet<>();
                };
        return Collections.unmodifiableSortedSet(found);
    }

    private SortedSet<String> ofSource(String file) {
        NavigableSet<String> found =
                new TreeSet<>(targets.getOrDefault(file, Collections.emptySortedSet()));
        for (String includer : included.includersOf(file)) {
            found.addAll(targets.getOrDefault(includer, Collections.emptySortedSet()));
        }
        return found;
    }

    private SortedSet<String> ofHeader(String header) {
        NavigableSet<String> found = new TreeSet<>();
        for (String source : graph().reachingPrivate(header)) {
            found.addAll(targets.getOrDefault(source, Collections.emptySortedSet()));
        }
        return found;
    }

    private synchronized IncludeGraph graph() {
        if (graph.isEmpty()) {
            try {
                graph =
                        List.of(
                                IncludeGraph.of(
                                        TreeListing.of(kernel.folder()), plan, kernel.unitCache()));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        return graph.getFirst();
    }

    /** The names of all modules that kbuild plans. */
    public SortedSet<String> modules() {
        NavigableSet<String> names = new TreeSet<>();
        plan.units().stream().filter(u -> !u.inVmlinux()).forEach(u -> names.add(u.target()));
        return names;
    }

    /** Every {@code .c} file that a target object is compiled from, with its targets. */
    public Map<String, SortedSet<String>> units() {
        Map<String, SortedSet<String>> units = new java.util.TreeMap<>();
        plan.units()
                .forEach(u ->
                        units.computeIfAbsent(u.source(), k -> new TreeSet<>()).add(u.target()));
        return units;
    }
}
