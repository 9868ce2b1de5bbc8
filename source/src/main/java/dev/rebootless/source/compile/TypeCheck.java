package dev.rebootless.source.compile;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.base.Progress;
import dev.rebootless.base.ProgressCounter;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.elf.ElfReader;
import dev.rebootless.elf.ElfSection;
import dev.rebootless.kernel.Btf;
import dev.rebootless.kernel.TypeComparison;
import dev.rebootless.source.patch.FileKind;
import dev.rebootless.source.patch.PatchedTree;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Makes sure that patched code understands the objects that live in the running kernel: that a
 * patch moves no member of a structure and changes no value of an enumerator that exists.
 *
 * <p>In steps that each leave fewer for the next, dearer one: where a patch changes only statements
 * within functions ({@link FileOutline}), nothing is asked; where no declaration differs after
 * preprocessing ({@link Declarations}), nothing is compiled; only of what differs the types of both
 * compilations are compared ({@link TypeComparison}).
 */
public final class TypeCheck {
    private static final int MAX_PROBLEMS = 20;

    private static final String REMEDY =
            "leave the type as it is; new data of an object can be kept in a shadow variable"
                    + " (the kernel's Documentation/livepatch/shadow-vars.rst) or in a new variable;"
                    + " where its objects live only on the stack, no tool can tell: reboot";

    private final Preprocessor preprocessor;

    /**
     * Looks in a prepared tree.
     *
     * @param treeIdentity as for {@link UnitCompiler}
     */
    public TypeCheck(KernelTree kernel, CompilerIdentity compiler, String treeIdentity) {
        this.preprocessor = new Preprocessor(kernel, compiler, treeIdentity);
    }

    /**
     * What speaks against a patch, and what does not.
     *
     * @param refusals {@code RBL-TYPE-LAYOUT}, one for each type
     * @param undecided the same, where the unit did not compile with its types: what compiling it
     *     in the ordinary way says of that comes first
     * @param warnings what a reviewer should look at, sorted
     * @param signatures by unit and function, how the function's type changes, as the end of a
     *     sentence about it
     */
    public record Findings(
            List<Problem> refusals,
            List<Problem> undecided,
            List<String> warnings,
            SortedMap<String, SortedMap<String, String>> signatures) {
        public Findings {
            refusals = List.copyOf(refusals);
            undecided = List.copyOf(undecided);
            warnings = List.copyOf(warnings);
            signatures = Collections.unmodifiableSortedMap(signatures);
        }

        /**
         * Goes on only without refusals.
         *
         * @throws RebootlessException exit status 4 {@code RBL-TYPE-LAYOUT}
         */
        public void requireNone() {
            refuse(refusals);
        }

        /** As {@link #requireNone}, for what is left undecided when all units do compile. */
        public void requireDecided() {
            refuse(undecided);
        }

        private static void refuse(List<Problem> problems) {
            if (!problems.isEmpty()) {
                throw new RebootlessException(ExitStatus.REFUSED, problems);
            }
        }
    }

    /**
     * Compares the types of all units that a patch reaches.
     *
     * @param direct the units that patched {@code .c} files are compiled in
     * @param headers what was found of patched headers
     */
    public Findings check(
            PatchedTree patch,
            List<UnitCommand> direct,
            Optional<HeaderUnits.Reach> headers,
            Progress progress) {
        Path work = null;
        try {
            work = Files.createTempDirectory("rebootless-types-");
            return new Check(patch, patch.overlays(patch.files().keySet(), work), progress)
                    .run(direct, headers);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            AtomicFiles.removeTreeQuietly(work);
        }
    }

    /** One run, whose parts run in parallel. */
    private final class Check {
        private final PatchedTree patch;
        private final SortedMap<String, Path> overlays;
        private final TypePlaces places;
        private final Progress progress;
        private final Map<String, DeclarationChanges> changes = new ConcurrentHashMap<>();

        /** By type, the first problem found; one is enough. */
        private final SortedMap<String, Problem> refusals =
                Collections.synchronizedSortedMap(new TreeMap<>());

