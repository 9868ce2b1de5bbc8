package dev.rebootless.lab;

import dev.rebootless.lab.GuestMessage.Fate;
import dev.rebootless.lab.GuestMessage.When;
import dev.rebootless.manifest.ProofEarlier;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * Judges what a guest reported of the livepatches that were loaded before the one to prove: those
 * that were in force must be gone once it took over, or stay in force with it and after it, as it
 * says of itself.
 */
final class EarlierVerdict {
    private final ProofRequest request;
    private final List<String> reasons;
    private final Map<Integer, Course> courses = new TreeMap<>();
    private final Set<Integer> loaded = new TreeSet<>();

    /** What became of one of them. */
    private static final class Course {
        final String name;
        final Map<When, Fate> fates = new EnumMap<>(When.class);
        OptionalDouble removeSeconds = OptionalDouble.empty();
        boolean removed;

        Course(String name) {
            this.name = name;
        }

        boolean is(When when, Fate fate) {
            return fates.get(when) == fate;
        }
    }

    /**
     * @param reasons gets why the boot fails
     */
    EarlierVerdict(ProofRequest request, List<String> reasons) {
        this.request = request;
        this.reasons = reasons;
    }

    void take(GuestMessage.Load load) {
        if (load.status() == 0) {
            loaded.add(load.index());
        }
    }

    void take(GuestMessage.Earlier earlier) {
        if (earlier.index() >= request.earlierModules().size()) {
            reasons.add("the guest speaks of a livepatch that was not loaded: " + earlier.name());
            return;
        }
        Course course = courses.computeIfAbsent(earlier.index(), _ -> new Course(earlier.name()));
        course.fates.put(earlier.when(), earlier.fate());
        if (earlier.fate() == Fate.DISABLED) {
            reasons.add(course.name + " is disabled, but the kernel still lists it");
        } else if (course.is(When.BEFORE, Fate.STAYS)) {
            switch (earlier.when()) {
                case BEFORE -> {}
                case DURING -> judge(course);
                case AFTER -> judgeAfter(course);
            }
        }
    }

    private void judge(Course course) {
        boolean stays = course.is(When.DURING, Fate.STAYS);
        switch (request.takeover()) {
            case REPLACES -> {
                if (stays) {
                    reasons.add(
                            course.name
                                    + " stays in force, but the module says that it takes over from"
                                    + " all livepatches before it");
                }
            }
            case STACKS -> {
                if (!stays) {
                    reasons.add(
                            course.name
                                    + " is no longer in force, but the module says that it leaves the"
                                    + " livepatches before it as they are");
                }
            }
            case UNKNOWN -> {
                boolean otherwise =
                        courses.values().stream()
                                .filter(c -> c.is(When.BEFORE, Fate.STAYS))
                                .filter(c -> c.fates.containsKey(When.DURING))
                                .anyMatch(c -> c.is(When.DURING, Fate.STAYS) != stays);
                if (otherwise) {
                    reasons.add("of the livepatches before it, some stay in force and some do not");
                }
            }
        }
    }

    private void judgeAfter(Course course) {
        boolean stayed = course.is(When.DURING, Fate.STAYS);
        boolean stays = course.is(When.AFTER, Fate.STAYS);
        if (stayed && !stays) {
            reasons.add(course.name + " went with the module that was above it");
        } else if (!stayed && stays) {
            reasons.add(course.name + " is in force again after the module was removed");
        }
    }

    void take(GuestMessage.Release release) {
        Course course =
                courses.values().stream()
                        .filter(c -> c.name.equals(release.name()))
                        .findFirst()
                        .orElseGet(() -> new Course(release.name()));
        course.removed = release.status() == 0;
        course.removeSeconds = OptionalDouble.of(release.seconds());
        if (!course.removed) {
            reasons.add(
                    "the module "
                            + course.name
                            + ", which is no longer in force, could not be removed: "
                            + release.error());
        }
    }

    /** Whether one of them was in force while the module was, below it. */
    boolean stacked() {
        return courses.values().stream().anyMatch(c -> c.is(When.DURING, Fate.STAYS));
    }

    /** Every step must have been seen, also when nothing says that one failed. */
    void requireFates() {
        List<When> asked = request.module().isPresent() ? List.of(When.values()) : List.of();
        for (int index = 0; index < request.earlierModules().size(); index++) {
            Course course = courses.get(index);
            String which = "module " + (index + 1) + " of those to be loaded first";
            if (!loaded.contains(index)) {
                reasons.add("the guest did not report that it loaded " + which);
            } else if (!asked.isEmpty()
                    && (course == null || !course.fates.keySet().containsAll(asked))) {
                reasons.add("the guest did not report what became of " + which);
            } else if (course != null && course.fates.containsValue(Fate.GONE) && !course.removed) {
                reasons.add("the guest did not report that it removed " + course.name);
            }
        }
    }

    /** What is to be said of each that is a livepatch. */
    List<ProofEarlier> earlier() {
        List<ProofEarlier> found = new ArrayList<>();
        for (Course course : courses.values()) {
            if (!course.is(When.BEFORE, Fate.NONE)) {
                found.add(new ProofEarlier(course.name, fate(course), course.removeSeconds));
            }
        }
        return found;
    }

    private static String fate(Course course) {
        Set<Fate> since =
                course.fates.entrySet().stream()
                        .filter(e -> e.getKey() != When.BEFORE)
                        .map(Map.Entry::getValue)
                        .collect(Collectors.toSet());
        if (course.is(When.BEFORE, Fate.GONE)) {
            return "gone-before";
        }
        if (since.equals(Set.of(Fate.STAYS))) {
            return "stays";
        }
        return since.equals(Set.of(Fate.GONE)) ? "replaced" : "unclear";
    }
}
