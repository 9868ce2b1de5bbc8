package dev.rebootless.build;

import dev.rebootless.diff.ChangeSet;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/** What the passes of a build found that a reviewer should look at, as they find it. */
final class BuildWarnings {
    private final List<String> sentences = new ArrayList<>();
    private final Set<Concern> concerns = EnumSet.noneOf(Concern.class);

    /** Of no concern that decides over anything. */
    void add(List<String> more) {
        sentences.addAll(more);
    }

    void add(Concern concern, List<String> more) {
        if (!more.isEmpty()) {
            sentences.addAll(more);
            concerns.add(concern);
        }
    }

    /** Those of a unit's comparison. */
    void addOf(String unit, ChangeSet changes) {
        add(of(unit, changes.warnings()));
        add(Concern.LOCKS, of(unit, changes.lockChanges()));
    }

    private static List<String> of(String unit, List<String> warnings) {
        return warnings.stream().map(w -> unit + ": " + w).toList();
    }

    /** The sentences, in the order found. */
    List<String> list() {
        return List.copyOf(sentences);
    }

    /** What some of them are about. */
    Set<Concern> concerns() {
        return Set.copyOf(concerns);
    }
}
