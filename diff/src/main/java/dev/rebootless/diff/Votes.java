package dev.rebootless.diff;

import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * For which item of the other object each item is taken, by everything that has an opinion. Only
 * what all agree on is elected.
 */
final class Votes {
    private final Map<Item, Set<Item>> forPatched = new LinkedHashMap<>();
    private final Map<Item, Set<Item>> forOriginal = new LinkedHashMap<>();

    void add(Item from, Item to) {
        forPatched.computeIfAbsent(from, k -> new LinkedHashSet<>()).add(to);
        forOriginal.computeIfAbsent(to, k -> new LinkedHashSet<>()).add(from);
    }

    Map<Item, Item> elected() {
        Map<Item, Item> elected = new LinkedHashMap<>();
        forPatched.forEach((from, to) -> {
            Item only = to.iterator().next();
            if (to.size() == 1 && forOriginal.getOrDefault(only, Set.of()).size() == 1) {
                elected.put(from, only);
            }
        });
        return elected;
    }

    Set<Item> contested() {
        Set<Item> contested = new LinkedHashSet<>();
        for (Map<Item, Set<Item>> side : List.of(forPatched, forOriginal)) {
            side.forEach((item, others) -> {
                if (others.size() > 1) {
                    contested.add(item);
                    contested.addAll(others);
                }
            });
        }
        return contested;
    }
}
