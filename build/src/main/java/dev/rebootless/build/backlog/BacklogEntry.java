package dev.rebootless.build.backlog;

import dev.rebootless.build.exposure.CveRow;
import java.util.Optional;

/**
 * A CVE in a backlog's report.
 *
 * @param outcome of its fix by itself; empty where nothing was tried
 * @param why in plain words: what closes it, why it is not closed, or what is not known
 * @param held why a fix that can be built is not in the livepatch; empty for all others, and where
 *     no livepatch was asked for
 */
public record BacklogEntry(
        CveRow row, State state, Optional<Outcome> outcome, String why, Optional<Held> held) {
    /** One of which no fix is held. */
    BacklogEntry(CveRow row, State state, Optional<Outcome> outcome, String why) {
        this(row, state, outcome, why, Optional.empty());
    }

    /** What a backlog does for a CVE. */
    public enum State {
        /** In the livepatch, and nothing is left to a reviewer. */
        CLOSED("closed", true),
        /** In the livepatch; a reviewer should look at the fix. */
        CLOSED_UNREVIEWED("closed-unreviewed", true),
        /** This kernel's compiled code is already what the fix would make of it. */
        NOT_AFFECTED("not-affected", true),
        /** A livepatch could be made, and was left out of this one. */
        LEFT_OUT("left-out", false),
        /** No livepatch can be made. */
        REFUSED("refused", false),
        /** Where its fix is is not known. */
        UNKNOWN("unknown", false),
        /** Not asked for. */
        NOT_SELECTED("not-selected", false),
        /** In modules that are not loaded. */
        NOT_LOADED("not-loaded", true),
        /** This kernel has none of the code. */
        NOT_BUILT("not-built", true);

        private final String word;
        private final boolean done;

        State(String word, boolean done) {
            this.word = word;
            this.done = done;
        }

        /** As reports and JSON write it. */
        public String word() {
            return word;
        }

        /** Whether it gives no reason to reboot. */
        public boolean isDone() {
            return done;
        }
    }
}
