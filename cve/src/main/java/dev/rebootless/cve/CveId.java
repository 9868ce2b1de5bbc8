package dev.rebootless.cve;

import dev.rebootless.base.RebootlessException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The id of a vulnerability, {@code CVE-YEAR-NUMBER} (CVE Numbering Authority rules: four digits at
 * least, 19 at most as the CVE record format 5 has it). Sorted by year and number.
 */
public record CveId(String text) implements Comparable<CveId> {
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

    private int year() {
        return Integer.parseInt(text.substring(4, 8));
    }

    private String number() {
        return text.substring(9).replaceFirst("^0+(?=.)", "");
    }

    @Override
    public int compareTo(CveId other) {
        return Comparator.comparingInt(CveId::year)
                .thenComparingInt(id -> id.number().length())
                .thenComparing(CveId::number)
                .thenComparing(CveId::text)
                .compare(this, other);
    }

    @Override
    public String toString() {
        return text;
    }
}
