package dev.rebootless.diff;

/** What became of two objects: the {@code verdict} of {@code diff --json}. */
public enum Verdict {
    CHANGED,
    UNCHANGED,
    REFUSED;

    /** The word of the contract. */
    public String word() {
        return switch (this) {
            case CHANGED -> "changed";
            case UNCHANGED -> "unchanged";
            case REFUSED -> "refused";
        };
    }
}
