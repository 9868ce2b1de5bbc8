package dev.rebootless.build.backlog;

import dev.rebootless.build.exposure.CveRow;
import dev.rebootless.build.exposure.Place;
import dev.rebootless.cve.CveId;
import dev.rebootless.cve.Exposure;
import dev.rebootless.cve.Severity;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;

/**
 * Which CVEs a backlog is made of.
 *
 * @param ids only these, whatever their severity; empty for all
 * @param onlyKnownExploited only those that are known to be exploited
 * @param least the least severity of what is not known to be exploited; unknown passes
 * @param onlyKnown unknown does not pass
 * @param onlyListed only those whose files a feed lists
 * @param sample as many of them, drawn with the seed; empty for all
 */
public record Selection(
        Set<CveId> ids,
        boolean onlyKnownExploited,
        Severity least,
        boolean onlyKnown,
        boolean onlyListed,
        Optional<Integer> sample,
        long seed) {
    public Selection {
        ids = Set.copyOf(ids);
    }

    /** The most important first. */
    static final Comparator<CveRow> BY_IMPORTANCE =
            Comparator.comparing((CveRow r) -> !r.cve().knownExploited().orElse(false))
                    .thenComparing(r -> r.cve().rating().severity())
                    .thenComparing(r -> r.cve().id(), Comparator.reverseOrder());

    /** Those of a list, the most important first. */
    List<CveRow> of(List<CveRow> rows) {
        List<CveRow> chosen =
                new ArrayList<>(
                        rows.stream().filter(this::isChosen).sorted(BY_IMPORTANCE).toList());
        if (sample.isPresent() && sample.get() < chosen.size()) {
            Collections.shuffle(chosen, new Random(seed));
            chosen = new ArrayList<>(chosen.subList(0, sample.get()));
            chosen.sort(BY_IMPORTANCE);
        }
        return List.copyOf(chosen);
    }

    private boolean isChosen(CveRow row) {
        if (!ids.isEmpty()) {
            return ids.contains(row.cve().id());
        }
        if (onlyListed && !(row.place() instanceof Place.Stated)) {
            return false;
        }
        boolean exploited = row.cve().knownExploited().orElse(false);
        Severity severity = row.cve().rating().severity();
        boolean severe = severity == Severity.UNKNOWN ? !onlyKnown : severity.atLeast(least);
        return row.exposure() == Exposure.EXPOSED && (exploited || (!onlyKnownExploited && severe));
    }
}
