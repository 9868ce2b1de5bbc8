package dev.rebootless.cve;

import java.util.Locale;
import java.util.Optional;

/**
 * How bad a vulnerability is, most severe first: the bands of CVSS 3.1 (specification, 5
 * "Qualitative Severity Rating Scale"; CVSS 4.0 has the same) under the names that distributors
 * use.
 */
public enum Severity {
    CRITICAL,
    IMPORTANT,
    MODERATE,
    LOW,
    /** No feed says. */
    UNKNOWN;

    /** The band of a base score, from 0 to 10; empty for what is no score. */
    public static Optional<Severity> ofScore(double score) {
        if (!(score >= 0 && score <= 10)) {
            return Optional.empty();
        }
        return Optional.of(
                score >= 9.0 ? CRITICAL : score >= 7.0 ? IMPORTANT : score >= 4.0 ? MODERATE : LOW);
    }

    /** As reports and JSON write it. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** The severity of a word; empty when it is none. */
    public static Optional<Severity> of(String word) {
        for (Severity severity : values()) {
            if (severity.word().equals(word)) {
                return Optional.of(severity);
            }
        }
        return Optional.empty();
    }

    /** Whether it is this or worse; {@link #UNKNOWN} is neither. */
    public boolean atLeast(Severity least) {
        return this != UNKNOWN && compareTo(least) <= 0;
    }
}
