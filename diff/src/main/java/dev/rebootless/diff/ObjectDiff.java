package dev.rebootless.diff;

import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.elf.ElfObject;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** Finds what changed between two compilations of a unit. */
public final class ObjectDiff {
    private final ObjectModel original;
    private final ObjectModel patched;
    private final Correlation correlation;
    private final Comparison comparison;
    private final Map<Item, Item> changedFunctions = new LinkedHashMap<>();
    private final Map<Item, Item> changedData = new LinkedHashMap<>();
    private final RefusalRules rules;

    private ObjectDiff(ObjectModel original, ObjectModel patched, SourceLines lines) {
        this.original = original;
        this.patched = patched;
        this.correlation = Correlation.of(original, patched, lines);
        this.comparison = new Comparison(original, patched, correlation, lines);
        this.rules = new RefusalRules(original, patched, correlation);
    }

    /**
     * Compares the object of the original source with that of the patched source.
     *
     * @throws dev.rebootless.base.RebootlessException when one of them is no relocatable object, or
     *     they are not for the same machine, or for one that is not served
     */
    public static ChangeSet compare(ElfObject original, ElfObject patched) {
        return compare(original, patched, SourceLines.MAY_MOVE);
    }

    /**
     * As {@link #compare(ElfObject, ElfObject)}.
     *
     * @param lines whether a constant that looks like a line number may differ
     */
    public static ChangeSet compare(ElfObject original, ElfObject patched, SourceLines lines) {
        return compare(original, patched, lines, Set.of());
    }

    /**
     * As {@link #compare(ElfObject, ElfObject, SourceLines)}.
     *
     * @param wanted names of new global functions and data that move although nothing of this unit
     *     may need them, since what moves of other units does
     */
    public static ChangeSet compare(
            ElfObject original, ElfObject patched, SourceLines lines, Set<String> wanted) {
        if (original.header().machine() != patched.header().machine()
                || !original.header().order().equals(patched.header().order())) {
            throw RebootlessException.refused(
                    "RBL-ARCHITECTURE",
                    "",
                    "the objects are for different machines, "
                            + original.header().machine()
                            + " and "
                            + patched.header().machine(),
                    "compile both for the same machine");
        }
        return new ObjectDiff(ObjectModel.of(original), ObjectModel.of(patched), lines).run(wanted);
    }

    private ChangeSet run(Set<String> wanted) {
        Set<Problem> known = new LinkedHashSet<>(original.problems());
        known.addAll(patched.problems());
        comparePairs();
        Selection selection =
                Selection.of(
                        patched,
                        correlation,
                        changedFunctions,
                        CopiedFunctions.of(original, patched, correlation, changedFunctions),
                        wanted);
        known.addAll(selection.refusals());
        Set<Problem> refusals =
                rules.of(
                        known,
                        selection,
                        changedData,
                        NamelessContent.changed(original, patched, comparison));
        ChangeSet.NameLists names = names();
        List<String> warnings = new ArrayList<>(escapes(selection));
        selection
                .copies()
                .callersByName()
                .forEach((name, callers) ->
                        warnings.add(
                                name
                                        + ": ftrace cannot route calls of this function, so it moves, and what calls it"
                                        + " is replaced: "
                                        + String.join(", ", callers)));
        List<String> lockChanges =
                LockChanges.of(original, patched, names.changed(), names.added(), names.removed());
        return new ChangeSet(
                original, patched, names, List.copyOf(refusals), warnings, lockChanges, selection);
    }

    private void comparePairs() {
        correlation
                .pairs()
                .forEach((ours, theirs) -> {
                    if (!comparison.same(ours, theirs)
                            || (!ours.isFunction() && rules.isAlignedMore(ours, theirs))) {
                        (ours.isFunction() ? changedFunctions : changedData).put(ours, theirs);
                    }
                });
    }

    private ChangeSet.NameLists names() {
        Set<String> changed = new TreeSet<>();
        changedFunctions.values().forEach(i -> changed.add(i.name()));
        Set<String> data = new TreeSet<>();
        changedData.values().forEach(i -> data.add(i.name()));
        Set<String> added = new TreeSet<>();
        for (Item item : patched.items()) {
            if (correlation.originalOf(item).isEmpty()) {
                switch (item.kind()) {
                    case FUNCTION -> added.add(item.name());
                    case DATA -> {
                        if (RefusalRules.countsAsData(item)) {
                            data.add(item.name());
                        }
                    }
                    case FRAGMENT, LITERAL -> {}
                }
            }
        }
        Set<String> removed = new TreeSet<>();
        for (Item item : original.items()) {
            if (correlation.patchedOf(item).isEmpty()
                    && (item.isFunction() || RefusalRules.countsAsData(item))) {
                removed.add(item.name());
            }
        }
        return new ChangeSet.NameLists(
                List.copyOf(changed), List.copyOf(added), List.copyOf(removed), List.copyOf(data));
    }

    /**
     * New functions whose address is taken: what the kernel keeps of it (in a timer, a work item,
     * an RCU callback, a table of operations) dangles once the livepatch is unloaded.
     */
    private List<String> escapes(Selection selection) {
        Set<String> warnings = new TreeSet<>();
        for (Item from : selection.carried()) {
            for (Reference reference : patched.references(from)) {
                if (reference.target() instanceof Target.InItem(Item to, long d, long place)
                        && to.isFunction()
                        && place == 0
                        && correlation.originalOf(to).isEmpty()
                        && !Names.isCold(to.name())
                        && !Routing.isBranch(patched, from, reference)) {
                    warnings.add(
                            to.name()
                                    + ": the address of this new function is taken in "
                                    + from.name()
                                    + "; if the kernel keeps it, do not unload the livepatch while it may"
                                    + " be called");
                }
            }
        }
        return List.copyOf(warnings);
    }
}
