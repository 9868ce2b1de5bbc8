package dev.rebootless.source.kit;

import dev.rebootless.base.RebootlessException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Reads Debian control data (deb822(5)): stanzas of {@code Field: value} lines, parted by empty
 * lines, where a line that starts with a blank continues the value before it. That is what {@code
 * apt-cache show} and {@code dpkg-deb --field} print.
 */
final class ControlStanzas {
    /** {@code apt-cache show} of all kernel images of Debian 12 gives about 150. */
    private static final int MAX_STANZAS = 10_000;

    private static final int MAX_FIELDS = 200;

    /** The longest value in Debian 12, a {@code Provides}, has under 100 kB. */
    private static final int MAX_VALUE = 1 << 20;

    private ControlStanzas() {}

    /**
     * All stanzas in order. Field names are in lower case, since they compare so; values are
     * stripped, and continuation lines are joined with a line end.
     *
     * @param origin where the text came from, for messages
     * @throws RebootlessException {@code RBL-PACKAGE} (exit status 5) when it is no control data
     */
    static List<Map<String, String>> parse(String text, String origin) {
        List<Map<String, String>> stanzas = new ArrayList<>();
        Map<String, StringBuilder> fields = new LinkedHashMap<>();
        StringBuilder value = new StringBuilder();
        int number = 0;
        for (String line : (Iterable<String>) text.lines()::iterator) {
            number++;
            if (line.isBlank()) {
                close(fields, stanzas, origin);
                continue;
            }
            if (line.startsWith("#")) {
                continue;
            }
            if (line.charAt(0) == ' ' || line.charAt(0) == '\t') {
                if (fields.isEmpty()) {
                    throw bad(origin, number, "a continuation line without a field before it");
                }
                value.append('\n');
            } else {
                int colon = line.indexOf(':');
                if (colon <= 0
                        || line.substring(0, colon).chars().anyMatch(c -> c <= ' ' || c > '~')) {
                    throw bad(origin, number, "neither a field, a continuation nor an empty line");
                }
                value = new StringBuilder();
                if (fields.put(line.substring(0, colon).toLowerCase(Locale.ROOT), value) != null) {
                    throw bad(origin, number, "a field that is there twice");
                }
                if (fields.size() > MAX_FIELDS) {
                    throw bad(origin, number, "more than " + MAX_FIELDS + " fields");
                }
                line = line.substring(colon + 1);
            }
            if (value.length() + line.length() > MAX_VALUE) {
                throw bad(origin, number, "a value over " + MAX_VALUE + " characters");
            }
            value.append(line.strip());
        }
        close(fields, stanzas, origin);
        return List.copyOf(stanzas);
    }

    private static void close(
            Map<String, StringBuilder> fields, List<Map<String, String>> stanzas, String origin) {
        if (fields.isEmpty()) {
            return;
        }
        if (stanzas.size() >= MAX_STANZAS) {
            throw bad(origin, 0, "more than " + MAX_STANZAS + " stanzas");
        }
        Map<String, String> stanza = new LinkedHashMap<>();
        fields.forEach((name, value) -> stanza.put(name, value.toString().strip()));
        stanzas.add(Map.copyOf(stanza));
        fields.clear();
    }

    private static RebootlessException bad(String origin, int line, String what) {
        return RebootlessException.environment(
                "RBL-PACKAGE",
                origin + (line > 0 ? ":" + line : ""),
                "is no Debian control data: " + what,
                "fetch the package again, or run `apt-get update` if apt printed it");
    }
}
