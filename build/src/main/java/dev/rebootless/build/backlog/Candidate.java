package dev.rebootless.build.backlog;

import dev.rebootless.build.exposure.CveRow;
import java.util.LinkedHashSet;
import java.util.Set;

/**
 * A fix that may go into a livepatch with others.
 *
 * @param accepted whether a reviewer said yes
 */
record Candidate(CveRow row, Outcome outcome, Pieces pieces, boolean accepted) {
    String id() {
        return row.cve().id().text();
    }

    /** Whether nothing of it is left to a person: all of the fix is known, is in, and is local. */
    boolean isSound() {
        return accepted || outcome.doubts().isEmpty();
    }

    /** The functions that it replaces, as {@code object:name,sympos}. */
    Set<String> functions() {
        Set<String> functions = new LinkedHashSet<>();
        outcome.functions()
                .forEach(f -> functions.add(f.object() + ":" + f.name() + "," + f.sympos()));
        return functions;
    }
}
