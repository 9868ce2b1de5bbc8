package dev.rebootless.diff;

import dev.rebootless.base.Problem;
import dev.rebootless.elf.ElfSymbol;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What differs between the original and the patched object, and what of it has to move into a
 * livepatch.
 */
public final class ChangeSet {
    private final ObjectModel original;
    private final ObjectModel patched;
    private final NameLists names;
    private final List<Problem> refusals;
    private final List<String> warnings;
    private final List<String> lockChanges;
    private final Selection selection;

    /** The four lists of the contract, each sorted. */
    record NameLists(
            List<String> changed, List<String> added, List<String> removed, List<String> data) {}

    ChangeSet(
            ObjectModel original,
            ObjectModel patched,
            NameLists names,
            List<Problem> refusals,
            List<String> warnings,
            List<String> lockChanges,
            Selection selection) {
        this.original = original;
        this.patched = patched;
        this.names = names;
        this.refusals = List.copyOf(refusals);
        this.warnings = List.copyOf(warnings);
        this.lockChanges = List.copyOf(lockChanges);
        this.selection = selection;
    }

    /** The original object, taken apart. */
    public ObjectModel original() {
        return original;
    }

    /** The patched object, taken apart. */
    public ObjectModel patched() {
        return patched;
    }

    /**
     * Sorted names of the functions whose code differs, cold parts and clones under their own
     * names.
     */
    public List<String> changed() {
        return names.changed();
    }

    /** Sorted names of the functions that only the patched object has. */
    public List<String> added() {
        return names.added();
    }

    /** Sorted names, known outside the unit, of functions and data that only the patched has. */
    public List<String> addedGlobals() {
        Set<String> names = new TreeSet<>();
        for (Item item : patched.items()) {
            if (selection.isNew(item)) {
                item.symbols().stream().filter(s -> !s.isLocal()).forEach(s -> names.add(s.name()));
            }
        }
        return List.copyOf(names);
    }

    /**
     * What was static and the patched object makes known to other units: by name, the item of the
     * original.
     */
    public Map<String, Item> madeGlobal() {
        Map<String, Item> made = new TreeMap<>();
        for (Item item : patched.items()) {
            Optional<Item> before = selection.originalOf(item);
            for (ElfSymbol symbol : item.symbols()) {
                before.filter(b -> !symbol.isLocal() && hasLocal(b, symbol.name()))
                        .ifPresent(b -> made.put(symbol.name(), b));
            }
        }
        return Collections.unmodifiableMap(made);
    }

    private static boolean hasLocal(Item item, String name) {
        return item.symbols().stream().anyMatch(s -> s.isLocal() && s.name().equals(name));
    }

    /** Sorted names, defined outside the unit, of what the code and data that move refer to. */
    public List<String> externals() {
        Set<String> names = new TreeSet<>();
        for (Item item : selection.carried()) {
            patched.references(item).forEach(r -> addExternal(r, names));
            patched.entries(item).forEach(e -> e.references().forEach(r -> addExternal(r, names)));
        }
        return List.copyOf(names);
    }

    private static void addExternal(Reference reference, Set<String> names) {
        if (reference.target() instanceof Target.External(ElfSymbol symbol, long addend)) {
            names.add(symbol.name());
        }
    }

    /** Whether nothing of the unit moves into a livepatch. */
    public boolean movesNothing() {
        return selection.carried().isEmpty();
    }

    /** Sorted names of the functions and data that only the original has. */
    public List<String> removed() {
        return names.removed();
    }

    /** Sorted names of data that are new or whose content differs. */
    public List<String> data() {
        return names.data();
    }

    /** Why it must not be built; empty if nothing speaks against it. */
    public List<Problem> refusals() {
        return refusals;
    }

    /**
     * What a reviewer should look at, since no tool can prove it, but for {@link #lockChanges}:
     * sentences, in the order found.
     */
    public List<String> warnings() {
        return warnings;
    }

    /**
     * The same of the functions that lock, or count references, otherwise than before, one sentence
     * for each.
     */
    public List<String> lockChanges() {
        return lockChanges;
    }

    /** The functions to replace: original item to patched item. */
    public Map<Item, Item> replaced() {
        return selection.replaced();
    }

    /**
     * Functions that ftrace cannot route and that move beside their callers, each with the sorted
     * names of these, which move as well, changed or not, so that they call the new one.
     */
    public Map<String, List<String>> copied() {
        return selection.copies().callersByName();
    }

    /**
     * The original code whose place is taken: the functions, and the rarely executed parts cut from
     * them.
     */
    public Set<Item> replacedCode() {
        Set<Item> code = new LinkedHashSet<>(replaced().keySet());
        code.addAll(selection.copies().copied().keySet());
        Set<String> names = new HashSet<>();
        code.forEach(item -> item.symbols().forEach(s -> names.add(s.name())));
        for (Item item : original.items()) {
            if (item.isFunction()
                    && Names.isCold(item.name())
                    && names.contains(Names.hotPart(item.name()))) {
                code.add(item);
            }
        }
        return code;
    }

    /** What an item of the patched object is in the original, where it can be told. */
    public Optional<Item> originalOf(Item patched) {
        return selection.originalOf(patched);
    }

    Selection selection() {
        return selection;
    }

    public Verdict verdict() {
        if (!refusals.isEmpty()) {
            return Verdict.REFUSED;
        }
        boolean nothing =
                changed().isEmpty() && added().isEmpty() && removed().isEmpty() && data().isEmpty();
        return nothing ? Verdict.UNCHANGED : Verdict.CHANGED;
    }
}
