package dev.rebootless.elf.x86;

import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * One decoded instruction. All offsets count from the start of the code array that was decoded.
 *
 * @param offset of the first byte, prefixes included
 * @param length in bytes, 1 to {@value X86Decoder#MAX_LENGTH}; 1 when the kind is {@link
 *     Kind#UNKNOWN}
 * @param kind what a comparison has to know of it
 * @param map the map that {@code opcode} belongs to
 * @param opcode the opcode byte proper, 0 to 255, after all prefixes and escape bytes
 * @param displacement the displacement of a memory operand, the distance of a relative branch, or
 *     the absolute address of a {@code mov} with the opcodes A0 to A3 (then 8 bytes, or 4 with an
 *     address-size prefix)
 * @param immediate the immediate operand; of ENTER's two the first; of EXTRQ's and INSERTQ's two
 *     bytes both, as one field of 2
 * @param ripRelative whether the displacement counts from the end of this instruction (ModRM with
 *     mod=00 and rm=101, SDM volume 2, section 2.2.1.6)
 * @param register 0 (rax) to 15 (r15), for {@link Kind#MOV_IMMEDIATE_TO_REGISTER} and {@link
 *     Kind#LEA} the register that is written
 * @param target the offset that a relative branch goes to: end plus signed distance; it may lie
 *     outside the code and be negative. In a relocatable object it has a meaning only where no
 *     relocation covers {@code displacement}
 */
public record Instruction(
        int offset,
        int length,
        Kind kind,
        OpcodeMap map,
        int opcode,
        Field displacement,
        Field immediate,
        boolean ripRelative,
        OptionalInt register,
        OptionalLong target) {

    /** The kinds of instruction that a comparison of object code tells apart. */
    public enum Kind {
        /** {@code call} with a distance (E8). */
        CALL_RELATIVE,
        /** {@code call} through a register or memory, near or far (FF /2, FF /3). */
        CALL_INDIRECT,
        /** {@code jmp} with a distance (EB, E9). */
        JUMP_RELATIVE,
        /**
         * Goes to a distance or on to the next instruction: {@code jcc}, {@code loop}, {@code
         * loope}, {@code loopne}, {@code jrcxz}, and {@code xbegin}, whose distance leads to its
         * fallback.
         */
        JUMP_CONDITIONAL,
        /** {@code jmp} through a register or memory, near or far (FF /4, FF /5). */
        JUMP_INDIRECT,
        /** {@code ret}, near or far, whatever its prefixes; not {@code iret} or {@code sysret}. */
        RETURN,
        /**
         * One of the two documented no-operations with any prefixes: 90 and 0F 1F /0. Not {@code
         * pause} (F3 90), not {@code xchg %r8,%rax} (REX.B 90), and no instruction that happens to
         * change nothing.
         */
        NOP,
        /** {@code endbr64} (F3 0F 1E FA). */
        ENDBR64,
        /** {@code int3} (CC). */
        INT3,
        /** {@code ud2} (0F 0B), by which WARN and BUG trap. */
        UD2,
        /** {@code ud1} (0F B9), by which clang's sanitizers trap. */
        UD1,
        /** {@code lea} (8D). */
        LEA,
        /**
         * {@code mov} of an immediate into a 16-, 32- or 64-bit register (B8 to BF, and C7 /0 with
         * a register); not into an 8-bit one.
         */
        MOV_IMMEDIATE_TO_REGISTER,
        /** Any other valid instruction. */
        OTHER,
        /**
         * No instruction: the bytes are undefined in 64-bit mode or to this decoder, or cut off.
         * Nothing but offset and length, which is 1, has a meaning.
         */
        UNKNOWN;

        /** Whether instructions of this kind hold the distance to where they go. */
        public boolean isRelativeBranch() {
            return this == CALL_RELATIVE || this == JUMP_RELATIVE || this == JUMP_CONDITIONAL;
        }
    }

    /** One byte that is no instruction. */
    static Instruction unknown(int offset) {
        return new Instruction(
                offset,
                1,
                Kind.UNKNOWN,
                OpcodeMap.ONE_BYTE,
                0,
                Field.NONE,
                Field.NONE,
                false,
                OptionalInt.empty(),
                OptionalLong.empty());
    }

    /** The offset of the first byte after the instruction. */
    public int end() {
        return offset + length;
    }
}
