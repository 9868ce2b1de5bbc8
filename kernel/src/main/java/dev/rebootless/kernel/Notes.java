package dev.rebootless.kernel;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Optional;

/**
 * ELF notes (elf(5), "Notes (Nhdr)"): two lengths, a type, a name and data, each padded to four.
 */
public final class Notes {
    /** A section of notes larger than this is not looked at; a kernel's has some 500 bytes. */
    static final int MAX_BYTES = 1 << 16;

    private static final int HEADER_BYTES = 12;
    private static final int NT_GNU_BUILD_ID = 3;
    private static final String GNU = "GNU";

    /** SHA-1, which ld uses, has 20 bytes; the option allows any number. */
    private static final int MAX_ID_BYTES = 64;

    private Notes() {}

    /**
     * The build id in a section of notes, in lower-case hexadecimal digits; empty when there is
     * none before the first bad note.
     */
    public static Optional<String> buildId(byte[] notes) {
        return find(notes, GNU, NT_GNU_BUILD_ID)
                .filter(id -> id.length > 0 && id.length <= MAX_ID_BYTES)
                .map(id -> HexFormat.of().formatHex(id));
    }

    /**
     * What the first note of an owner and a type holds; empty when there is none before the first
     * bad note.
     *
     * @param owner in ASCII
     */
    public static Optional<byte[]> find(byte[] notes, String owner, int type) {
        byte[] wanted = (owner + "\0").getBytes(StandardCharsets.US_ASCII);
        int at = 0;
        while (notes.length - at >= HEADER_BYTES) {
            long nameLength = Foreign.uint32(notes, at);
            long length = Foreign.uint32(notes, at + 4);
            int found = Foreign.int32(notes, at + 8);
            int name = at + HEADER_BYTES;
            long data = name + align4(nameLength);
            long end = data + align4(length);
            if (data + length > notes.length) {
                return Optional.empty();
            }
            if (found == type
                    && nameLength == wanted.length
                    && Arrays.equals(notes, name, name + wanted.length, wanted, 0, wanted.length)) {
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
