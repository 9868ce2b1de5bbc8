package dev.rebootless.host.agent;

import java.util.Locale;
import java.util.regex.Pattern;

/**
 * Something that changes the running kernel's livepatches.
 *
 * @param livepatch the module's name
 * @param sha256 of its bytes, in hexadecimal
 */
record Step(Action action, String livepatch, String sha256) {
    static final Pattern ACTION = Pattern.compile("load|unload|reverse");
    static final Pattern MODULE = Pattern.compile("[A-Za-z0-9_]{1,55}");

    /** What is done. */
    enum Action {
        LOAD,
        /** As the state says. */
        UNLOAD,
        /** As the server says, where the state allows that. */
        REVERSE;

        /** As it stands in messages. */
        String word() {
            return name().toLowerCase(Locale.ROOT);
        }

        static Action of(String word) {
            return valueOf(word.toUpperCase(Locale.ROOT));
        }
    }

    /** For people. */
    String text() {
        return action.word() + " " + livepatch;
    }
}
