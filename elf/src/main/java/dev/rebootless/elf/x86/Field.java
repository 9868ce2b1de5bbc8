package dev.rebootless.elf.x86;

/**
 * Some neighbouring bytes of an instruction that hold one little-endian number.
 *
 * @param offset of the first byte, counted from the start of the code array (not of the
 *     instruction), so that it compares directly with relocation offsets; 0 when absent
 * @param size in bytes: 1, 2, 4 or 8; 0 when the instruction has no such field
 */
public record Field(int offset, int size) {
    /** What an instruction without such a field has. */
    public static final Field NONE = new Field(0, 0);

    public boolean isPresent() {
        return size != 0;
    }

    /** The offset of the first byte after the field. */
    public int end() {
        return offset + size;
    }

    /**
     * Whether the byte at this offset of the code array belongs to the field; never for {@link
     * #NONE}.
     */
    public boolean contains(int codeOffset) {
        return codeOffset >= offset && codeOffset < end();
    }

    /**
     * The number that stands there, sign-extended to 64 bits; 0 for {@link #NONE}.
     *
     * @param code the array that the instruction was decoded from
     */
    public long signedValue(byte[] code) {
        if (size == 0) {
            return 0;
        }
        long value = code[end() - 1];
        for (int i = size - 2; i >= 0; i--) {
            value = value << 8 | (code[offset + i] & 0xFF);
        }
        return value;
    }
}
