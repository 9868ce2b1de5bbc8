package dev.rebootless.cve;

import dev.rebootless.base.RebootlessException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The id of a vulnerability, {@code CVE-YEAR-NUMBER} (CVE Numbering Authority rules: four digits at
 * least, 19 at most as the CVE record format 5 has it). Sorted by year and number.
 */
public record CveId(String text) implements Comparable<CveId> {
    /** Where the number stands. */
    private static final int NUMBER = "CVE-2026-".length();

    private static final String FORM = "CVE-([0-9]{4})-([0-9]{4,19})";
    private static final Pattern WHOLE = Pattern.compile(FORM);
    private static final Pattern WITHIN = Pattern.compile("(?<![A-Za-z0-9-])" + FORM + "(?![0-9])");

    public CveId {
        if (!WHOLE.matcher(text).matches()) {
            throw RebootlessException.usage(
                    "RBL-CVE-ID",
                    text.length() > 40 ? text.substring(0, 40) + "…" : text,
                    "is no CVE id",
                    "give it as CVE-YEAR-NUMBER");
        }
    }

    /** The id that a whole text is; empty when it is none. */
    public static Optional<CveId> of(String text) {
        return WHOLE.matcher(text).matches() ? Optional.of(new CveId(text)) : Optional.empty();
    }

    /** All ids that stand in a text, in order. */
    public static List<CveId> allIn(String text) {
        List<CveId> found = new ArrayList<>();
        Matcher matcher = WITHIN.matcher(text);
        while (matcher.find()) {
            found.add(new CveId(matcher.group()));
        }
        return List.copyOf(found);
    }

    /** Sorted thousands of times: no part of it is cut out or parsed. */
    @Override
    public int compareTo(CveId other) {
        int from = significant(text);
        int otherFrom = significant(other.text);
        int years = text.substring(0, NUMBER).compareTo(other.text.substring(0, NUMBER));
        int lengths = Integer.compare(text.length() - from, other.text.length() - otherFrom);
        if (years != 0 || lengths != 0) {
            return years != 0 ? years : lengths;
        }
        for (int i = 0; from + i < text.length(); i++) {
            int digits = Character.compare(text.charAt(from + i), other.text.charAt(otherFrom + i));
            if (digits != 0) {
                return digits;
            }
        }
        return text.compareTo(other.text);
    }

    /** Where the number begins, without zeros before it. */
    private static int significant(String text) {
        int at = NUMBER;
        while (at + 1 < text.length() && text.charAt(at) == '0') {
            at++;
        }
        return at;
    }

    @Override
    public String toString() {
        return text;
    }
}
