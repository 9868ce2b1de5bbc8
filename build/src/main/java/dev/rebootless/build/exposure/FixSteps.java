package dev.rebootless.build.exposure;

import dev.rebootless.cve.Changelog;
import dev.rebootless.kernel.DebianVersion;
import dev.rebootless.source.history.SourceDifference;
import java.util.List;
import java.util.OptionalInt;

/**
 * The steps from the running kernel's source to the newest: the differences of what was packaged in
 * between.
 *
 * @param list in order; none where the sources were not compared
 */
public record FixSteps(List<SourceDifference> list) {
    /** Nothing was compared. */
    public static final FixSteps NONE = new FixSteps(List.of());

    public FixSteps {
        list = List.copyOf(list);
    }

    /**
     * The number of the step that brought what an upload fixed: to the first packaged source that
     * is as new.
     */
    public OptionalInt of(DebianVersion fixedIn) {
        DebianVersion wanted = Changelog.plain(fixedIn);
        for (int i = 0; i < list.size(); i++) {
            DebianVersion to = Changelog.plain(new DebianVersion(list.get(i).newer()));
            if (to.compareTo(wanted) >= 0) {
                return OptionalInt.of(i);
            }
        }
        return OptionalInt.empty();
    }
}
