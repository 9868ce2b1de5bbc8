package dev.rebootless.cve;

/** Why a feed, or a part of one, cannot be read. */
final class FeedFault extends Exception {
    private static final long serialVersionUID = 1L;
    private static final int SHOWN_CHARS = 120;

    /**
     * @param message what it is instead of what it should be
     */
    FeedFault(String message) {
        super(message);
    }

    static String shortened(String text) {
        return text.length() > SHOWN_CHARS ? text.substring(0, SHOWN_CHARS) + "…" : text;
    }
}
