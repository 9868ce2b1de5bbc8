package dev.rebootless.build.backlog;

import dev.rebootless.build.exposure.CveRow;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import java.util.TreeSet;

/**
 * Which of the fixes that can be built may go into a livepatch: those that leave nothing to a
 * person, or to which a person said yes.
 *
 * @param candidates the most important first
 * @param held the others that can be built, each with the reason
 */
record Admission(List<Candidate> candidates, SequencedMap<CveRow, Held> held) {
    Admission {
        candidates = List.copyOf(candidates);
        held = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(held));
    }

    /**
     * Decides.
     *
     * @param outcomes of all that was tried, the most important first
     * @param takenOn which doubts keep no fix out
     * @param history in which the pieces of outcomes are
     */
    static Admission of(
            Map<CveRow, Outcome> outcomes, Reviews reviews, Set<Doubt> takenOn, History history) {
        List<Candidate> candidates = new ArrayList<>();
        SequencedMap<CveRow, Held> held = new LinkedHashMap<>();
        outcomes.forEach((row, outcome) -> {
            if (outcome.verdict() != Outcome.Verdict.BUILT) {
                return;
            }
            Optional<Boolean> said = reviews.of(outcome);
            EnumSet<Doubt> open = EnumSet.noneOf(Doubt.class);
            open.addAll(outcome.doubts());
            open.removeAll(takenOn);
            if (said.equals(Optional.of(false))) {
                held.put(row, new Held.Rejected());
            } else if (said.isEmpty() && !open.isEmpty()) {
                held.put(row, new Held.Doubtful(new TreeSet<>(open)));
            } else {
                candidates.add(
                        new Candidate(
                                row,
                                outcome,
                                history.pieces(outcome.pieces()),
                                said.orElse(false)));
            }
        });
        return new Admission(candidates, held);
    }
}
