package dev.rebootless.fleet.store;

import java.util.Optional;

/**
 * Which systems are asked for; what is empty is not filtered by.
 *
 * @param hostname how it begins
 * @param livepatch name of one that is in force
 * @param cve id, with state
 * @param state of that CVE
 */
public record SystemFilter(
        Optional<String> ring,
        Optional<String> tag,
        Optional<String> os,
        Optional<String> release,
        Optional<String> buildId,
        Optional<String> livepatch,
        Optional<Boolean> rebootRequired,
        Optional<Boolean> silent,
        Optional<String> hostname,
        Optional<String> cve,
        Optional<CveQuestion> state) {
    /** What is asked of a CVE on a system. */
    public enum CveQuestion {
        /** The kernel has it, and nothing on the system closes it. */
        OPEN,
        CLOSED,
        CLOSED_UNREVIEWED,
        PARTLY,
        PENDING,
        REFUSED,
        UNKNOWN;

        /** As JSON has it. */
        public String word() {
            return name().toLowerCase(java.util.Locale.ROOT).replace('_', '-');
        }

        /** That of a word. */
        public static Optional<CveQuestion> of(String word) {
            for (CveQuestion question : values()) {
                if (question.word().equals(word)) {
                    return Optional.of(question);
                }
            }
            return Optional.empty();
        }
    }

    /** Whether classes are filtered by at all. */
    boolean hasClassFilter() {
        return ring.isPresent()
                || tag.isPresent()
                || os.isPresent()
                || release.isPresent()
                || buildId.isPresent()
                || livepatch.isPresent()
                || rebootRequired.isPresent()
                || cve.isPresent();
    }
}
