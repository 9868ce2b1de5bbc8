package dev.rebootless.lab;

/** What a livepatch does to those that were loaded before it (klp_patch's {@code replace}). */
public enum Takeover {
    /** It takes over from all of them: they are no longer in force, and their modules can go. */
    REPLACES,
    /** They stay in force below it. */
    STACKS,
    /** Not known; but it does the same to all of them. */
    UNKNOWN
}
