package dev.rebootless.trust.tuf;

import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Who may sign for a role.
 *
 * @param keys the names of their keys
 * @param threshold how many of them must, each counted once; from 1 to the number of keys
 */
public record RoleKeys(SortedSet<String> keys, int threshold) {
    public RoleKeys {
        keys = Collections.unmodifiableSortedSet(new TreeSet<>(keys));
        if (threshold < 1 || threshold > keys.size()) {
            throw TufFault.Attack.MALFORMED.of(
                    "threshold", threshold + " of " + keys.size() + " keys cannot sign");
        }
    }

    static RoleKeys of(Fields fields) {
        return new RoleKeys(new TreeSet<>(fields.texts("keyids")), fields.positive("threshold"));
    }

    Map<String, Object> fields() {
        Map<String, Object> fields = new TreeMap<>();
        fields.put("keyids", List.copyOf(keys));
        fields.put("threshold", threshold);
        return fields;
    }
}
