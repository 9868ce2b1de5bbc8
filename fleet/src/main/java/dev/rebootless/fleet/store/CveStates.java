package dev.rebootless.fleet.store;

import dev.rebootless.base.Hashes;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What livepatches do on a host for each CVE that they name.
 *
 * @param states by CVE id
 */
public record CveStates(SortedMap<String, State> states) {
    /** As {@code status --json} has them (docs/schema/status.schema.json), and refused. */
    public enum State {
        CLOSED,
        CLOSED_UNREVIEWED,
        PARTLY,
        PENDING,
        REFUSED,
        UNKNOWN;

        /** As JSON has it. */
        public String word() {
            return name().toLowerCase(Locale.ROOT).replace('_', '-');
        }

        /** That of a word; one that nobody knows is unknown, which never counts as closed. */
        public static State of(String word) {
            for (State state : values()) {
                if (state.word().equals(word)) {
                    return state;
                }
            }
            return UNKNOWN;
        }
    }

    /** Of a host without livepatches. */
    public static final CveStates NONE = new CveStates(new TreeMap<>());

    public CveStates {
        states = java.util.Collections.unmodifiableSortedMap(new TreeMap<>(states));
    }

    /** The CVEs in a state, sorted. */
    List<String> in(State state) {
        return states.entrySet().stream()
                .filter(e -> e.getValue() == state)
                .map(Map.Entry::getKey)
                .toList();
    }

    /** SHA-256 of a line for each CVE: its id, a space, its state, a line feed. */
    byte[] digest() {
        StringBuilder lines = new StringBuilder();
        states.forEach(
                (id, state) -> lines.append(id).append(' ').append(state.word()).append('\n'));
        return Hashes.sha256()
                .digest(lines.toString().getBytes(java.nio.charset.StandardCharsets.UTF_8));
    }
}
