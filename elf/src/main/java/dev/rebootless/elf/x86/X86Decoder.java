package dev.rebootless.elf.x86;

import dev.rebootless.elf.x86.Instruction.Kind;
import dev.rebootless.elf.x86.OpcodeForm.Operand;
import dev.rebootless.elf.x86.OpcodeForm.Rule;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * Decodes x86-64 instructions of 64-bit mode one at a time. It serves all that a Linux kernel
 * holds: legacy prefixes, REX, the maps 0F, 0F 38 and 0F 3A, x87, VEX, EVEX and XOP. It does not
 * know APX (REX2, EVEX map 4) and other extensions whose opcodes are younger than the tables; their
 * bytes are {@link Kind#UNKNOWN}.
 *
 * <p>Where Intel and AMD processors differ (an operand-size prefix on a near branch) it follows
 * Intel. As processors do, and unlike GNU objdump, it takes {@code fwait} (9B) as an instruction of
 * its own and a REX prefix that other prefixes follow as an ignored part of the instruction (SDM
 * volume 2, section 2.2.1).
 */
public final class X86Decoder {
    /** No instruction is longer; a processor faults on what would be (APM volume 3, chapter 1). */
    public static final int MAX_LENGTH = 15;

    private static final int NO_BYTE = -1;

    private static final int REPNE = 0xF2;
    private static final int REP = 0xF3;
    private static final int LOCK = 0xF0;
    private static final int OPERAND_SIZE = 0x66;
    private static final int ADDRESS_SIZE = 0x67;

    private static final int ESCAPE_0F = 0x0F;
    private static final int ESCAPE_38 = 0x38;
    private static final int ESCAPE_3A = 0x3A;
    private static final int VEX2 = 0xC5;
    private static final int VEX3 = 0xC4;
    private static final int EVEX = 0x62;

    /** POP Ev, or the first byte of XOP: told apart by the map field, which is 8 at least. */
    private static final int POP_OR_XOP = 0x8F;

    private static final int REX_W = 1 << 3;
    private static final int REX_R = 1 << 2;
    private static final int REX_B = 1;

    /** ModRM F8 selects XABORT and XBEGIN in group 11 (SDM table A-6). */
    private static final int MODRM_TSX = 0xF8;

    /** ModRM FA selects ENDBR64 after F3 0F 1E. */
    private static final int MODRM_ENDBR64 = 0xFA;

    private static final int RAX_R15 = 16;
    private static final OptionalInt[] REGISTERS = new OptionalInt[RAX_R15];

    static {
        for (int i = 0; i < RAX_R15; i++) {
            REGISTERS[i] = OptionalInt.of(i);
        }
    }

    private final byte[] code;
    private final int start;

    /** Where reading ends: the end of the code or of the longest possible instruction. */
    private final int limit;

    private int position;

    private boolean operandSize;
    private boolean addressSize;
    private boolean rep;
    private boolean repne;
    private boolean lock;

    /** The REX byte in force, 0 for none. */
    private int rex;

    private OpcodeMap map = OpcodeMap.ONE_BYTE;
    private int opcode;

    /** The ModRM byte; 0 where the opcode has none. */
    private int modRm;

    private Field displacement = Field.NONE;
    private boolean ripRelative;

    private X86Decoder(byte[] code, int offset, int end) {
        this.code = code;
        this.start = offset;
        this.position = offset;
        this.limit = end - offset > MAX_LENGTH ? offset + MAX_LENGTH : end;
    }

    /**
     * The instruction that starts at an offset. Bytes that are no instruction, or only the first
     * part of one, give {@link Kind#UNKNOWN} with length 1: whatever the bytes are, this does not
     * throw.
     *
     * @param code the array that holds the code
     * @param offset of the instruction's first byte
     * @param end offset after the last byte that may be read
     * @throws IndexOutOfBoundsException when there is no byte between offset and end, or they lie
     *     outside the array: a fault of the caller, not of the code
     */
    public static Instruction decode(byte[] code, int offset, int end) {
        Objects.checkFromToIndex(offset, end, code.length);
        Objects.checkIndex(offset, end);
        return new X86Decoder(code, offset, end).instruction();
    }

    /**
     * All instructions of a stretch of code, decoded while iterating.
     *
     * @throws IndexOutOfBoundsException when the range does not lie in the array
     */
    public static CodeRange all(byte[] code, int start, int end) {
        return new CodeRange(code, start, end);
    }

    private Instruction instruction() {
        if (!readPrefixesAndOpcode()) {
            return Instruction.unknown(start);
        }
        OpcodeForm form = map.form(opcode);
        if (form.modRm() && !readModRm(form.registersOnly())) {
            return Instruction.unknown(start);
        }
        Rule rule = form.rule();
        Kind kind = kind(rule);
        Operand operand = form.operand();
        int size = operandBytes(operand, rule);
        if (kind == Kind.UNKNOWN || size > limit - position) {
            return Instruction.unknown(start);
        }
        Field immediate = Field.NONE;
        if (size != 0) {
            Field field = new Field(position, operand == Operand.IWIB ? 2 : size);
            if (kind.isRelativeBranch() || operand == Operand.MOFFS) {
                displacement = field;
            } else {
                immediate = field;
            }
            position += size;
        }
        return new Instruction(
                start,
                position - start,
                kind,
                map,
                opcode,
                displacement,
                immediate,
                ripRelative,
                register(kind, rule),
                kind.isRelativeBranch()
                        ? OptionalLong.of(position + displacement.signedValue(code))
                        : OptionalLong.empty());
    }

    private int next() {
        return position < limit ? code[position++] & 0xFF : NO_BYTE;
    }

    /** Reads all before the opcode, and the opcode. False when there is none. */
    private boolean readPrefixesAndOpcode() {
        while (true) {
            int b = next();
            if ((b & 0xF0) == 0x40) {
                rex = b;
            } else if (isLegacyPrefix(b)) {
                // A REX prefix counts only directly before the opcode (SDM volume 2, 2.2.1).
                rex = 0;
            } else {
                return switch (b) {
                    case NO_BYTE -> false;
                    case ESCAPE_0F -> enterEscaped();
                    case VEX2 -> next() != NO_BYTE && enterExtended(OpcodeMap.VEX_0F);
                    case VEX3 -> enterVex3();
                    case EVEX -> enterEvex();
                    case POP_OR_XOP -> enterXopOrPop();
                    default -> {
                        opcode = b;
                        yield true;
                    }
                };
            }
        }
    }

    /** Notes the prefix where it matters here. SDM volume 2, section 2.1.1. */
    private boolean isLegacyPrefix(int b) {
        switch (b) {
            case OPERAND_SIZE -> operandSize = true;
            case ADDRESS_SIZE -> addressSize = true;
            case REP -> rep = true;
            case REPNE -> repne = true;
            case LOCK -> lock = true;
            // ES, CS, SS, DS, FS, GS: segments, branch hints, NOTRACK.
            case 0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65 -> {}
            default -> {
                return false;
            }
        }
        return true;
    }

    private boolean enterEscaped() {
        int b = next();
        switch (b) {
            case ESCAPE_38 -> map = OpcodeMap.MAP_0F38;
            case ESCAPE_3A -> map = OpcodeMap.MAP_0F3A;
            default -> {
                map = OpcodeMap.MAP_0F;
                opcode = b;
                return b != NO_BYTE;
            }
        }
        opcode = next();
        return opcode != NO_BYTE;
    }

    /**
     * After C4: two bytes, the map field in the low five bits of the first (SDM volume 2, section
     * 2.3.6).
     */
    private boolean enterVex3() {
        int first = next();
        if (first == NO_BYTE || next() == NO_BYTE) {
            return false;
        }
        return switch (first & 0x1F) {
            case 1 -> enterExtended(OpcodeMap.VEX_0F);
            case 2 -> enterExtended(OpcodeMap.VEX_0F38);
            case 3 -> enterExtended(OpcodeMap.VEX_0F3A);
            default -> false;
        };
    }

    /**
     * After 62: three bytes, the map field in the low three bits of the first; its bit 3 is 0 and
     * bit 2 of the second is 1 (SDM volume 2, section 2.7.1).
     */
    private boolean enterEvex() {
        int first = next();
        int second = next();
        if (second == NO_BYTE
                || next() == NO_BYTE
                || (first & 1 << 3) != 0
                || (second & 1 << 2) == 0) {
            return false;
        }
        return switch (first & 0x07) {
            case 1 -> enterExtended(OpcodeMap.VEX_0F);
            case 2 -> enterExtended(OpcodeMap.VEX_0F38);
            case 3 -> enterExtended(OpcodeMap.VEX_0F3A);
            case 5 -> enterExtended(OpcodeMap.EVEX_MAP5);
            case 6 -> enterExtended(OpcodeMap.EVEX_MAP6);
            default -> false;
        };
    }

    /**
     * After 8F: XOP has the layout of VEX with maps from 8 on (APM volume 3, "Encoding Using the
     * VEX and XOP Prefixes").
     */
    private boolean enterXopOrPop() {
        int mapField = position < limit ? code[position] & 0x1F : 0;
        if (mapField < 8) {
            opcode = POP_OR_XOP;
            return true;
        }
        position++;
        if (next() == NO_BYTE) {
            return false;
        }
        return switch (mapField) {
            case 8 -> enterExtended(OpcodeMap.XOP_8);
            case 9 -> enterExtended(OpcodeMap.XOP_9);
            case 10 -> enterExtended(OpcodeMap.XOP_A);
            default -> false;
        };
    }

    /**
     * The opcode after VEX, EVEX or XOP, which fault after 66, F2, F3, LOCK and REX (SDM volume 2,
     * sections 2.3.2 to 2.3.4).
     */
    private boolean enterExtended(OpcodeMap entered) {
        map = entered;
        opcode = next();
        return opcode != NO_BYTE && !operandSize && !rep && !repne && !lock && rex == 0;
    }

    /** Reads ModRM, SIB and displacement (SDM volume 2, tables 2-2 and 2-3). */
    private boolean readModRm(boolean registersOnly) {
        modRm = next();
        if (modRm == NO_BYTE) {
            return false;
        }
        int mod = modRm >> 6;
        if (mod == 3 || registersOnly) {
            return true;
        }
        int base = modRm & 7;
        boolean hasSib = base == 4;
        if (hasSib) {
            int sib = next();
            if (sib == NO_BYTE) {
                return false;
            }
            base = sib & 7;
        }
        // With mod=00, base 101 means a displacement instead of a base: from the next instruction
        // on in ModRM, from zero on in SIB.
        int size = mod == 1 ? 1 : mod == 2 || base == 5 ? 4 : 0;
        if (size > limit - position) {
            return false;
        }
        if (size != 0) {
            displacement = new Field(position, size);
            ripRelative = mod == 0 && !hasSib;
            position += size;
        }
        return true;
    }

    private boolean namesRegister() {
        return modRm >> 6 == 3;
    }

    /** The reg field of ModRM, which selects within a group. */
    private int reg() {
        return modRm >> 3 & 7;
    }

    /** The kind; {@link Kind#UNKNOWN} when ModRM selects nothing that exists. */
    private Kind kind(Rule rule) {
        return switch (rule) {
            case UNDEFINED -> Kind.UNKNOWN;
            case PLAIN, GROUP_3, SSE4A -> Kind.OTHER;
            case CALL -> Kind.CALL_RELATIVE;
            case JUMP -> Kind.JUMP_RELATIVE;
            case CONDITIONAL -> Kind.JUMP_CONDITIONAL;
            case RETURN -> Kind.RETURN;
            case INT3 -> Kind.INT3;
            case UD1 -> Kind.UD1;
            case UD2 -> Kind.UD2;
            case LEA -> namesRegister() ? Kind.UNKNOWN : Kind.LEA;
            case MOV_REGISTER -> Kind.MOV_IMMEDIATE_TO_REGISTER;
            case NOP_OR_PAUSE -> rep || lock || (rex & REX_B) != 0 ? Kind.OTHER : Kind.NOP;
            case LONG_NOP -> reg() == 0 && !lock ? Kind.NOP : Kind.OTHER;
            case ENDBR -> rep && modRm == MODRM_ENDBR64 ? Kind.ENDBR64 : Kind.OTHER;
            case GROUP_1A -> reg() == 0 ? Kind.OTHER : Kind.UNKNOWN;
            case GROUP_4 -> reg() <= 1 ? Kind.OTHER : Kind.UNKNOWN;
            case GROUP_5 ->
                    switch (reg()) {
                        case 2 -> Kind.CALL_INDIRECT;
                        case 3 -> namesRegister() ? Kind.UNKNOWN : Kind.CALL_INDIRECT;
                        case 4 -> Kind.JUMP_INDIRECT;
                        case 5 -> namesRegister() ? Kind.UNKNOWN : Kind.JUMP_INDIRECT;
                        case 7 -> Kind.UNKNOWN;
                        default -> Kind.OTHER;
                    };
            case GROUP_8 -> reg() >= 4 ? Kind.OTHER : Kind.UNKNOWN;
            case GROUP_11_BYTE -> reg() == 0 || modRm == MODRM_TSX ? Kind.OTHER : Kind.UNKNOWN;
            case GROUP_11 -> {
                if (modRm == MODRM_TSX) {
                    yield Kind.JUMP_CONDITIONAL;
                }
                if (reg() != 0) {
                    yield Kind.UNKNOWN;
                }
                yield namesRegister() ? Kind.MOV_IMMEDIATE_TO_REGISTER : Kind.OTHER;
            }
        };
    }

    /** How many bytes the immediate, distance or absolute address takes. */
    private int operandBytes(Operand operand, Rule rule) {
        boolean wide = (rex & REX_W) != 0;
        return switch (operand) {
            case NONE -> rule == Rule.SSE4A && (operandSize || repne) ? 2 : 0;
            case IB -> rule == Rule.GROUP_3 && reg() > 1 ? 0 : 1;
            case IW -> 2;
            case IWIB -> 3;
            case IZ -> rule == Rule.GROUP_3 && reg() > 1 ? 0 : operandSize && !wide ? 2 : 4;
            case IV -> wide ? 8 : operandSize ? 2 : 4;
            case JB -> 1;
            case JZ -> 4;
            case MOFFS -> addressSize ? 4 : 8;
        };
    }

    private OptionalInt register(Kind kind, Rule rule) {
        if (kind == Kind.LEA) {
            return REGISTERS[reg() | ((rex & REX_R) != 0 ? 8 : 0)];
        }
        if (kind == Kind.MOV_IMMEDIATE_TO_REGISTER) {
            int low = (rule == Rule.MOV_REGISTER ? opcode : modRm) & 7;
            return REGISTERS[low | ((rex & REX_B) != 0 ? 8 : 0)];
        }
        return OptionalInt.empty();
    }
}
