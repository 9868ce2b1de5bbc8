package dev.rebootless.livepatch.runpre;

import dev.rebootless.diff.Item;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;

/**
 * Where things are in the shipped image, and which proven functions say so. Kept with its
 * witnesses: those that contradict one another are not to be believed.
 *
 * @param <K> what has a place: an item of the unit, or the name of something of another unit
 */
final class Evidence<K> {
    private final Map<K, Map<Long, Set<Item>>> witnesses = new LinkedHashMap<>();

    void add(K key, long address, Item witness) {
        witnesses
                .computeIfAbsent(key, k -> new LinkedHashMap<>())
                .computeIfAbsent(address, a -> new LinkedHashSet<>())
                .add(witness);
    }

    /** The place that all witnesses agree on; empty when there is no witness, or they disagree. */
    OptionalLong address(K key) {
        Map<Long, Set<Item>> said = witnesses.getOrDefault(key, Map.of());
        return said.size() == 1
                ? OptionalLong.of(said.keySet().iterator().next())
                : OptionalLong.empty();
    }

    /** Everything that has one place. */
    Map<K, Long> settled() {
        Map<K, Long> settled = new LinkedHashMap<>();
        witnesses.forEach((key, said) -> {
            if (said.size() == 1) {
                settled.put(key, said.keySet().iterator().next());
            }
        });
        return settled;
    }

    /** What has several places, with those who say so. */
    Map<K, Set<Item>> disputed() {
        Map<K, Set<Item>> disputed = new LinkedHashMap<>();
        witnesses.forEach((key, said) -> {
            if (said.size() > 1) {
                Set<Item> all = new LinkedHashSet<>();
                said.values().forEach(all::addAll);
                disputed.put(key, all);
            }
        });
        return disputed;
    }

    void clear() {
        witnesses.clear();
    }
}
