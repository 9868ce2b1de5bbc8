package dev.rebootless.elf.x86;

/**
 * The tables in which an opcode byte is looked up. Which one it is follows from the bytes before
 * the opcode (SDM volume 2, sections 2.1.2, 2.3.5, 2.3.6 and 2.7.1; for XOP the AMD64 Architecture
 * Programmer's Manual, "APM", volume 3, "Encoding Using the VEX and XOP Prefixes").
 */
public enum OpcodeMap {
    /** No escape byte. */
    ONE_BYTE(OpcodeTables.ONE_BYTE),
    /** After 0F. */
    MAP_0F(OpcodeTables.MAP_0F),
    /** After 0F 38. */
    MAP_0F38(OpcodeTables.MAP_0F38),
    /** After 0F 3A. */
    MAP_0F3A(OpcodeTables.MAP_0F3A),
    /** VEX or EVEX with map field 1. */
    VEX_0F(OpcodeTables.VEX_0F),
    /** VEX or EVEX with map field 2. */
    VEX_0F38(OpcodeTables.ALL_MODRM),
    /** VEX or EVEX with map field 3. */
    VEX_0F3A(OpcodeTables.ALL_MODRM_IMM8),
    /** EVEX with map field 5 (AVX512-FP16). */
    EVEX_MAP5(OpcodeTables.ALL_MODRM),
    /** EVEX with map field 6 (AVX512-FP16). */
    EVEX_MAP6(OpcodeTables.ALL_MODRM),
    /** XOP with map field 8. */
    XOP_8(OpcodeTables.ALL_MODRM_IMM8),
    /** XOP with map field 9. */
    XOP_9(OpcodeTables.ALL_MODRM),
    /** XOP with map field 10. */
    XOP_A(OpcodeTables.ALL_MODRM_IMM32);

    /** Written once, by {@link OpcodeTables}, and never handed out. */
    @SuppressWarnings("ImmutableEnumChecker")
    private final OpcodeForm[] forms;

    OpcodeMap(OpcodeForm[] forms) {
        this.forms = forms;
    }

    /** The form of an opcode byte, 0 to 255. */
    OpcodeForm form(int opcode) {
        return forms[opcode];
    }
}
