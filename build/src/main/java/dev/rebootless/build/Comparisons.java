package dev.rebootless.build;

import dev.rebootless.diff.ChangeSet;
import dev.rebootless.diff.ObjectDiff;
import dev.rebootless.diff.SourceLines;
import dev.rebootless.elf.ElfReader;
import dev.rebootless.source.compile.ObjectPair;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What differs between the two objects of each unit, and which new functions and data units share:
 * what one newly defines and another uses moves, too.
 *
 * @param changes by pair, in the order given
 * @param shared names that one unit newly defines and what moves of another refers to
 */
record Comparisons(SequencedMap<ObjectPair, ChangeSet> changes, Set<String> shared) {
    static Comparisons of(List<ObjectPair> pairs) {
        SequencedMap<ObjectPair, ChangeSet> changes = new LinkedHashMap<>();
        pairs.forEach(pair -> changes.put(pair, compare(pair)));
        Map<String, ObjectPair> definers = new TreeMap<>();
        changes.forEach(
                (pair, change) -> change.addedGlobals().forEach(name -> definers.put(name, pair)));
        Map<ObjectPair, Set<String>> wanted = new LinkedHashMap<>();
        Set<String> shared = new TreeSet<>();
        // What moves for another unit's sake may itself use what a third one newly defines.
        boolean more = true;
        while (more) {
            more = false;
            for (Map.Entry<ObjectPair, ChangeSet> user : changes.entrySet()) {
                for (String name : user.getValue().externals()) {
                    ObjectPair definer = definers.get(name);
                    if (definer != null && !definer.equals(user.getKey()) && shared.add(name)) {
                        wanted.computeIfAbsent(definer, d -> new TreeSet<>()).add(name);
                        more = true;
                    }
                }
            }
            if (more) {
                wanted.forEach((definer, names) -> changes.put(definer, compare(definer, names)));
            }
        }
        return new Comparisons(changes, shared);
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
