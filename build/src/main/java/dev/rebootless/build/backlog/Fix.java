package dev.rebootless.build.backlog;

import dev.rebootless.build.exposure.CveRow;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * The fix of a CVE in the sources.
 *
 * @param step that brought it
 * @param pieces all that may be part of it: the files' whole differences in that step
 * @param functions that the title names, where files are known by the title alone
 * @param isStated whether a feed lists the files, so that nothing of the fix can be elsewhere
 * @param notes for a reviewer
 */
record Fix(
        CveRow row,
        int step,
        Pieces pieces,
        SortedSet<String> functions,
        boolean isStated,
        List<String> notes) {
    Fix {
        functions = java.util.Collections.unmodifiableSortedSet(new TreeSet<>(functions));
        notes = List.copyOf(notes);
    }
}
