package dev.rebootless.diff;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * Changed functions that ftrace cannot route, and that need no routing: static ones that are only
 * ever called, by functions that can be replaced. The kernel makes every {@code inline} function
 * {@code notrace} (include/linux/compiler_types.h), also where the compiler does not inline it.
 * Such a function is carried like a new one, and its callers are replaced, unchanged as they are,
 * so that they call the new one.
 *
 * <p>Three things are asked of every caller in the original. It calls with a call instruction: a
 * function that is reached by a jump has no caller on the stack, where the kernel looks for the
 * functions that livepatches replace (kernel/livepatch/transition.c, klp_check_stack), and could go
 * on in code that is gone. It is in an ordinary section. It can be routed, or be carried in this
 * manner itself.
 */
final class CopiedFunctions {
    private final ObjectModel original;
    private final ObjectModel patched;
    private final Correlation correlation;
    private final Map<Item, List<Item>> callers = new HashMap<>();
    private final Set<Item> otherwiseUsed = new LinkedHashSet<>();
    private final Map<String, Item> functions = new HashMap<>();
    private final Map<Item, Item> copied = new LinkedHashMap<>();
    private final Map<Item, Item> replaced = new LinkedHashMap<>();

    private CopiedFunctions(ObjectModel original, ObjectModel patched, Correlation correlation) {
        this.original = original;
        this.patched = patched;
        this.correlation = correlation;
    }

    /**
     * Looks for them.
     *
     * @param changed original to patched function, whichever part of it changed
     */
    static CopiedFunctions of(
            ObjectModel original,
            ObjectModel patched,
            Correlation correlation,
            Map<Item, Item> changed) {
        CopiedFunctions found = new CopiedFunctions(original, patched, correlation);
        if (original.architecture().canExtract()
                && original.items().stream().anyMatch(i -> Routing.isTraceable(original, i))) {
            found.search(changed.keySet());
        }
        return found;
    }

    /** Those that are carried instead of being replaced: of the original to that of the patched. */
    Map<Item, Item> copied() {
        return Collections.unmodifiableMap(copied);
    }

    /** The functions that are replaced for their sake, whether changed or not. */
    Map<Item, Item> replaced() {
        return Collections.unmodifiableMap(replaced);
    }

    /**
     * Names of those that are carried, each with the sorted names of the functions that call it.
     */
    Map<String, List<String>> callersByName() {
        Map<String, List<String>> byName = new TreeMap<>();
        for (Item item : copied.keySet()) {
            byName.put(
                    item.name(),
                    callers.getOrDefault(item, List.of()).stream()
                            .map(Item::name)
                            .distinct()
                            .sorted()
                            .toList());
        }
        return Collections.unmodifiableMap(byName);
    }

    /** Whether nothing is known to reach a function of the original but by a call. */
    boolean isOnlyCalled(Item item) {
        return callers.containsKey(item) && !otherwiseUsed.contains(item);
    }

    private void search(Set<Item> changed) {
        for (Item item : original.items()) {
            if (item.isFunction()) {
                item.symbols().forEach(s -> functions.putIfAbsent(s.name(), item));
            }
        }
        collectUses(original, Optional.empty());
        collectUses(patched, Optional.of(correlation));
        for (Item item : changed) {
            Optional<Map<Item, Item>> set = withCallers(hotPart(item));
            set.ifPresent(copied::putAll);
        }
        for (Item item : copied.keySet()) {
            for (Item caller : callers.getOrDefault(item, List.of())) {
                if (!copied.containsKey(caller)) {
                    correlation.patchedOf(caller).ifPresent(p -> replaced.put(caller, p));
                }
            }
        }
    }

    /**
     * A function with all that has to be carried for it, or nothing if one thing speaks against it.
     */
    private Optional<Map<Item, Item>> withCallers(Item start) {
        Map<Item, Item> set = new LinkedHashMap<>();
        Deque<Item> work = new ArrayDeque<>(List.of(start));
        while (!work.isEmpty()) {
            Item item = work.remove();
            if (set.containsKey(item)) {
                continue;
            }
            if (Routing.isTraceable(original, item)) {
                if (item == start) {
                    return Optional.empty();
                }
                continue;
            }
            Item theirs = correlation.patchedOf(item).orElse(null);
            List<Item> from = callers.getOrDefault(item, List.of());
            if (theirs == null
                    || otherwiseUsed.contains(item)
                    || from.isEmpty()
                    || !isPlain(item)
                    || !isPlain(theirs)) {
                return Optional.empty();
            }
            for (Item caller : from) {
                if (!Comparison.sectionClass(caller).equals(Comparison.ORDINARY_CODE)) {
                    return Optional.empty();
                }
            }
            set.put(item, theirs);
            work.addAll(from);
        }
        return Optional.of(set);
    }

    private static boolean isPlain(Item item) {
        return Comparison.sectionClass(item).equals(Comparison.ORDINARY_CODE)
                && item.symbols().stream().allMatch(s -> s.isLocal());
    }

    /**
     * Who calls what, and what is used in any other way, in terms of the original's items.
     *
     * @param back leads there; nothing if the model is the original's own
     */
    private void collectUses(ObjectModel model, Optional<Correlation> back) {
        for (Item item : model.items()) {
            for (Reference reference : model.references(item)) {
                if (!(reference.target() instanceof Target.InItem(Item to, long d, long place))
                        || !to.isFunction()) {
                    continue;
                }
                Optional<Item> ours = back.map(c -> c.originalOf(to)).orElse(Optional.of(to));
                Item ownHot = back.isPresent() ? item : hotPart(item);
                if (ours.isEmpty()
                        || hotPart(ours.get()) == ownHot
                        || Routing.isOneFunction(item, to)) {
                    continue;
                }
                if (place == 0 && Routing.isCall(model, item, reference)) {
                    if (back.isEmpty()) {
                        callers.computeIfAbsent(ours.get(), k -> new ArrayList<>()).add(ownHot);
                    }
                } else {
                    otherwiseUsed.add(hotPart(ours.get()));
                }
            }
            for (Entry entry : model.entries(item)) {
                for (Reference reference : entry.references()) {
                    if (reference.target() instanceof Target.InItem(Item to, long d, long place)
                            && to != item
                            && place == 0
                            && to.isFunction()
                            && !Routing.isOneFunction(item, to)) {
                        back.map(c -> c.originalOf(to))
                                .orElse(Optional.of(to))
                                .ifPresent(otherwiseUsed::add);
                    }
                }
            }
        }
    }

    private Item hotPart(Item item) {
        return item.isFunction() && Names.isCold(item.name())
                ? functions.getOrDefault(Names.hotPart(item.name()), item)
                : item;
    }
}
