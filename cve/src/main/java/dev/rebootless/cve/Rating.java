package dev.rebootless.cve;

import static java.util.Objects.requireNonNull;

import java.util.Collection;
import java.util.Comparator;

/**
 * A severity and who says so.
 *
 * @param source such as {@code CNA Linux}, {@code ADP CISA-ADP} or {@code NVD}, with the score;
 *     empty where nobody does
 */
public record Rating(Severity severity, String source) {
    /** What nobody has rated. */
    public static final Rating UNKNOWN = new Rating(Severity.UNKNOWN, "");

    public Rating {
        requireNonNull(severity);
        requireNonNull(source);
    }

    /** The most severe of several; of equals the first. */
    static Rating highest(Collection<Rating> ratings) {
        return ratings.stream().min(Comparator.comparing(Rating::severity)).orElse(UNKNOWN);
    }
}
