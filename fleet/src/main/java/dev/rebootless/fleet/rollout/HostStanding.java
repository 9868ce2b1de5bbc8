package dev.rebootless.fleet.rollout;

/**
 * How a host stands in a rollout. Every host that the livepatch is for has exactly one of these
 * ({@link HostProgress#standing}).
 */
public enum HostStanding {
    /** It has not acted yet, and reports. */
    WAITING,
    /** It has not acted yet, and is not heard of. */
    OFFLINE,
    /** It refused by itself, before it touched anything; it may try again. */
    REFUSED,
    /** It was allowed to load, and its limit has not passed. */
    IN_TRANSITION,
    /** The livepatch is in force. */
    DONE,
    /**
     * The livepatch was in force for the whole soak time; later the host was not heard of any more.
     */
    AWAY,
    /**
     * An attempt failed, or had no outcome in time, or the machine booted again while it soaked.
     */
    FAILED,
    /** The livepatch was in force, and the host took it out again because of an oops. */
    OOPSED,
    /** The livepatch was in force, and before its soak time was over the host was not heard of. */
    SILENT,
    /** It was told to take the livepatch out, and its limit has not passed. */
    REVERSING,
    /** It has taken the livepatch out, as it was told to. */
    REVERSED;

    /** Whether it is known how the livepatch did on the host. */
    public boolean hasActed() {
        return switch (this) {
            case WAITING, OFFLINE, REFUSED, IN_TRANSITION -> false;
            case DONE, AWAY, FAILED, OOPSED, SILENT, REVERSING, REVERSED -> true;
        };
    }

    /** Whether its kernel may be between the old code and the new. */
    public boolean isInTransition() {
        return this == IN_TRANSITION || this == REVERSING;
    }

    /**
     * Whether it may load when it asks. What failed is for a person to look at; what was told to
     * take the livepatch out is not to load it again. Who has it does not ask: whoever was done and
     * asks again has booted without it, after its soak time.
     */
    public boolean mayLoad() {
        return switch (this) {
            case WAITING, OFFLINE, REFUSED, IN_TRANSITION, DONE, AWAY -> true;
            case FAILED, OOPSED, SILENT, REVERSING, REVERSED -> false;
        };
    }
}
