package dev.rebootless.source.compile;

import dev.rebootless.source.patch.PatchedFile;
import dev.rebootless.source.patch.PatchedTree;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Where the files that a patch changes define types, told from their text. */
final class TypePlaces {
    private static final Pattern INCLUDE = Pattern.compile("(?m)^\\s*#\\s*include\\b.*$");

    private final PatchedTree patch;

    TypePlaces(PatchedTree patch) {
        this.patch = patch;
    }

    /**
     * File and line of a definition in the unpatched text.
     *
     * @param type such as {@code struct page}, {@code typedef pgd_t}, {@code enumerator NR_X}
     */
    Optional<String> of(String type) {
        Pattern pattern = pattern(type);
        for (PatchedFile file : patch.files().values()) {
            String text = text(file.original());
            Matcher matcher = pattern.matcher(text);
            if (matcher.find()) {
                long line =
                        text.substring(0, matcher.start()).chars().filter(c -> c == '\n').count();
                return Optional.of(file.path() + ":" + (line + 1));
            }
        }
        return Optional.empty();
    }

    private static Pattern pattern(String type) {
        String plain = type.replaceFirst(Declarations.WITHIN + ".*", "");
        String word = Pattern.quote(plain.substring(plain.lastIndexOf(' ') + 1).replace("{", ""));
        String tag = plain.substring(0, Math.max(0, plain.indexOf(' ')));
        return Pattern.compile(
                switch (tag) {
                    case "struct", "union" ->
                            "\\b" + tag + "\\s+(\\w+\\s+)?" + word + "\\s*(\\w+\\s*)?\\{";
                    case "enum" ->
                            plain.contains("{")
                                    ? "\\b" + word + "\\b"
                                    : "\\benum\\s+" + word + "\\s*\\{";
                    default -> "\\b" + word + "\\b";
                });
    }

    /** Whether the patch changes what a file includes. */
    boolean includesDiffer() {
        return patch.files().values().stream()
                .anyMatch(f -> !includes(f.original()).equals(includes(f.patched())));
    }

    private static List<String> includes(byte[] file) {
        return INCLUDE.matcher(text(file)).results().map(r -> r.group().strip()).toList();
    }

    private static String text(byte[] file) {
        return new String(file, StandardCharsets.ISO_8859_1);
    }
}
