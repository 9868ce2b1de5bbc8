package dev.rebootless.diff;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.base.Problem;
import java.util.ArrayList;
import java.util.List;

/** What tests of the differ say often: a source, the same source edited, and what is found. */
final class Diffs {
    private Diffs() {}

    /**
     * An edit of a source; the text to be replaced must occur once, so that no test edits nothing.
     */
    static String edit(String source, String from, String to) {
        assertThat(source.split(java.util.regex.Pattern.quote(from), -1))
                .as("occurrences of «%s»", from)
                .hasSize(2);
        return source.replace(from, to);
    }

    static ChangeSet compare(Gcc gcc, String original, String patched) {
        return ObjectDiff.compare(gcc.compile(original), gcc.compile(patched));
    }

    /**
     * Everything that a comparison found, in one line: {@code changed: f g; new: h; removed: i;
     * data: j; refused: CODE name}. Empty lists are left out; {@code unchanged} if all are empty.
     */
    static String findings(ChangeSet changes) {
        List<String> parts = new ArrayList<>();
        add(parts, "changed", changes.changed());
        add(parts, "new", changes.added());
        add(parts, "removed", changes.removed());
        add(parts, "data", changes.data());
        for (Problem problem : changes.refusals()) {
            parts.add("refused: " + problem.code() + " " + problem.place());
        }
        Verdict expected =
                !changes.refusals().isEmpty()
                        ? Verdict.REFUSED
                        : parts.isEmpty() ? Verdict.UNCHANGED : Verdict.CHANGED;
        assertThat(changes.verdict()).isEqualTo(expected);
        return parts.isEmpty() ? "unchanged" : String.join("; ", parts);
    }

    /** Original names of the functions that are replaced, sorted. */
    static List<String> replaced(ChangeSet changes) {
        return changes.replaced().keySet().stream().map(Item::name).sorted().toList();
    }

    /** The names of the pieces that move, sorted; nameless ones as section and offset. */
    static List<String> carried(ChangeSet changes) {
        return changes.selection().carried().stream().map(Item::name).sorted().toList();
    }

    private static void add(List<String> parts, String what, List<String> names) {
        assertThat(names).isSorted().doesNotHaveDuplicates();
        if (!names.isEmpty()) {
            parts.add(what + ": " + String.join(" ", names));
        }
    }
}
