package dev.rebootless.build.backlog;

import dev.rebootless.build.BuildOutcome;
import dev.rebootless.cve.CveId;
import dev.rebootless.source.kit.Kit;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What a backlog came to.
 *
 * @param running the package version that runs
 * @param to the one whose security level was aimed at
 * @param entries every CVE fixed in between, the most important first
 * @param modules what was built: one cumulative livepatch, or one for each fix
 * @param seconds that it took
 */
public record BacklogResult(
        Kit kit,
        String running,
        String to,
        List<BacklogEntry> entries,
        List<BuildOutcome.Built> modules,
        double seconds) {
    public BacklogResult {
        entries = List.copyOf(entries);
        modules = List.copyOf(modules);
    }

    /** How many entries are in each state. */
    public Map<BacklogEntry.State, Long> totals() {
        Map<BacklogEntry.State, Long> totals = new EnumMap<>(BacklogEntry.State.class);
        for (BacklogEntry.State state : BacklogEntry.State.values()) {
            totals.put(state, entries.stream().filter(e -> e.state() == state).count());
        }
        return totals;
    }

    /** With the entries of some CVEs only. */
    public BacklogResult only(Set<CveId> ids) {
        return new BacklogResult(
                kit,
                running,
                to,
                entries.stream().filter(e -> ids.contains(e.row().cve().id())).toList(),
                modules,
                seconds);
    }
}
