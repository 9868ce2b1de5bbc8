package dev.rebootless.fleet.rollout;

/** What a person may do; each role may do what those before it may. */
public enum Role {
    /** May look. */
    VIEWER,
    /** May pause, resume what was paused, abort. */
    OPERATOR,
    /** May resume what was halted, and have a livepatch taken out. */
    APPROVER,
    /** May do everything. */
    ADMINISTRATOR;

    /** Whether this role may do what needs another one. */
    public boolean covers(Role needed) {
        return compareTo(needed) >= 0;
    }
}
