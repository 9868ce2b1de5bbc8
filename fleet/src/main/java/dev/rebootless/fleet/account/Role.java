package dev.rebootless.fleet.account;

import java.util.Locale;
import java.util.Optional;

/** What an account may do at most; each may do what those before it may. */
public enum Role {
    /** Looks. */
    VIEWER,
    /** Enrols hosts, moves them between rings, proposes. */
    OPERATOR,
    /** Decides what operators propose. */
    APPROVER,
    /** Makes accounts, removes hosts. */
    ADMINISTRATOR;

    /** As JSON has it. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** That of a word. */
    public static Optional<Role> of(String word) {
        for (Role role : values()) {
            if (role.word().equals(word)) {
                return Optional.of(role);
            }
        }
        return Optional.empty();
    }

    /** Whether it may do what another role may. */
    public boolean covers(Role needed) {
        return compareTo(needed) >= 0;
    }
}
