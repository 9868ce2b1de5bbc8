package dev.rebootless.trust.tuf;

import java.util.regex.Pattern;

/**
 * The paths of targets. They become paths of files and addresses, so nothing but plain names
 * between slashes is one.
 */
public final class TargetPath {
    private static final Pattern PART = Pattern.compile("[A-Za-z0-9_+~][A-Za-z0-9._+~-]{0,199}");
    private static final Pattern PATTERN_PART =
            Pattern.compile("[A-Za-z0-9_+~*?][A-Za-z0-9._+~*?-]{0,199}");
    private static final int MAX_LENGTH = 500;

    private TargetPath() {}

    /**
     * Makes sure that something is one.
     *
     * @throws TufFault {@code RBL-TUF-FORMAT}
     */
    public static void require(String path) {
        requireParts(path, PART);
    }

    /**
     * Where the repository has a target's bytes (specification, section 6.2, consistent snapshots).
     */
    public static String file(String path, FileFacts facts) {
        require(path);
        int slash = path.lastIndexOf('/') + 1;
        return "targets/" + path.substring(0, slash) + facts.sha256() + "." + path.substring(slash);
    }

    static void requirePattern(String pattern) {
        requireParts(pattern, PATTERN_PART);
    }

    private static void requireParts(String path, Pattern part) {
        boolean fits = path.length() <= MAX_LENGTH;
        for (String each : path.split("/", -1)) {
            fits &= part.matcher(each).matches();
        }
        if (!fits) {
            throw TufFault.Attack.MALFORMED.of(
                    "targets",
                    "\"" + dev.rebootless.base.Printable.text(path) + "\" is no path of a target");
        }
    }

    /** As a shell matches paths, part by part. */
    static boolean matches(String pattern, String path) {
        String[] patterns = pattern.split("/", -1);
        String[] parts = path.split("/", -1);
        if (patterns.length != parts.length) {
            return false;
        }
        for (int i = 0; i < parts.length; i++) {
            if (!partMatches(patterns[i], parts[i])) {
                return false;
            }
        }
        return true;
    }

    /** Without backtracking: what came after the last star is tried one place further. */
    private static boolean partMatches(String pattern, String part) {
        int p = 0;
        int star = -1;
        int restart = 0;
        int at = 0;
        while (at < part.length()) {
            char wanted = p < pattern.length() ? pattern.charAt(p) : 0;
            if (wanted == '*') {
                star = p++;
                restart = at;
            } else if (wanted == '?' || (wanted != 0 && wanted == part.charAt(at))) {
                p++;
                at++;
            } else if (star >= 0) {
                p = star + 1;
                at = ++restart;
            } else {
                return false;
            }
        }
        while (p < pattern.length() && pattern.charAt(p) == '*') {
            p++;
        }
        return p == pattern.length();
    }
}
