package dev.rebootless.elf.x86;

import java.util.Arrays;
import java.util.HexFormat;
import java.util.Objects;

/**
 * The no-operations that the kernel itself writes over code: arch/x86/include/asm/nops.h ({@code
 * x86_nops}), one of each length. Alternatives, ftrace sites, static calls and jump labels use
 * them. Compilers pad with others too; those are {@link Instruction.Kind#NOP} to {@link
 * X86Decoder}.
 */
public final class Nops {
    /** The longest: {@code ASM_NOP_MAX} of kernels from 6.12 on; 6.1 stops at 8. */
    public static final int MAX_LENGTH = 11;

    /**
     * The length of a jump label site that reaches its target by a byte; arch_jump_entry_size() in
     * arch/x86/kernel/jump_label.c knows this and {@link #JUMP_LABEL_NEAR}.
     */
    public static final int JUMP_LABEL_SHORT = 2;

    /** The length of any other jump label site. */
    public static final int JUMP_LABEL_NEAR = 5;

    /** At index n the no-operation of n bytes; the lines are BYTES_NOP1 to BYTES_NOP11. */
    private static final byte[][] KERNEL_NOPS =
            """

            90
            6690
            0F1F00
            0F1F4000
            0F1F440000
            660F1F440000
            0F1F8000000000
            0F1F840000000000
            2E0F1F840000000000
            662E0F1F840000000000
            66662E0F1F840000000000
            """
                    .lines()
                    .map(HexFormat.of()::parseHex)
                    .toArray(byte[][]::new);

    private Nops() {}

    /**
     * Whether exactly these bytes are the kernel's single no-operation of that length.
     *
     * @param length in bytes; false for what is not 1 to {@value #MAX_LENGTH}
     * @throws IndexOutOfBoundsException when the bytes lie outside the array
     */
    public static boolean isNop(byte[] code, int offset, int length) {
        Objects.checkFromIndexSize(offset, length, code.length);
        return length >= 1
                && length <= MAX_LENGTH
                && Arrays.equals(code, offset, offset + length, KERNEL_NOPS[length], 0, length);
    }

    /**
     * Whether these bytes are what a jump label site holds while its branch is not taken: 66 90 or
     * 0F 1F 44 00 00.
     *
     * @throws IndexOutOfBoundsException when the bytes lie outside the array
     */
    public static boolean isJumpLabelNop(byte[] code, int offset, int length) {
        return isNop(code, offset, length)
                && (length == JUMP_LABEL_SHORT || length == JUMP_LABEL_NEAR);
    }
}
