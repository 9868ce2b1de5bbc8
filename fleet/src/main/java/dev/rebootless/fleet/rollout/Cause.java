package dev.rebootless.fleet.rollout;

/** What went wrong. */
public enum Cause {
    FAILURES(HostStanding.FAILED, "failed"),
    OOPSES(HostStanding.OOPSED, "had an oops"),
    SILENT(HostStanding.SILENT, "went silent");

    private final HostStanding standing;
    private final String words;

    Cause(HostStanding standing, String words) {
        this.standing = standing;
        this.words = words;
    }

    /** The standing of the hosts on which it did. */
    public HostStanding standing() {
        return standing;
    }

    /** What such hosts did, in words. */
    public String words() {
        return words;
    }
}
