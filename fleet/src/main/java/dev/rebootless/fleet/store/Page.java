package dev.rebootless.fleet.store;

import java.util.List;
import java.util.Optional;

/**
 * A part of a list that is read on from where it ended, so that the last page costs what the first
 * does.
 *
 * @param rows at most as many as were asked for
 * @param next where the next page begins; empty after the last row
 */
public record Page<T>(List<T> rows, Optional<String> next) {
    public Page {
        rows = List.copyOf(rows);
    }
}
