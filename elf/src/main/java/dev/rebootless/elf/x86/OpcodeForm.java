package dev.rebootless.elf.x86;

/**
 * What follows an opcode and what is to be made of it. A map holds one for each opcode byte.
 *
 * @param modRm whether a ModRM byte follows
 * @param registersOnly whether that byte names two registers whatever its mod field says, so that
 *     no SIB byte or displacement follows: the moves to and from control and debug registers (SDM
 *     volume 2, "MOV—Move to/from Control Registers")
 * @param operand what follows ModRM, SIB and displacement
 * @param rule what decides the kind
 */
record OpcodeForm(boolean modRm, boolean registersOnly, Operand operand, Rule rule) {
    /** The opcode does not exist in 64-bit mode, or not to us. */
    static final OpcodeForm UNDEFINED = new OpcodeForm(false, false, Operand.NONE, Rule.UNDEFINED);

    /**
     * What follows ModRM, SIB and displacement; the letters are those of SDM volume 2, appendix
     * A.2.
     */
    enum Operand {
        NONE,
        /** An immediate byte. */
        IB,
        /** Two bytes. */
        IW,
        /** Two bytes and one more: ENTER. */
        IWIB,
        /** Two bytes with operand-size prefix and without REX.W, else four. */
        IZ,
        /** As IZ, but eight bytes with REX.W. */
        IV,
        /** A distance of one byte. */
        JB,
        /**
         * A distance of four bytes, whatever the prefixes (SDM volume 2, table A-1, superscript
         * f64). AMD processors read two after an operand-size prefix, so compilers never write one.
         */
        JZ,
        /** An address of eight bytes, four with an address-size prefix. */
        MOFFS
    }

    /** What decides the kind of instruction, and whether it is one. */
    enum Rule {
        UNDEFINED,
        PLAIN,
        CALL,
        JUMP,
        CONDITIONAL,
        RETURN,
        INT3,
        UD1,
        UD2,
        /** {@code lea}: memory only. */
        LEA,
        /** {@code mov} of an immediate to the register in the opcode's low three bits. */
        MOV_REGISTER,
        /** 90: {@code nop}, {@code pause} or {@code xchg %r8,%rax}. */
        NOP_OR_PAUSE,
        /** 0F 1F: /0 is {@code nop}, the rest is reserved. */
        LONG_NOP,
        /** 0F 1E: {@code endbr64}, {@code rdssp} or reserved no-operations. */
        ENDBR,
        /** SDM table A-6, 8F: only /0. */
        GROUP_1A,
        /** F6, F7: only /0 and /1, {@code test}, have the immediate. */
        GROUP_3,
        /** FE: only /0 and /1. */
        GROUP_4,
        /** FF: /2 and /3 call, /4 and /5 jump, /7 is undefined. */
        GROUP_5,
        /** 0F BA: /4 to /7. */
        GROUP_8,
        /** C6: /0 {@code mov}, or F8 {@code xabort}. */
        GROUP_11_BYTE,
        /** C7: /0 {@code mov}, or F8 {@code xbegin}, whose immediate is a distance. */
        GROUP_11,
        /** 0F 78: with 66 or F2 SSE4A's EXTRQ and INSERTQ, with two immediate bytes. */
        SSE4A
    }
}
