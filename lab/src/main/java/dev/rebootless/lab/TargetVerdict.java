package dev.rebootless.lab;

import dev.rebootless.kernel.ShippedModules;
import dev.rebootless.lab.GuestMessage.Stage;
import dev.rebootless.manifest.ProofTarget;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Set;

/**
 * Judges what a guest reported of the modules that a livepatch patches. A target that this machine
 * does not take, or does not let go, is no fault of the livepatch: what was therefore not shown is
 * said, and does not count against it. All else does.
 */
final class TargetVerdict {
    private final ProofRequest request;
    private final List<String> reasons;
    private final Map<String, Course> courses = new LinkedHashMap<>();
    private Stage stage = Stage.PRESENT;

    /** What became of one target. */
    private static final class Course {
        final Map<Stage, Double> inserted = new EnumMap<>(Stage.class);
        final Map<Stage, String> refused = new EnumMap<>(Stage.class);
        final Set<Stage> patched = EnumSet.noneOf(Stage.class);
        final Set<Stage> removed = EnumSet.noneOf(Stage.class);
        final Map<Stage, String> stuck = new EnumMap<>(Stage.class);
        final List<String> notShown = new ArrayList<>();
        boolean there;
    }

    /**
     * @param reasons gets why the boot fails
     */
    TargetVerdict(ProofRequest request, List<String> reasons) {
        this.request = request;
        this.reasons = reasons;
        request.targets()
                .forEach(t -> courses.put(ShippedModules.canonical(t.name()), new Course()));
    }

    void begin(Stage next) {
        stage = next;
    }

    void take(GuestMessage.Insert insert) {
        Course course = courses.get(insert.target());
        if (course == null) {
            reasons.add("the guest inserted a module that is no target: " + insert.target());
        } else if (insert.status() == 0) {
            course.there = true;
            course.inserted.put(stage, insert.seconds());
        } else {
            String what =
                    (insert.file().equals(insert.target()) ? "" : insert.file() + ", it needs: ")
                            + insert.error();
            course.refused.put(stage, what);
            if (stage != Stage.PRESENT) {
                reasons.add(
                        insert.target()
                                + " could not be inserted while the livepatch is in force: "
                                + what
                                + insert.kernelLines().stream()
                                        .map(line -> "\n  " + line)
                                        .reduce("", String::concat));
            }
        }
    }

    void take(GuestMessage.Remove remove) {
        Course course = courses.get(remove.module());
        if (course == null) {
            return;
        }
        if (remove.status() == 0) {
            course.there = false;
            course.removed.add(stage);
        } else {
            course.stuck.put(stage, remove.error());
        }
    }

    void take(GuestMessage.Function function) {
        Course course = courses.get(function.object());
        if (function.patched()) {
            if (course != null) {
                course.patched.add(stage);
            }
        } else if (function.object().equals("vmlinux") || (course != null && course.there)) {
            reasons.add(
                    function.object()
                            + " is there, but its function "
                            + function.name()
                            + " is not patched");
        }
    }

    /** The targets that this machine does not take, without any livepatch; sorted as given. */
    List<String> unavailable() {
        return courses.entrySet().stream()
                .filter(e -> e.getValue().refused.containsKey(Stage.PRESENT))
                .map(Map.Entry::getKey)
                .toList();
    }

    /** Whether the livepatch's second life must have been seen. */
    boolean secondLifeExpected() {
        return request.late()
                && courses.values().stream().anyMatch(c -> c.removed.contains(Stage.PRESENT));
    }

    /** Whether a target must have come again in that second life. */
    boolean reloadExpected() {
        return secondLifeExpected()
                && request.reload()
                && courses.values().stream().anyMatch(c -> c.removed.contains(Stage.LATE));
    }

    /** What a check did not do, which cannot be asked of it when a target is not there. */
    void excuse(String whatTheCheckDid) {
        for (String name : unavailable()) {
            course(name).notShown.add(whatTheCheckDid + ", which shows nothing without " + name);
        }
    }

    /** Every step must have been seen, also when nothing says that one failed. */
    void requireLives() {
        courses.forEach((name, course) -> {
            if (course.refused.containsKey(Stage.PRESENT)) {
                return;
            }
            requirePatched(name, course, Stage.PRESENT);
            boolean late = request.late() && course.removed.contains(Stage.PRESENT);
            if (late) {
                requirePatched(name, course, Stage.LATE);
            } else if (request.late() && !course.stuck.containsKey(Stage.PRESENT)) {
                reasons.add("the guest did not report whether it removed " + name);
            }
            if (late && request.reload()) {
                if (course.removed.contains(Stage.LATE)) {
                    requirePatched(name, course, Stage.AGAIN);
                } else if (!course.stuck.containsKey(Stage.LATE)) {
                    reasons.add("the guest did not report whether it removed " + name);
                }
            }
        });
    }

    private void requirePatched(String name, Course course, Stage when) {
        if (!course.inserted.containsKey(when)) {
            reasons.add("the guest did not report that it inserted " + name + word(when));
        } else if (!course.patched.contains(when)) {
            reasons.add("the livepatch lists no patched function of " + name + word(when));
        }
    }

    private static String word(Stage stage) {
        return switch (stage) {
            case PRESENT, ABSENT -> ", which was there before it";
            case LATE -> ", which came after it";
            case AGAIN -> ", which came again";
        };
    }

    /** What is to be said of each target. */
    List<ProofTarget> targets() {
        List<ProofTarget> targets = new ArrayList<>();
        courses.forEach((name, course) ->
                targets.add(
                        new ProofTarget(
                                name,
                                seconds(course, Stage.PRESENT),
                                seconds(course, Stage.LATE),
                                seconds(course, Stage.AGAIN),
                                notShown(name, course))));
        return targets;
    }

    private static OptionalDouble seconds(Course course, Stage stage) {
        Double value = course.inserted.get(stage);
        return value == null ? OptionalDouble.empty() : OptionalDouble.of(value);
    }

    private List<String> notShown(String name, Course course) {
        List<String> lines = new ArrayList<>();
        String here = course.refused.get(Stage.PRESENT);
        String stuck = course.stuck.get(Stage.PRESENT);
        String stuckLater = course.stuck.get(Stage.LATE);
        if (here != null) {
            lines.add(
                    name
                            + " cannot be inserted on this machine, also without a livepatch ("
                            + here
                            + "): only the livepatch without it was shown, not that its functions are replaced");
        } else if (!request.late()) {
            lines.add(
                    "what happens when "
                            + name
                            + " is inserted under the livepatch: not tried, since an earlier livepatch may patch it"
                            + " and this kernel cannot patch a module twice");
        } else if (stuck != null) {
            lines.add(
                    name
                            + " cannot be removed ("
                            + stuck
                            + "): that it is patched when it comes under the livepatch was not shown");
        } else if (!request.reload()) {
            lines.add(
                    "inserting "
                            + name
                            + " again after it was removed under the livepatch: not tried, since this kernel cannot"
                            + " (it does not clear the livepatch's relocations, and refuses the module)");
        } else if (stuckLater != null) {
            lines.add(
                    name
                            + " cannot be removed under the livepatch ("
                            + stuckLater
                            + "): that it is patched when it comes again was not shown");
        }
        lines.addAll(course.notShown);
        return lines;
    }

    private Course course(String name) {
        return courses.computeIfAbsent(name, _ -> new Course());
    }
}
