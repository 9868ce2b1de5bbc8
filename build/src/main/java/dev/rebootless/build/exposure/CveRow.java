package dev.rebootless.build.exposure;

import dev.rebootless.cve.Exposure;
import dev.rebootless.cve.KnownCve;
import java.util.Collections;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * A CVE on a kernel.
 *
 * @param targets the target objects that have its code, as {@link
 *     dev.rebootless.source.compile.BuiltCode#targetsOf}; none where it is not built or not known
 */
public record CveRow(KnownCve cve, Place place, SortedSet<String> targets, Exposure exposure) {
    public CveRow {
        targets = Collections.unmodifiableSortedSet(new TreeSet<>(targets));
    }
}
