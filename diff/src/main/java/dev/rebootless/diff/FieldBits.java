package dev.rebootless.diff;

import java.nio.ByteOrder;

/**
 * Which bits of the content a relocation, or another field without meaning for a comparison, fills.
 * On machines with instructions of one size these are some bits of an instruction, not whole bytes.
 *
 * @param size of the integer that holds the bits, in bytes, 0 to 8
 * @param mask the bits, in the integer as read in the object's byte order
 */
record FieldBits(int size, long mask) {
    /** A field of whole bytes. */
    static FieldBits bytes(int size) {
        return new FieldBits(size, -1);
    }

    /** Some bits of a word of four bytes. */
    static FieldBits word(long mask) {
        return new FieldBits(4, mask);
    }

    /**
     * Sets the bits to zero. What lies beyond the end of the array is left out.
     *
     * @param at offset of the integer in the array
     */
    void clear(byte[] bytes, int at, ByteOrder order) {
        for (int i = 0; i < size && at + i < bytes.length; i++) {
            int shift = 8 * (order == ByteOrder.LITTLE_ENDIAN ? i : size - 1 - i);
            bytes[at + i] &= (byte) ~(mask >>> shift);
        }
    }
}
