package dev.rebootless.host.agent;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/**
 * Paragraphs of fields (deb822(5)), as dpkg and apt keep their lists: a line {@code Name: value}
 * for each field, an empty line after each paragraph. Read in pieces, for apt's lists have some 50
 * MB; of each paragraph only the fields that are wanted are kept.
 */
final class ControlFile {
    /** Far above the lists of all suites of Debian together. */
    static final long MAX_BYTES = 1L << 30;

    /** The fields that are wanted are names and versions; a longer line is none of them. */
    private static final int MAX_LINE = 1024;

    private ControlFile() {}

    /** What is done with a paragraph. */
    @FunctionalInterface
    interface Reader {
        /**
         * @param fields the wanted ones that it has
         * @return whether to go on
         */
        boolean paragraph(Map<String, String> fields) throws IOException;
    }

    /**
     * Reads to the end, or until the reader has enough.
     *
     * @throws IOException also when there are more bytes than any such file has
     */
    static void read(InputStream in, Set<String> wanted, Reader reader) throws IOException {
        byte[] buffer = new byte[1 << 16];
        byte[] line = new byte[MAX_LINE];
        int length = 0;
        long total = 0;
        Map<String, String> fields = new HashMap<>();
        for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
            total += n;
            if (total > MAX_BYTES) {
                throw new IOException("has more than " + MAX_BYTES + " bytes");
            }
            for (int i = 0; i < n; i++) {
                byte b = buffer[i];
                if (b != '\n') {
                    if (length < MAX_LINE) {
                        line[length] = b;
                    }
                    length++;
                } else if (length > 0) {
                    field(line, length, wanted, fields);
                    length = 0;
                } else if (!fields.isEmpty()) {
                    if (!reader.paragraph(fields)) {
                        return;
                    }
                    fields.clear();
                }
            }
        }
        field(line, length, wanted, fields);
        if (!fields.isEmpty()) {
            boolean _ = reader.paragraph(fields);
        }
    }

    private static void field(
            byte[] line, int length, Set<String> wanted, Map<String, String> fields) {
        // Most lines go on with the field before, or are of the long ones.
        if (length == 0 || length > MAX_LINE || line[0] == ' ' || line[0] == '\t') {
            return;
        }
        int colon = 0;
        while (colon < length && line[colon] != ':') {
            colon++;
        }
        if (colon == length) {
            return;
        }
        String name = new String(line, 0, colon, StandardCharsets.UTF_8);
        if (wanted.contains(name)) {
            fields.putIfAbsent(
                    name,
                    new String(line, colon + 1, length - colon - 1, StandardCharsets.UTF_8)
                            .strip());
        }
    }
}
