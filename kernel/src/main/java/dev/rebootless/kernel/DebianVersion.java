package dev.rebootless.kernel;

import dev.rebootless.base.RebootlessException;

/**
 * A Debian package version, {@code [epoch:]upstream[-revision]}, in the order of Debian Policy
 * 5.6.12 (which {@code dpkg --compare-versions} implements). Two spellings can be equal in that
 * order and still be different texts, such as {@code 1.0} and {@code 1.00}.
 *
 * @param text as packages write it, at most {@value #MAX_LENGTH} characters of those the policy
 *     allows
 */
public record DebianVersion(String text) implements Comparable<DebianVersion> {
    /** Far above any real one; the longest in Debian 12 has under 70 characters. */
    public static final int MAX_LENGTH = 256;

    public DebianVersion {
        if (text.isEmpty()
                || text.length() > MAX_LENGTH
                || !text.chars().allMatch(c -> allowed((char) c))) {
            throw RebootlessException.usage(
                    "RBL-PACKAGE-VERSION",
                    shown(text),
                    "is no Debian package version",
                    "give it as `apt-cache policy` prints it, such as 6.1.170-3");
        }
    }

    private static boolean allowed(char c) {
        return digit(c) || letter(c) || ".+-:~".indexOf(c) >= 0;
    }

    private static boolean digit(char c) {
        return c >= '0' && c <= '9';
    }

    private static boolean letter(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    }

    private static String shown(String text) {
        return text.length() <= MAX_LENGTH ? text : text.substring(0, MAX_LENGTH) + "…";
    }

    @Override
    public int compareTo(DebianVersion other) {
        int byEpoch = comparePart(epoch(), other.epoch());
        if (byEpoch != 0) {
            return byEpoch;
        }
        int byUpstream = comparePart(upstream(), other.upstream());
        return byUpstream != 0 ? byUpstream : comparePart(revision(), other.revision());
    }

    private String epoch() {
        int colon = text.indexOf(':');
        return colon < 0 ? "0" : text.substring(0, colon);
    }

    private String withoutEpoch() {
        return text.substring(text.indexOf(':') + 1);
    }

    private String upstream() {
        String rest = withoutEpoch();
        int hyphen = rest.lastIndexOf('-');
        return hyphen < 0 ? rest : rest.substring(0, hyphen);
    }

    private String revision() {
        String rest = withoutEpoch();
        int hyphen = rest.lastIndexOf('-');
        return hyphen < 0 ? "" : rest.substring(hyphen + 1);
    }

    /** Compares runs of non-digits and runs of digits in turn, as the policy describes it. */
    private static int comparePart(String a, String b) {
        int i = 0;
        int j = 0;
        while (i < a.length() || j < b.length()) {
            while ((i < a.length() && !digit(a.charAt(i)))
                    || (j < b.length() && !digit(b.charAt(j)))) {
                int byCharacter = Integer.compare(weight(a, i), weight(b, j));
                if (byCharacter != 0) {
                    return byCharacter;
                }
                i++;
                j++;
            }
            int endA = endOfDigits(a, i);
            int endB = endOfDigits(b, j);
            int byNumber = compareNumbers(a.substring(i, endA), b.substring(j, endB));
            if (byNumber != 0) {
                return byNumber;
            }
            i = endA;
            j = endB;
        }
        return 0;
    }

    /** Tilde sorts before the end of a part, letters before all other characters. */
    private static int weight(String part, int index) {
        if (index >= part.length() || digit(part.charAt(index))) {
            return 0;
        }
        char c = part.charAt(index);
        if (c == '~') {
            return -1;
        }
        return letter(c) ? c : c + 256;
    }

    private static int endOfDigits(String part, int from) {
        int end = from;
        while (end < part.length() && digit(part.charAt(end))) {
            end++;
        }
        return Math.max(end, Math.min(from, part.length()));
    }

    /** By value and of any length: a hostile version must not overflow. */
    private static int compareNumbers(String a, String b) {
        String x = a.replaceFirst("^0+", "");
        String y = b.replaceFirst("^0+", "");
        int byLength = Integer.compare(x.length(), y.length());
        return byLength != 0 ? byLength : x.compareTo(y);
    }

    @Override
    public String toString() {
        return text;
    }
}
