package dev.rebootless.diff;

import dev.rebootless.elf.ElfSection;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Set;

/** What machines with instructions of four bytes have in common. */
final class Words {
    private Words() {}

    /** Some bits of a word as a number with sign. */
    static long signed(int word, int lowest, int bits) {
        return (word << (32 - lowest - bits)) >> (32 - bits);
    }

    /**
     * Whether there is nothing but certain words, and zeroes where no whole word is.
     *
     * @param words what may be there
     */
    static boolean areOnly(
            ElfSection section, ByteOrder order, long from, long to, Set<Integer> words) {
        ByteBuffer code = section.buffer(order);
        long at = from;
        while (at < to) {
            if (at % 4 == 0 && at + 4 <= to) {
                if (!words.contains(code.getInt((int) at))) {
                    return false;
                }
                at += 4;
            } else if (code.get((int) at++) != 0) {
                return false;
            }
        }
        return true;
    }
}
