package dev.rebootless.build;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.base.Progress;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.diff.Verdict;
import dev.rebootless.source.compile.HeaderUnits;
import dev.rebootless.source.compile.ObjectPair;
import dev.rebootless.source.compile.UnitCommand;
import dev.rebootless.source.compile.UnitCommands;
import dev.rebootless.source.compile.UnitCompiler;
import dev.rebootless.source.kit.Kit;
import dev.rebootless.source.patch.FileKind;
import dev.rebootless.source.patch.PatchedTree;
import dev.rebootless.source.patch.SourcePatch;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;

/**
 * The units that a patch reaches.
 *
 * @param direct those that patched {@code .c} files are compiled in
 * @param headers what was found of patched headers; empty when the patch changes none
 */
record ReachedUnits(List<UnitCommand> direct, Optional<HeaderUnits.Reach> headers) {
    /**
     * Finds them.
     *
     * @param widestHeader how many units may include a changed header at most
     * @throws RebootlessException exit status 4 when one of them is not open to patching, or what a
     *     header reaches cannot be told
     */
    static ReachedUnits of(
            SourcePatch patch,
            PatchedTree tree,
            Kit kit,
            UnitCompiler compiler,
            int widestHeader,
            Progress progress) {
        return new ReachedUnits(
                reachedDirectly(patch, kit),
                reachedByHeaders(patch, tree, kit, compiler, widestHeader, progress));
    }

    /** The units that the patched files are compiled in, all open to patching. */
    private static List<UnitCommand> reachedDirectly(SourcePatch patch, Kit kit) {
        UnitCommands commands = new UnitCommands(kit.kernelTree());
        Set<UnitCommand> reached = new LinkedHashSet<>();
        for (String path : patch.pathsThatReachTheKernel()) {
            if (FileKind.of(path) == FileKind.C_SOURCE) {
                reached.addAll(commands.reachedBy(path));
            }
        }
        List<Problem> problems = new ArrayList<>();
        reached.forEach(unit -> Unpatchable.refusal(unit).ifPresent(problems::add));
        if (!problems.isEmpty()) {
            throw new RebootlessException(ExitStatus.REFUSED, problems);
        }
        return List.copyOf(reached);
    }

    /** Empty when the patch changes no header. */
    private static Optional<HeaderUnits.Reach> reachedByHeaders(
            SourcePatch patch,
            PatchedTree tree,
            Kit kit,
            UnitCompiler compiler,
            int widestHeader,
            Progress progress) {
        List<String> headers =
                patch.pathsThatReachTheKernel().stream()
                        .filter(path -> FileKind.of(path) == FileKind.HEADER)
                        .toList();
        return headers.isEmpty()
                ? Optional.empty()
                : Optional.of(
                        new HeaderUnits(
                                        kit.kernelTree(),
                                        compiler.compiler(),
                                        kit.facts().release() + "/" + kit.facts().buildId(),
                                        progress,
                                        widestHeader)
                                .reachedBy(tree, headers));
    }

    /** All, those of the files themselves first. */
    List<UnitCommand> all() {
        SequencedMap<String, UnitCommand> units = new LinkedHashMap<>();
        direct.forEach(unit -> units.put(unit.source(), unit));
        headers.ifPresent(r -> r.units().forEach(u -> units.putIfAbsent(u.source(), u)));
        return List.copyOf(units.values());
    }

    /**
     * Without the units that only a header reaches and whose object it leaves as it is. Where such
     * a unit does change, it must be one that may.
     */
    List<ObjectPair> withoutUnchangedByHeader(List<ObjectPair> pairs) {
        List<ObjectPair> changed = new ArrayList<>();
        List<Problem> problems = new ArrayList<>();
        for (ObjectPair pair : pairs) {
            if (direct.contains(pair.unit())) {
                changed.add(pair);
            } else if (!sameBytes(pair)
                    && Comparisons.compare(pair).verdict() != Verdict.UNCHANGED) {
                changed.add(pair);
                Unpatchable.refusal(pair.unit()).ifPresent(problems::add);
            }
        }
        if (!problems.isEmpty()) {
            throw new RebootlessException(ExitStatus.REFUSED, problems);
        }
        return changed;
    }

    private static boolean sameBytes(ObjectPair pair) {
        try {
            return Files.mismatch(pair.original(), pair.patched()) < 0;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
