package dev.rebootless.fleet.web;

import java.util.Optional;
import java.util.UUID;
import java.util.regex.Pattern;

/** Texts that came from somewhere. */
public final class Texts {
    private static final Pattern UUID_FORM =
            Pattern.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}");

    private Texts() {}

    /** A UUID in its usual form and no other. */
    public static Optional<UUID> uuid(String text) {
        return UUID_FORM.matcher(text).matches()
                ? Optional.of(UUID.fromString(text))
                : Optional.empty();
    }

    /**
     * A text as it can be kept and shown: without control characters and halves of surrogate pairs,
     * which PostgreSQL does not take, and not longer than it may be.
     */
    public static String kept(String text, int longest) {
        StringBuilder clean = new StringBuilder();
        text.codePoints()
                .limit(longest)
                .forEach(c ->
                        clean.appendCodePoint(
                                Character.isISOControl(c)
                                                || Character.getType(c) == Character.SURROGATE
                                        ? '?'
                                        : c));
        return clean.toString();
    }
}
