package dev.rebootless.diff;

import dev.rebootless.elf.ElfSection;
import java.nio.charset.StandardCharsets;

/** Zero-terminated strings in sections, of characters of one byte or (wide strings) more. */
final class Strings {
    private Strings() {}

    /**
     * The string from an offset to its end, without the zero; empty when the offset lies outside.
     */
    static String at(ElfSection section, long offset) {
        int from = (int) Math.max(0, Math.min(offset, section.size()));
        return new String(
                section.content(), from, end(section, from) - from, StandardCharsets.ISO_8859_1);
    }

    /**
     * The offset of the zero character that ends the string around an offset, or the section's end.
     */
    static int end(ElfSection section, long offset) {
        int width = (int) Math.max(1, section.entrySize());
        byte[] content = section.content();
        for (int at = (int) offset; at + width <= content.length; at += width) {
            boolean zero = true;
            for (int i = 0; i < width; i++) {
                zero &= content[at + i] == 0;
            }
            if (zero) {
                return at;
            }
        }
        return content.length;
    }

    /** The offset at which the string around an offset begins. */
    static int start(ElfSection section, long offset) {
        int width = (int) Math.max(1, section.entrySize());
        byte[] content = section.content();
        int at = (int) offset;
        while (at - width >= 0) {
            boolean zero = true;
            for (int i = 0; i < width; i++) {
                zero &= content[at - width + i] == 0;
            }
            if (zero) {
                return at;
            }
            at -= width;
        }
        return at;
    }
}
