package dev.rebootless.kernel;

import java.util.Arrays;
import java.util.Optional;

/**
 * ELF notes (elf(5), "Notes (Nhdr)"): two lengths, a type, a name and data, each padded to four.
 */
final class Notes {
    /** A section of notes larger than this is not looked at; a kernel's has some 500 bytes. */
    static final int MAX_BYTES = 1 << 16;

    private static final int HEADER_BYTES = 12;
    private static final int NT_GNU_BUILD_ID = 3;
    private static final byte[] GNU = {'G', 'N', 'U', 0};

    /** SHA-1, which ld uses, has 20 bytes; the option allows any number. */
    private static final int MAX_ID_BYTES = 64;

    private Notes() {}

    /** The build id in a section of notes; empty when there is none before the first bad note. */
    static Optional<byte[]> buildId(byte[] notes) {
        int at = 0;
        while (notes.length - at >= HEADER_BYTES) {
            long nameLength = Foreign.uint32(notes, at);
            long length = Foreign.uint32(notes, at + 4);
            int type = Foreign.int32(notes, at + 8);
            int name = at + HEADER_BYTES;
            long data = name + align4(nameLength);
            long end = data + align4(length);
            if (data + length > notes.length) {
                return Optional.empty();
            }
            if (type == NT_GNU_BUILD_ID
                    && length > 0
                    && length <= MAX_ID_BYTES
                    && nameLength == GNU.length
                    && Arrays.equals(notes, name, name + GNU.length, GNU, 0, GNU.length)) {
                return Optional.of(Arrays.copyOfRange(notes, (int) data, (int) (data + length)));
            }
            at = (int) Math.min(end, notes.length);
        }
        return Optional.empty();
    }

    private static long align4(long length) {
        return (length + 3) & ~3L;
    }
}
