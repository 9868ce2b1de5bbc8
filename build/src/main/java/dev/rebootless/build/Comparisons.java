package dev.rebootless.build;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.diff.ChangeSet;
import dev.rebootless.diff.Item;
import dev.rebootless.diff.ObjectDiff;
import dev.rebootless.diff.SourceLines;
import dev.rebootless.elf.ElfReader;
import dev.rebootless.source.compile.ObjectPair;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SequencedMap;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What differs between the two objects of each unit, and which new functions and data units share:
 * what one newly defines and another uses moves, too.
 *
 * @param changes by pair, in the order given
 * @param shared for each pair, the names that what moves of it refers to and another unit newly
 *     defines
 * @param madeGlobal what was static in any of the units and is no longer
 */
record Comparisons(
        SequencedMap<ObjectPair, ChangeSet> changes,
        Map<ObjectPair, Set<String>> shared,
        List<MadeGlobal> madeGlobal) {
    /**
     * Compares all.
     *
     * @throws RebootlessException exit status 4 {@code RBL-GLOBAL-ELSEWHERE} when several units
     *     newly define one name
     */
    static Comparisons of(List<ObjectPair> pairs) {
        SequencedMap<ObjectPair, ChangeSet> changes = new LinkedHashMap<>();
        pairs.forEach(pair -> changes.put(pair, compare(pair)));
        Map<String, ObjectPair> definers = definers(changes);
        Map<ObjectPair, Set<String>> wanted = new LinkedHashMap<>();
        Map<ObjectPair, Set<String>> shared = new LinkedHashMap<>();
        // What moves for another unit's sake may itself use what a third one newly defines.
        boolean more = true;
        while (more) {
            more = false;
            for (Map.Entry<ObjectPair, ChangeSet> user : changes.entrySet()) {
                for (String name : user.getValue().externals()) {
                    ObjectPair definer = definers.get(name);
                    if (definer != null && isInReach(user.getKey(), definer)) {
                        shared.computeIfAbsent(user.getKey(), u -> new TreeSet<>()).add(name);
                        more |= wanted.computeIfAbsent(definer, d -> new TreeSet<>()).add(name);
                    }
                }
            }
            if (more) {
                wanted.forEach((definer, names) -> changes.put(definer, compare(definer, names)));
            }
        }
        return new Comparisons(changes, shared, madeGlobal(changes));
    }

    /** A module's own new names are no others'; those of vmlinux may be used by modules. */
    private static boolean isInReach(ObjectPair user, ObjectPair definer) {
        return !definer.equals(user)
                && (definer.unit().inVmlinux()
                        || definer.unit().target().equals(user.unit().target()));
    }

    private static Map<String, ObjectPair> definers(Map<ObjectPair, ChangeSet> changes) {
        Map<String, ObjectPair> definers = new TreeMap<>();
        changes.forEach((pair, change) -> {
            for (String name : change.addedGlobals()) {
                ObjectPair other = definers.put(name, pair);
                if (other != null) {
                    throw RebootlessException.refused(
                            "RBL-GLOBAL-ELSEWHERE",
                            name,
                            "the patch newly defines it in %s and in %s"
                                    .formatted(other.unit().source(), pair.unit().source()),
                            "make each static, or give each a name of its own");
                }
            }
        });
        return definers;
    }

    /** The names that another unit newly defines and a unit may use. */
    Set<String> sharedWith(ObjectPair user) {
        return shared.getOrDefault(user, Set.of());
    }

    /** Something that was static in one unit and that another now uses. */
    record MadeGlobal(String name, ObjectPair owner, ChangeSet changes, Item original) {}

    /** What a unit newly uses that was static in another and that the patch makes global. */
    Map<String, MadeGlobal> madeGlobalFor(ObjectPair user) {
        Map<String, MadeGlobal> made = new TreeMap<>();
        if (!madeGlobal.isEmpty()) {
            Set<String> used = Set.copyOf(Objects.requireNonNull(changes.get(user)).externals());
            for (MadeGlobal each : madeGlobal) {
                if (used.contains(each.name()) && isInReach(user, each.owner())) {
                    made.put(each.name(), each);
                }
            }
        }
        return made;
    }

    private static List<MadeGlobal> madeGlobal(Map<ObjectPair, ChangeSet> changes) {
        List<MadeGlobal> made = new ArrayList<>();
        changes.forEach((owner, change) ->
                change.madeGlobal()
                        .forEach((name, original) ->
                                made.add(new MadeGlobal(name, owner, change, original))));
        return made;
    }

    /** What differs between the two objects of one unit alone. */
    static ChangeSet compare(ObjectPair pair) {
        return compare(pair, Set.of());
    }

    private static ChangeSet compare(ObjectPair pair, Set<String> wanted) {
        return ObjectDiff.compare(
                ElfReader.read(pair.original()),
                ElfReader.read(pair.patched()),
                SourceLines.ARE_PINNED,
                wanted);
    }
}
