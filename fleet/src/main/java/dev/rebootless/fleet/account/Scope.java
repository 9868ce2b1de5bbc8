package dev.rebootless.fleet.account;

import java.util.Locale;
import java.util.Optional;

/** What a token may be used for; the role of its account must allow it as well. */
public enum Scope {
    /** Reads the state of the fleet. */
    READ,
    /** Makes enrolment tokens. */
    ENROL,
    /** Changes hosts, and what is told of kernels. */
    OPERATE,
    /** Approves. */
    APPROVE,
    /** Accounts, tokens, the audit log. */
    ADMINISTER,
    /** Reads metrics. */
    METRICS;

    /** As JSON has it. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** That of a word. */
    public static Optional<Scope> of(String word) {
        for (Scope scope : values()) {
            if (scope.word().equals(word)) {
                return Optional.of(scope);
            }
        }
        return Optional.empty();
    }
}