        private final SortedMap<String, Problem> undecided =
                Collections.synchronizedSortedMap(new TreeMap<>());
        private final SortedSet<String> warnings =
                Collections.synchronizedSortedSet(new TreeSet<>());
        private final SortedMap<String, SortedMap<String, String>> signatures =
                Collections.synchronizedSortedMap(new TreeMap<>());

        Check(PatchedTree patch, SortedMap<String, Path> overlays, Progress progress) {
            this.progress = progress;
            this.patch = patch;
            this.overlays = overlays;
            this.places = new TypePlaces(patch);
        }

        Findings run(List<UnitCommand> direct, Optional<HeaderUnits.Reach> headers) {
            SortedMap<String, UnitCommand> units = new TreeMap<>();
            headers.ifPresent(reach -> {
                reach.units().forEach(u -> units.put(u.source(), u));
                reach.declarations()
                        .forEach((source, change) -> {
                            if (units.containsKey(source)) {
                                changes.put(source, change);
                            }
                        });
            });
            direct.forEach(u -> units.put(u.source(), u));
            if (headers.isPresent() || !onlyStatementsDiffer()) {
                inParallel("reading declarations", direct.stream().map(this::asTask).toList());
            }
            inParallel(
                    "comparing types",
                    alike(units).entrySet().stream()
                            .map(e -> (Runnable) () -> compare(e.getKey(), e.getValue()))
                            .toList());
            return new Findings(
                    limited(refusals.values()),
                    limited(undecided.values()),
                    List.copyOf(warnings),
                    new TreeMap<>(signatures));
        }

        private void inParallel(String what, List<Runnable> tasks) {
            HeaderUnits.inParallel(tasks, ProgressCounter.ofLong(progress, tasks.size(), what));
        }

        private static List<Problem> limited(Collection<Problem> problems) {
            return problems.stream().limit(MAX_PROBLEMS).toList();
        }

        private boolean onlyStatementsDiffer() {
            return patch.files().values().stream()
                    .allMatch(f ->
                            FileKind.of(f.path()) == FileKind.C_SOURCE
                                    && FileOutline.onlyStatementsDiffer(f));
        }

        private Runnable asTask(UnitCommand unit) {
            return () -> {
                changes.remove(unit.source());
                SideCommand command = SideCommand.of(unit);
                PreprocessedText before = preprocessor.text(command, new TreeMap<>());
                PreprocessedText after;
                try {
                    after = preprocessor.text(command, overlays);
                } catch (RebootlessException e) {
                    if (e.problems().stream().allMatch(p -> p.code().equals("RBL-COMPILE"))) {
                        // It will not compile either, which says more of the reason.
                        return;
                    }
                    throw e;
                }
                DeclarationChanges change =
                        Declarations.of(before).changesTo(Declarations.of(after));
                if (!change.isEmpty()) {
                    changes.put(unit.source(), change);
                }
            };
        }

        /**
         * Units whose declarations change alike: a type that a header defines is one type in all of
         * them, and one of them is compared for all.
         */
        private Map<DeclarationChanges, List<UnitCommand>> alike(
                SortedMap<String, UnitCommand> units) {
            Map<DeclarationChanges, List<UnitCommand>> groups = new LinkedHashMap<>();
            units.forEach((source, unit) -> {
                DeclarationChanges change = changes.get(source);
                if (change != null) {
                    groups.computeIfAbsent(change, c -> new ArrayList<>()).add(unit);
                }
            });
            return groups;
        }

        private void compare(DeclarationChanges change, List<UnitCommand> units) {
            UnitCommand unit = units.getFirst();
            Optional<TypeComparison> types = types(unit);
            if (types.isEmpty()) {
                undecided.put(
                        unit.source(),
                        problem(
                                unit.source(),
                                unit.source(),
                                "its declarations change, and the compiler writes no types of it to"
                                        + " compare"));
                return;
            }
            SortedMap<String, String> changed = new TreeMap<>();
            for (String function : change.functions()) {
                signature(function, types.get()).ifPresent(how -> changed.put(function, how));
            }
            if (!changed.isEmpty()) {
                units.forEach(u -> signatures.put(u.source(), changed));
            }
            List<TypeComparison.Difference> differences = new ArrayList<>(types.get().named());
            change.types()
                    .forEach((name, texts) -> {
                        whyUnknown(name, texts, types.get())
                                .ifPresent(why -> refuse(name, unit, why));
                        if (name.startsWith("typedef ") || name.startsWith("variable ")) {
                            differences.addAll(types.get().layout(name));
                        }
                    });
            // What changes its size is found in the objects.
            for (String variable : change.variables()) {
                String name = "variable " + variable;
                if (types.get().isPointer(name)) {
                    differences.addAll(types.get().layout(name));
                }
            }
            for (TypeComparison.Difference difference : differences) {
                if (difference.harmful()) {
                    refuse(difference.type(), unit, difference.message());
                } else {
                    warnings.add(
                            "%s (%s): %s; what objects hold that live now is read so from then on"
                                    .formatted(
                                            difference.type(),
                                            places.of(difference.type()).orElse(unit.source()),
                                            difference.message()));
                }
            }
        }

