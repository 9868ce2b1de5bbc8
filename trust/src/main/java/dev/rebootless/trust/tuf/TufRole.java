package dev.rebootless.trust.tuf;

import java.util.Locale;

/** The roles of the top level (specification, section 2.1). */
public enum TufRole {
    /** Says who may sign for each of the others; its keys are kept away from any network. */
    ROOT,
    /** Says which files there are, and to whom some of them are left. */
    TARGETS,
    /** Says which versions of all metadata belong together. */
    SNAPSHOT,
    /** Says which snapshot is the newest, for a short time. */
    TIMESTAMP;

    /** As it stands in metadata. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    static boolean isTopLevel(String name) {
        for (TufRole role : values()) {
            if (role.word().equals(name)) {
                return true;
            }
        }
        return false;
    }
}
