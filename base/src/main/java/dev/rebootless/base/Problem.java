package dev.rebootless.base;

/**
 * One thing that stands in the way, said so that a person can act on it.
 *
 * @param code stable and searchable, such as {@code RBL-DATA-CHANGED}; never reused for something
 *     else
 * @param place what it is about: a symbol, {@code file:line}, a package, an option; may be empty
 * @param message what is the matter, one sentence or more, without the remedy
 * @param remedy what the reader can do about it; never empty
 */
public record Problem(String code, String place, String message, String remedy) {
    public Problem {
        if (!code.startsWith("RBL-")) {
            throw new IllegalArgumentException("problem codes start with RBL-: " + code);
        }
        if (remedy.isBlank()) {
            throw new IllegalArgumentException("a problem without a remedy: " + code);
        }
    }

    /** The problem as people read it on standard error, two lines. */
    public String text() {
        String where = place.isEmpty() ? "" : place + ": ";
        return code + ": " + where + message + "\n  what to do: " + remedy;
    }
}
