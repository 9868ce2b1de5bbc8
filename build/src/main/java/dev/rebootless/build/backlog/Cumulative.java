package dev.rebootless.build.backlog;

import dev.rebootless.base.Problem;
import dev.rebootless.base.Progress;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.SequencedMap;
import java.util.Set;
import java.util.TreeSet;

/**
 * Finds the fixes that make one livepatch together. Each of them can be built by itself; what
 * breaks another, or is more than a livepatch should hold, is left out, the less important first,
 * with the reason.
 */
final class Cumulative {
    /** Whole builds that may fail before halves are tried instead of names. */
    private static final int MAX_TRIES = 8;

    private final Workshop workshop;
    private final Progress progress;
    private final int maxFunctions;
    private final SequencedMap<Candidate, String> leftOut = new LinkedHashMap<>();

    /**
     * @param maxFunctions as many functions as one livepatch may replace
     */
    Cumulative(Workshop workshop, int maxFunctions, Progress progress) {
        this.workshop = workshop;
        this.maxFunctions = maxFunctions;
        this.progress = progress;
    }

    /**
     * What was found.
     *
     * @param chosen the fixes that are in it, the most important first
     * @param leftOut the others, each with the reason
     */
    record Choice(List<Candidate> chosen, SequencedMap<Candidate, String> leftOut) {
        Choice {
            chosen = List.copyOf(chosen);
            leftOut = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(leftOut));
        }
    }

    /**
     * Chooses: what shares a file and fits, as many functions as may be. Whether all of them fit is
     * known when the livepatch is built; {@link #afterRefusal} then goes on.
     *
     * @param candidates the most important first
     */
    Choice choose(List<Candidate> candidates) {
        List<Candidate> fitting = capped(withoutConflicts(candidates));
        return new Choice(fitting, leftOut);
    }

    /**
     * Chooses again, when the livepatch of what was chosen is refused.
     *
     * @param fitting what was chosen
     * @param problems why it is refused
     * @param tries how many refusals there were before
     */
    Choice afterRefusal(List<Candidate> fitting, List<Problem> problems, int tries) {
        leftOut.clear();
        Set<Candidate> culprits = culprits(fitting, problems);
        if (culprits.isEmpty() || tries >= MAX_TRIES) {
            progress.step("halving " + fitting.size() + " fixes to find out which is refused");
            return new Choice(halved(fitting, problems), leftOut);
        }
        progress.step("leaving out " + ids(culprits) + ": " + problems.getFirst().code());
        String why = "together with the others it is refused: " + text(problems.getFirst());
        culprits.forEach(c -> leftOut.put(c, why));
        List<Candidate> rest = new ArrayList<>(fitting);
        rest.removeAll(culprits);
        return new Choice(rest, leftOut);
    }

    private static String text(Problem problem) {
        return problem.code()
                + " "
                + problem.place()
                + ": "
                + problem.message().lines().findFirst().orElse("");
    }

    private static String ids(Set<Candidate> candidates) {
        return String.join(", ", candidates.stream().map(Candidate::id).toList());
    }

    private Attempt build(List<Candidate> candidates) {
        return workshop.build(
                "backlog", pieces(candidates), candidates.stream().map(Candidate::id).toList());
    }

    static Pieces pieces(List<Candidate> candidates) {
        Pieces all = Pieces.NONE;
        for (Candidate candidate : candidates) {
            all = all.with(candidate.pieces());
        }
        return all;
    }

    /** Fixes that share a file are tried together, before all are. */
    private List<Candidate> withoutConflicts(List<Candidate> candidates) {
        Set<Candidate> out = new LinkedHashSet<>();
        for (List<Candidate> group : groups(candidates)) {
            List<Candidate> together = new ArrayList<>(List.of(group.getFirst()));
            if (group.size() > 1 && !isOneFix(group)) {
                progress.step("trying together: " + ids(new LinkedHashSet<>(group)));
                if (!(build(group) instanceof Attempt.Refused)) {
                    continue;
                }
                for (Candidate next : group.subList(1, group.size())) {
                    List<Candidate> more = new ArrayList<>(together);
                    more.add(next);
                    if (build(more) instanceof Attempt.Refused(List<Problem> problems)) {
                        out.add(next);
                        leftOut.put(
                                next,
                                "together with "
                                        + ids(new LinkedHashSet<>(together))
                                        + ", which is more important, it is refused: "
                                        + text(problems.getFirst()));
                    } else {
                        together = more;
                    }
                }
            }
        }
        return candidates.stream().filter(c -> !out.contains(c)).toList();
    }

    private static boolean isOneFix(List<Candidate> group) {
        return group.stream().map(Candidate::pieces).distinct().count() == 1;
    }

    /** Those that share files, directly or by way of others. */
    private static List<List<Candidate>> groups(List<Candidate> candidates) {
        Map<String, Integer> groupOfPath = new HashMap<>();
        Map<Integer, List<Candidate>> groups = new LinkedHashMap<>();
        int next = 0;
        for (Candidate candidate : candidates) {
            NavigableSet<Integer> touched = new TreeSet<>();
            candidate
                    .pieces()
                    .paths()
                    .forEach(p -> {
                        Integer group = groupOfPath.get(p);
                        if (group != null) {
                            touched.add(group);
                        }
                    });
            int home = touched.isEmpty() ? next++ : touched.first();
            List<Candidate> members = groups.computeIfAbsent(home, k -> new ArrayList<>());
            members.add(candidate);
            for (int other : touched) {
                if (other != home) {
                    members.addAll(groups.remove(other));
                }
            }
            for (Candidate member : members) {
                member.pieces().paths().forEach(p -> groupOfPath.put(p, home));
            }
        }
        // In the order of importance.
        return groups.values().stream()
                .map(g -> candidates.stream().filter(g::contains).toList())
                .toList();
    }

    private List<Candidate> capped(List<Candidate> candidates) {
        List<Candidate> fitting = new ArrayList<>();
        Set<String> functions = new LinkedHashSet<>();
        for (Candidate candidate : candidates) {
            Set<String> with = new LinkedHashSet<>(functions);
            with.addAll(candidate.functions());
            if (with.size() > maxFunctions) {
                leftOut.put(
                        candidate,
                        "a livepatch holds at most "
                                + maxFunctions
                                + " functions, and more important fixes fill it");
            } else {
                functions = with;
                fitting.add(candidate);
            }
        }
        return fitting;
    }

    /** The least important of those whose files a refusal names. */
    private static Set<Candidate> culprits(List<Candidate> candidates, List<Problem> problems) {
        Set<Candidate> culprits = new LinkedHashSet<>();
        for (Problem problem : problems) {
            String text = problem.place() + " " + problem.message();
            candidates.reversed().stream()
                    .filter(c ->
                            c.pieces().paths().stream().anyMatch(text::contains)
                                    || c.outcome().functions().stream()
                                            .anyMatch(f -> f.name().equals(problem.place())))
                    .findFirst()
                    .ifPresent(culprits::add);
        }
        return culprits;
    }

    /** Halves a set until what is refused is found; leaves out single ones. */
    private List<Candidate> halves(List<Candidate> candidates) {
        return !candidates.isEmpty()
                        && build(candidates) instanceof Attempt.Refused(List<Problem> problems)
                ? halved(candidates, problems)
                : candidates;
    }

    /** The same of a set that is known to be refused. */
    private List<Candidate> halved(List<Candidate> candidates, List<Problem> problems) {
        if (candidates.size() == 1) {
            leftOut.put(candidates.getFirst(), "it is refused: " + text(problems.getFirst()));
            return List.of();
        }
        int middle = candidates.size() / 2;
        List<Candidate> first = halves(candidates.subList(0, middle));
        List<Candidate> both = new ArrayList<>(first);
        for (Candidate next : halves(candidates.subList(middle, candidates.size()))) {
            both.add(next);
        }
        if (build(both) instanceof Attempt.Refused(List<Problem> together)) {
            both.removeAll(first);
            both.forEach(c ->
                    leftOut.put(
                            c,
                            "together with more important fixes it is refused: "
                                    + text(together.getFirst())));
            return first;
        }
        return both;
    }
}
