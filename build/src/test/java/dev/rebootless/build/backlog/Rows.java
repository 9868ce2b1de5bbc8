package dev.rebootless.build.backlog;

import dev.rebootless.build.exposure.CveRow;
import dev.rebootless.build.exposure.Place;
import dev.rebootless.cve.CveId;
import dev.rebootless.cve.Exposure;
import dev.rebootless.cve.KnownCve;
import dev.rebootless.cve.Rating;
import dev.rebootless.kernel.DebianVersion;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;

/** Rows of CVEs as tests need them. */
final class Rows {
    private Rows() {}

    /** One that a changelog names, fixed in 6.1.20-1, and of which nothing else is known. */
    static CveRow exposed(String id, String title) {
        return new CveRow(
                new KnownCve(
                        new CveId(id),
                        title,
                        Optional.of(new DebianVersion("6.1.20-1")),
                        Rating.UNKNOWN,
                        Optional.empty(),
                        List.of("changelog"),
                        List.of(),
                        new TreeSet<>(),
                        "",
                        true),
                new Place.Unknown(""),
                new TreeSet<>(),
                Exposure.EXPOSED);
    }
}
