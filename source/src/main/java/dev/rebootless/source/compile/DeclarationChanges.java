package dev.rebootless.source.compile;

import java.util.Collections;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What an original unit has and the patched one declares otherwise or, of types and variables, no
 * longer: objects that live in the running kernel may be of it. What is new changes nothing.
 *
 * @param types by key, such as {@code struct page}
 * @param functions the names of those whose heads differ
 * @param variables the names of those that differ or are gone
 */
public record DeclarationChanges(
        SortedMap<String, Change> types, Set<String> functions, Set<String> variables) {
    /**
     * A definition of a type.
     *
     * @param after empty when it is gone
     */
    public record Change(String before, String after) {
        boolean isGone() {
            return after.isEmpty();
        }
    }

    public DeclarationChanges {
        types = Collections.unmodifiableSortedMap(new TreeMap<>(types));
        functions = Set.copyOf(functions);
        variables = Set.copyOf(variables);
    }

    public boolean isEmpty() {
        return types.isEmpty() && functions.isEmpty() && variables.isEmpty();
    }
}
