package dev.rebootless.fleet.rollout;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * All rings of a fleet, in the order in which they get a livepatch. A host is in the first ring
 * that takes it, and the last one takes the rest, so every host is in exactly one.
 *
 * @param rings in order
 */
public record Rings(List<Ring> rings) {
    /** More stages than anybody waits for. */
    static final int MAX_RINGS = 32;

    /** As {@code DesiredState} has it: the name becomes part of a target's path. */
    static final Pattern NAME = Pattern.compile("[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?");

    private static final int MAX_RULES = 64;
    private static final int MAX_LISTED = 10_000;
    private static final int MAX_PERMILLE = 999;

    private static final Pattern HOST =
            Pattern.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}");

    private static final Pattern TAG = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,63}");

    /**
     * @throws RebootlessException {@code RBL-ROLLOUT-RINGS} with everything that is wrong
     */
    public Rings {
        rings = List.copyOf(rings);
        List<Problem> problems = problems(rings);
        if (!problems.isEmpty()) {
            throw new RebootlessException(ExitStatus.USAGE, problems);
        }
    }

    /**
     * What a fleet has that says nothing else: {@code canary} (by tag, and one host of a hundred),
     * {@code early} (by tag, and one of ten), {@code all}.
     */
    public static Rings usual() {
        return new Rings(
                List.of(
                        new Ring(
                                "canary",
                                List.of(new RingRule.Tagged("canary"), new RingRule.Share(10))),
                        new Ring(
                                "early",
                                List.of(new RingRule.Tagged("early"), new RingRule.Share(100))),
                        new Ring("all", List.of(new RingRule.Rest()))));
    }

    /**
     * The ring that a host is in.
     *
     * @param host its id, a UUID in lower case
     * @param tags that it has
     */
    public String ringOf(String host, Set<String> tags) {
        for (Ring ring : rings) {
            if (ring.takes(host, tags)) {
                return ring.name();
            }
        }
        throw new IllegalStateException("the last ring takes the rest");
    }

    /** The names, in order. */
    public List<String> names() {
        return rings.stream().map(Ring::name).toList();
    }

    private static List<Problem> problems(List<Ring> rings) {
        List<Problem> problems = new ArrayList<>();
        if (rings.isEmpty() || rings.size() > MAX_RINGS) {
            problems.add(problem("rings", "there are " + rings.size() + " rings"));
        }
        Set<String> names = new HashSet<>();
        for (int i = 0; i < rings.size(); i++) {
            Ring ring = rings.get(i);
            String place = "rings[" + i + "]";
            if (!NAME.matcher(ring.name()).matches()) {
                problems.add(problem(place + ".name", "a ring cannot be called so"));
            }
            if (!names.add(ring.name())) {
                problems.add(problem(place + ".name", "another ring has the same name"));
            }
            boolean last = i == rings.size() - 1;
            if (ring.rules().stream().anyMatch(RingRule.Rest.class::isInstance) != last) {
                problems.add(
                        problem(
                                place + ".rules",
                                last
                                        ? "the last ring does not take the rest of the hosts"
                                        : "it takes all that is left, so no ring after it has a"
                                                + " host"));
            }
            if (ring.rules().isEmpty() || ring.rules().size() > MAX_RULES) {
                problems.add(
                        problem(place + ".rules", "there are " + ring.rules().size() + " rules"));
            }
            ring.rules().forEach(rule -> check(rule, place + ".rules", problems));
        }
        return problems;
    }

    private static void check(RingRule rule, String place, List<Problem> problems) {
        switch (rule) {
            case RingRule.Listed listed -> {
                if (listed.hosts().isEmpty() || listed.hosts().size() > MAX_LISTED) {
                    problems.add(problem(place, "a list has " + listed.hosts().size() + " hosts"));
                }
                if (!listed.hosts().stream().allMatch(h -> HOST.matcher(h).matches())) {
                    problems.add(problem(place, "a host's id is no UUID in lower case"));
                }
            }
            case RingRule.Tagged tagged -> {
                if (!TAG.matcher(tagged.tag()).matches()) {
                    problems.add(problem(place, "there can be no such tag"));
                }
            }
            case RingRule.Share share -> {
                if (share.permille() < 1 || share.permille() > MAX_PERMILLE) {
                    problems.add(problem(place, "a share is " + share.permille() + " of 1000"));
                }
            }
            case RingRule.Rest _ -> {}
        }
    }

    private static Problem problem(String place, String message) {
        return new Problem(
                "RBL-ROLLOUT-RINGS",
                place,
                message,
                "give 1 to "
                        + MAX_RINGS
                        + " rings of different names (lower-case letters, digits, hyphens), each"
                        + " with lists of host ids (at most "
                        + MAX_LISTED
                        + "), tags, or shares of 1 to "
                        + MAX_PERMILLE
                        + " permille, and only the last with the rest");
    }
}
