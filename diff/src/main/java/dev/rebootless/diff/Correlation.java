package dev.rebootless.diff;

import dev.rebootless.elf.ElfSymbol;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Pairs the named items of two objects: which function and which datum of the one is which of the
 * other.
 *
 * <p>Names would settle it, but for the numbers that gcc adds to static locals and clones: a patch
 * that adds one {@code static int once} turns {@code count.3} into {@code count.4} in functions it
 * never touched. So, from sure to less sure, and never on a guess:
 *
 * <ol>
 *   <li>descriptors of {@code pr_debug()} pair by what they say: their names are only numbers, and
 *       a descriptor with another format or function is another message;
 *   <li>global names, and local names without a number, pair by name;
 *   <li>what two already paired items of equal code point at with the same field is a pair. Nearly
 *       all functions of a unit are equal, so nearly all numbered names are settled here;
 *   <li>names with a number pair if their plain form occurs once on each side and, where they are
 *       used, a pair uses both: a {@code count} that leaves one function and a {@code count} that
 *       comes in another are two;
 *   <li>what is left is used by changed functions alone. If a pair uses one of a plain name on each
 *       side, it is the same; several pair in the order of first use if each has a size and initial
 *       content of its own that says the same; constants pair by content alone. Message limiters
 *       ({@link Names#isMessageLimiter}) pair in the order of first use even when equal: to mix
 *       them up costs a message at worst. What functions disagree about does not pair;
 *   <li>entries of lists of BTF types pair in the order of their places;
 *   <li>else they stay unpaired, and {@link #isAmbiguous} tells that there were candidates on both
 *       sides.
 * </ol>
 */
final class Correlation {
    private final ObjectModel original;
    private final ObjectModel patched;
    private final SourceLines lines;
    private final Map<Item, Item> toPatched = new LinkedHashMap<>();
    private final Map<Item, Item> toOriginal = new LinkedHashMap<>();
    private final Set<Item> ambiguous = new LinkedHashSet<>();

    /** Items that code of paired functions takes for several others: not to be paired at all. */
    private final Set<Item> contested = new HashSet<>();

    private final Set<String> movedNames = new LinkedHashSet<>();

    private Correlation(ObjectModel original, ObjectModel patched, SourceLines lines) {
        this.original = original;
        this.patched = patched;
        this.lines = lines;
    }

    static Correlation of(ObjectModel original, ObjectModel patched, SourceLines lines) {
        Correlation correlation = new Correlation(original, patched, lines);
        correlation.pairDebugSites();
        correlation.pairByName();
        correlation.pairByUse();
        correlation.pairByPlainName();
        correlation.pairByUse();
        correlation.pairWithinFunctions();
        correlation.pairByPlace();
        correlation.markAmbiguous();
        return correlation;
    }

    Optional<Item> patchedOf(Item item) {
        return Optional.ofNullable(toPatched.get(item));
    }

    Optional<Item> originalOf(Item item) {
        return Optional.ofNullable(toOriginal.get(item));
    }

    /** All pairs, originals in file order. */
    Map<Item, Item> pairs() {
        return java.util.Collections.unmodifiableMap(toPatched);
    }

    /**
     * True for an unpaired item of the patched object that could be several, or none, of the
     * original's.
     */
    boolean isAmbiguous(Item item) {
        return ambiguous.contains(item);
    }

    /**
     * Names that both objects have, but for things that are no pair: an alias that stands for
     * another function than before.
     */
    Set<String> movedNames() {
        return java.util.Collections.unmodifiableSet(movedNames);
    }

    private static boolean isNamed(Item item) {
        return (item.kind() == ItemKind.FUNCTION || item.kind() == ItemKind.DATA)
                && !item.symbols().isEmpty();
    }

    /** A descriptor of include/linux/dynamic_debug.h, struct _ddebug. */
    private static boolean isDebugSite(Item item) {
        return item.kind() == ItemKind.DATA && item.section().name().equals("__dyndbg");
    }

    /**
     * Equal descriptors pair in their order if both sides have as many of them; a descriptor
     * without an equal is new, or gone.
     */
    private void pairDebugSites() {
        List<Item> ours = original.items().stream().filter(Correlation::isDebugSite).toList();
        List<Item> theirs = patched.items().stream().filter(Correlation::isDebugSite).toList();
        Comparison comparison = new Comparison(original, patched, this, lines);
        for (Item item : ours) {
            List<Item> others = theirs.stream().filter(o -> comparison.same(item, o)).toList();
            if (others.isEmpty() || toPatched.containsKey(item)) {
                continue;
            }
            List<Item> equals =
                    ours.stream().filter(i -> comparison.same(i, others.getFirst())).toList();
            if (equals.size() == others.size()) {
                for (int i = 0; i < equals.size(); i++) {
                    pair(equals.get(i), others.get(i));
                }
            } else {
                ambiguous.addAll(others);
            }
        }
    }

    private static boolean isNumbered(Item item) {
        return !item.isGlobal() && !Names.base(item.name()).equals(item.name());
    }

    private void pair(Item from, Item to) {
        if (from.kind() == to.kind()
                && !contested.contains(from)
                && !contested.contains(to)
                && !toPatched.containsKey(from)
                && !toOriginal.containsKey(to)) {
            toPatched.put(from, to);
            toOriginal.put(to, from);
        }
    }

    private void pairByName() {
        Map<String, Item> ours = uniqueNames(original);
        Map<String, Item> theirs = uniqueNames(patched);
        for (Item item : original.items()) {
            for (ElfSymbol symbol : item.symbols()) {
                Item other = theirs.get(symbol.name());
                if (other != null && ours.get(symbol.name()) == item) {
                    pair(item, other);
                    break;
                }
            }
        }
        ours.forEach((name, item) -> {
            Item other = theirs.get(name);
            if (other != null && toPatched.get(item) != other) {
                movedNames.add(name);
            }
        });
    }

    /** What bears a name without a number that nothing else in the object bears. */
    private static Map<String, Item> uniqueNames(ObjectModel model) {
        Map<String, Item> unique = new LinkedHashMap<>();
        Set<String> repeated = new HashSet<>();
        for (Item item : model.items()) {
            if (isNamed(item) && !isNumbered(item)) {
                for (ElfSymbol symbol : item.symbols()) {
                    if (unique.put(symbol.name(), item) != null) {
                        repeated.add(symbol.name());
                    }
                }
            }
        }
        unique.keySet().removeAll(repeated);
        return unique;
    }

    private static String group(Item item) {
        return item.kind() + (item.isGlobal() ? " global " : " ") + Names.base(item.name());
    }

    private static Map<String, List<Item>> groups(Collection<Item> items, Map<Item, Item> done) {
        Map<String, List<Item>> groups = new LinkedHashMap<>();
        for (Item item : items) {
            if (isNamed(item) && !isDebugSite(item) && !done.containsKey(item)) {
                groups.computeIfAbsent(group(item), k -> new ArrayList<>()).add(item);
            }
        }
        return groups;
    }

    private void pairByPlainName() {
        Map<Item, Set<Item>> users = directUsers(original);
        Map<Item, Set<Item>> otherUsers = directUsers(patched);
        boolean found = true;
        while (found) {
            found = false;
            Map<String, List<Item>> theirs = groups(patched.items(), toOriginal);
            for (Map.Entry<String, List<Item>> group :
                    groups(original.items(), toPatched).entrySet()) {
                List<Item> others = theirs.getOrDefault(group.getKey(), List.of());
                if (group.getValue().size() == 1 && others.size() == 1) {
                    Item item = group.getValue().getFirst();
                    Item other = others.getFirst();
                    if (item.isFunction()
                            || haveCommonUser(users(item, users), users(other, otherUsers))) {
                        pair(item, other);
                        found |= toPatched.get(item) == other;
                    }
                }
            }
        }
    }

    /** Nothing refers to initcalls, module information and the like: their name is all they are. */
    private boolean haveCommonUser(Set<Item> ours, Set<Item> theirs) {
        return (ours.isEmpty() && theirs.isEmpty())
                || ours.stream().flatMap(u -> patchedOf(u).stream()).anyMatch(theirs::contains);
    }

    /** What refers to an item, directly or by a table entry. */
    private static Map<Item, Set<Item>> directUsers(ObjectModel model) {
        Map<Item, Set<Item>> direct = new LinkedHashMap<>();
        for (Item item : model.items()) {
            for (Item used : used(model, item)) {
                if (used != item) {
                    direct.computeIfAbsent(used, k -> new LinkedHashSet<>()).add(item);
                }
            }
        }
        return direct;
    }

    /** How far the way from a datum to its users is followed; hostile objects make it endless. */
    private static final int MAX_USERS = 1000;

    /**
     * The named things that refer to an item: directly, by a table entry, or by way of what the
     * compiler made for them.
     */
    private static Set<Item> users(Item item, Map<Item, Set<Item>> direct) {
        Set<Item> found = new LinkedHashSet<>();
        Deque<Item> work = new ArrayDeque<>(List.of(item));
        while (!work.isEmpty() && found.size() < MAX_USERS) {
            for (Item user : direct.getOrDefault(work.remove(), Set.of())) {
                if (found.add(user) && !isNamed(user)) {
                    work.add(user);
                }
            }
        }
        return found;
    }

    /**
     * Every pair of equal code has a vote on what its fields point at. Only unanimous votes count:
     * where one function takes a static for this one and another for that one, one of the two was
     * edited, and their code does not tell which.
     */
    private void pairByUse() {
        Map<Item, Item> before = new LinkedHashMap<>(toPatched);
        Map<Item, Item> beforeBack = new LinkedHashMap<>(toOriginal);
        while (true) {
            Votes votes = new Votes();
            List<Item> work = new ArrayList<>(toPatched.keySet());
            while (!work.isEmpty()) {
                List<Item> found = new ArrayList<>();
                for (Item item : work) {
                    Item other = toPatched.get(item);
                    if (other != null
                            && Comparison.sameBytes(original, item, patched, other, lines)) {
                        vote(plain(original, item), plain(patched, other), votes);
                        Anchors.inTheSamePlaces(original, item, patched, other)
                                .forEach((from, to) -> voteFor(from, to, votes));
                        voteByEntries(item, other, votes);
                    }
                }
                votes.elected()
                        .forEach((from, to) -> {
                            if (!toPatched.containsKey(from) && !toOriginal.containsKey(to)) {
                                pair(from, to);
                                if (toPatched.get(from) == to) {
                                    found.add(from);
                                }
                            }
                        });
                work = found;
            }
            Set<Item> quarrels = votes.contested();
            if (contested.containsAll(quarrels)) {
                return;
            }
            // What was paired before the quarrel came to light may rest on it: start again.
            contested.addAll(quarrels);
            before.entrySet()
                    .removeIf(
                            e -> quarrels.contains(e.getKey()) || quarrels.contains(e.getValue()));
            beforeBack
                    .entrySet()
                    .removeIf(
                            e -> quarrels.contains(e.getKey()) || quarrels.contains(e.getValue()));
            toPatched.clear();
            toPatched.putAll(before);
            toOriginal.clear();
            toOriginal.putAll(beforeBack);
        }
    }

    private void voteByEntries(Item item, Item other, Votes votes) {
        List<Entry> ours = original.entries(item);
        List<Entry> theirs = patched.entries(other);
        if (ours.size() == theirs.size()) {
            for (int i = 0; i < ours.size(); i++) {
                if (ours.get(i).table().equals(theirs.get(i).table())
                        && ours.get(i).place() == theirs.get(i).place()) {
                    vote(ours.get(i).references(), theirs.get(i).references(), votes);
                }
            }
        }
    }

    private void vote(List<Reference> ours, List<Reference> theirs, Votes votes) {
        if (ours.size() != theirs.size()) {
            return;
        }
        for (int i = 0; i < ours.size(); i++) {
            if (ours.get(i).offset() == theirs.get(i).offset()
                    && ours.get(i).target() instanceof Target.InItem(Item from, long d1, long p1)
                    && theirs.get(i).target() instanceof Target.InItem(Item to, long d2, long p2)
                    && d1 == d2) {
                voteFor(from, to, votes);
            }
        }
    }

    private void voteFor(Item from, Item to, Votes votes) {
        if (isNamed(from)
                && isNamed(to)
                && isOpen(from, toPatched)
                && isOpen(to, toOriginal)
                && group(from).equals(group(to))) {
            votes.add(from, to);
        }
    }

    /** The references that tell what they mean. */
    private static List<Reference> plain(ObjectModel model, Item item) {
        return model.references(item).stream()
                .filter(r -> !Anchors.isAnchor(model, item, r))
                .toList();
    }

    /** What has no name of its own that would settle it, and is no message of pr_debug(). */
    private static boolean isOpen(Item item, Map<Item, Item> paired) {
        return !isDebugSite(item) && (isNumbered(item) || !paired.containsKey(item));
    }

    /** What a function and its cold parts use, in the order of first use. */
    private record Family(Item function, Set<Item> used) {}

    private static Map<Item, Family> families(ObjectModel model) {
        Map<Item, Family> families = new LinkedHashMap<>();
        Map<String, Family> byName = new HashMap<>();
        for (Item item : model.items()) {
            if (item.isFunction() && !item.symbols().isEmpty() && !Names.isCold(item.name())) {
                Family family = new Family(item, used(model, item));
                families.put(item, family);
                item.symbols().forEach(s -> byName.putIfAbsent(s.name(), family));
            }
        }
        for (Item item : model.items()) {
            if (item.isFunction() && Names.isCold(item.name())) {
                Family family = byName.get(Names.hotPart(item.name()));
                if (family != null) {
                    family.used().addAll(used(model, item));
                }
            }
        }
        return families;
    }

    /**
     * What only changed functions use. Each function has a vote, as in {@link #pairByUse}; what is
     * left over of a name that the original function used as well is ambiguous.
     */
    private void pairWithinFunctions() {
        Map<Item, Family> theirFamilies = families(patched);
        Votes votes = new Votes();
        List<Runnable> leftovers = new ArrayList<>();
        for (Family family : families(original).values()) {
            Item other = toPatched.get(family.function());
            Family theirFamily = other == null ? null : theirFamilies.get(other);
            if (theirFamily == null) {
                continue;
            }
            Map<String, List<Item>> ours = groups(family.used(), toPatched);
            Map<String, List<Item>> theirs = groups(theirFamily.used(), toOriginal);
            ours.forEach((group, items) -> {
                List<Item> others = theirs.getOrDefault(group, List.of());
                voteWithin(items, others, votes);
                leftovers.add(() -> markLeftovers(items, others));
            });
        }
        contested.addAll(votes.contested());
        votes.elected().forEach(this::pair);
        leftovers.forEach(Runnable::run);
        pairByUse();
    }

    private void voteWithin(List<Item> items, List<Item> others, Votes votes) {
        boolean certain =
                items.size() == 1
                        || items.stream().allMatch(i -> Names.isMessageLimiter(i.name()))
                        || areToldApartByContent(items, others);
        if (items.size() == others.size() && certain) {
            for (int i = 0; i < items.size(); i++) {
                votes.add(items.get(i), others.get(i));
            }
        } else if (areConstants(items) && areConstants(others)) {
            // Which of several equal constants is which makes no difference.
            List<Item> open = new ArrayList<>(others);
            for (Item item : items) {
                open.stream()
                        .filter(o -> sameContent(item, o))
                        .findFirst()
                        .ifPresent(o -> {
                            votes.add(item, o);
                            open.remove(o);
                        });
            }
        }
    }

    /** Messages of NL_SET_ERR_MSG() (include/linux/netlink.h) and the like. */
    private static boolean areConstants(List<Item> items) {
        return items.stream().noneMatch(i -> i.isFunction() || i.section().isWritable());
    }

    private void markLeftovers(List<Item> items, List<Item> others) {
        boolean allConstantsFound =
                areConstants(others) && items.stream().allMatch(toPatched::containsKey);
        if (!allConstantsFound) {
            others.stream().filter(o -> !toOriginal.containsKey(o)).forEach(ambiguous::add);
        }
    }

    /** Whether each is equal to the one in its place on the other side, and to no other there. */
    private boolean areToldApartByContent(List<Item> items, List<Item> others) {
        for (int i = 0; i < items.size(); i++) {
            for (int k = 0; k < others.size(); k++) {
                if (sameContent(items.get(i), others.get(k)) != (i == k)) {
                    return false;
                }
            }
        }
        return true;
    }

    private boolean sameContent(Item ours, Item theirs) {
        return !ours.isFunction()
                && new Comparison(original, patched, this, lines).same(ours, theirs);
    }

    /**
     * Lists of BTF types: the code knows the list, not its entries, so those of one type pair in
     * the order of their places if both sides have as many.
     */
    private void pairByPlace() {
        Map<String, List<Item>> theirs = groups(patched.items(), toOriginal);
        groups(original.items(), toPatched)
                .forEach((group, items) -> {
                    List<Item> others = theirs.getOrDefault(group, List.of());
                    if (items.size() == others.size() && Names.isBtfId(items.getFirst().name())) {
                        for (int i = 0; i < items.size(); i++) {
                            pair(items.get(i), others.get(i));
                        }
                    }
                });
    }

    /** What an item and its table entries point at, in the order of first use. */
    private static Set<Item> used(ObjectModel model, Item item) {
        Set<Item> used = new LinkedHashSet<>();
        model.references(item).forEach(r -> addTarget(r, used));
        model.entries(item).forEach(e -> e.references().forEach(r -> addTarget(r, used)));
        return used;
    }

    private static void addTarget(Reference reference, Set<Item> used) {
        if (reference.target()
                instanceof Target.InItem(Item target, long displacement, long place)) {
            used.add(target);
        }
    }

    private void markAmbiguous() {
        Map<String, List<Item>> ours = groups(original.items(), toPatched);
        groups(patched.items(), toOriginal)
                .forEach((group, items) -> {
                    if (ours.containsKey(group)) {
                        ambiguous.addAll(items);
                    }
                });
    }
}
