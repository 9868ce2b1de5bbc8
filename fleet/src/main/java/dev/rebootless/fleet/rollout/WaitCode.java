package dev.rebootless.fleet.rollout;

/** Why a host may not act now. */
public enum WaitCode {
    /** The plan has no such ring. */
    NO_SUCH_RING,
    /** The ring's turn has not come. */
    NOT_THIS_RING,
    /** No maintenance window is open, or not for long enough. */
    OUTSIDE_WINDOW,
    /** As many hosts as may be are in transition. */
    TOO_MANY_IN_TRANSITION,
    /** A person has paused the rollout. */
    PAUSED,
    /** Too much went wrong. */
    HALTED,
    /** No signature allows that the livepatch is taken out now. */
    NOT_REVERSIBLE,
    /** The rollout is over. */
    OVER
}
