package dev.rebootless.base;

/**
 * Text for people that may hold foreign words: names and messages of modules, patches, guests and
 * tasks. Every way to a terminal goes through here.
 */
public final class Printable {
    private Printable() {}

    /**
     * The text without control characters (Unicode's category Cc: the C0 and C1 sets and DEL),
     * which could make a terminal show something else than what is there; line ends and tabs stay.
     */
    public static String text(String text) {
        StringBuilder clean = new StringBuilder(text.length());
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            clean.append(Character.isISOControl(c) && c != '\n' && c != '\t' ? '?' : c);
        }
        return clean.toString();
    }
}
