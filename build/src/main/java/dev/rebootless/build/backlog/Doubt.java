package dev.rebootless.build.backlog;

import java.util.Set;

/** Why a fix that can be built is not taken into a livepatch unless a person decides so. */
public enum Doubt {
    /** Where such a thread runs, the whole livepatch does not come into force. */
    KERNEL_THREAD(
            "it replaces the main function of a kernel thread, which never leaves it: where there is such a thread, a"
                    + " livepatch with it does not come into force, and the other fixes neither"),
    /** It is not local. */
    ACROSS_THE_SWITCH(
            "it changes locks, references, types or signatures that code of before the switch shares with the new"),
    /** Half of a fix may be worse than none. */
    NARROWED("not all that may be part of the fix is taken"),
    /** A title names one file of a fix that may be in several. */
    FILES_FROM_TITLE(
            "its files are known from its title only, and it may change others as well: a feed that lists its files, or the"
                    + " fix itself (--patch ID=FILE), settles that");

    /** What whoever takes in unreviewed fixes takes on; the other wants a yes to this one fix. */
    public static final Set<Doubt> UNREVIEWED =
            Set.of(ACROSS_THE_SWITCH, NARROWED, FILES_FROM_TITLE);

    private final String words;

    Doubt(String words) {
        this.words = words;
    }

    /** For people: a sentence about the fix without its full stop. */
    public String words() {
        return words;
    }
}