        private Optional<TypeComparison> types(UnitCommand unit) {
            try {
                Optional<Btf> before = btf(unit, new TreeMap<>());
                Optional<Btf> after = btf(unit, overlays);
                return before.flatMap(b -> after.map(a -> new TypeComparison(b, a)));
            } catch (RebootlessException e) {
                if (e.status() == ExitStatus.REFUSED) {
                    return Optional.empty();
                }
                throw e;
            }
        }

        private Optional<Btf> btf(UnitCommand unit, SortedMap<String, Path> over) {
            return ElfReader.read(preprocessor.withTypes(SideCommand.of(unit), over))
                    .section(".BTF")
                    .map(ElfSection::content)
                    .map(Btf::parse);
        }

        /** What the comparison of types says nothing of, where that matters. */
        private Optional<String> whyUnknown(
                String name, DeclarationChanges.Change texts, TypeComparison types) {
            List<String> before = CTokens.of(texts.before());
            List<String> after = CTokens.of(texts.after());
            if (name.contains(Declarations.WITHIN)) {
                return Optional.of(
                        "its definition within a function changes, and of such types the compiler"
                                + " writes nothing to compare");
            }
            if (name.startsWith("enum ")) {
                // A constant that is gone is no more than a macro that is gone.
                return Declarations.enumerators(before).stream().allMatch(types::isKnownEnumerator)
                        ? Optional.empty()
                        : Optional.of("its definition changes, and the compiler does not show how");
            }
            if (texts.isGone()) {
                return !before.contains("{") || name.startsWith("variable ") || leavesIt(name)
                        ? Optional.empty()
                        : Optional.of(
                                "it is gone; what patched code takes its objects for is not known");
            }
            if (!types.isKnown(name)) {
                return Optional.of("its definition changes, and the compiler does not show how");
            }
            List<String> attributes = CTokens.layoutAttributes(before);
            List<String> now = CTokens.layoutAttributes(after);
            return attributes.equals(now)
                    ? Optional.empty()
                    : Optional.of(
                            "its alignment or packing changes from %s to %s"
                                    .formatted(orNone(attributes), orNone(now)));
        }

        /** Where only an include goes, the type is still what it was. */
        private boolean leavesIt(String name) {
            return places.of(name).isEmpty() && places.includesDiffer();
        }

        private void refuse(String type, UnitCommand unit, String why) {
            refusals.putIfAbsent(
                    type,
                    problem(
                            places.of(type).orElse(type),
                            type,
                            why
                                    + " (in "
                                    + unit.source()
                                    + "); objects of it may live in the running kernel as they were"));
        }

        private static Problem problem(String place, String type, String message) {
            String what = place.equals(type) ? message : type + ": " + message;
            return new Problem("RBL-TYPE-LAYOUT", place, what, REMEDY);
        }
    }

    private static String orNone(List<String> attributes) {
        return attributes.isEmpty() ? "none" : String.join(" ", attributes);
    }

    private static Optional<String> signature(String function, TypeComparison types) {
        String name = "function " + function;
        if (!types.isKnown(name)) {
            // Only declared here, mostly. Where it is defined and still not shown, it may differ.
            return Optional.of("its declaration does, and the compiler does not show how");
        }
        List<TypeComparison.Difference> differences = types.layout(name);
        return differences.isEmpty()
                ? Optional.empty()
                : Optional.of(differences.getFirst().message());
    }
}
