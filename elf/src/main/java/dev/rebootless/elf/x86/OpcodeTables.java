package dev.rebootless.elf.x86;

import dev.rebootless.elf.x86.OpcodeForm.Operand;
import dev.rebootless.elf.x86.OpcodeForm.Rule;
import java.util.Arrays;
import java.util.HexFormat;

/**
 * The opcode maps of 64-bit mode, written from SDM volume 2, appendix A (tables) and,
 * for what only AMD has, APM volume 3, appendix A.
 *
 * <p>One line of a table: {@code opcodes | what follows and what it is | what lives there}. Opcodes
 * are hexadecimal bytes and ranges of them. In the middle stand {@code M} for a ModRM byte, {@code
 * MR} for one that always names registers, the name of an {@link Operand}, the name of a {@link
 * Rule}, or {@code -} for an opcode that stands alone. An opcode on no line is undefined. Prefixes
 * and escape bytes are on no line either: {@link X86Decoder} has dealt with them before.
 *
 * <p>An opcode that exists with one mandatory prefix only is accepted with any: the length is the
 * same, and processors fault on the rest.
 */
final class OpcodeTables {
    private static final int OPCODES = 256;

    /** SDM table A-2. */
    static final OpcodeForm[] ONE_BYTE =
            parse(
                    """
                    00-03 08-0B 10-13 18-1B | M       | ADD OR ADC SBB: Eb,Gb Ev,Gv Gb,Eb Gv,Ev
                    20-23 28-2B 30-33 38-3B | M       | AND SUB XOR CMP: the same
                    04 0C 14 1C 24 2C 34 3C | IB      | the eight of them: AL,Ib
                    05 0D 15 1D 25 2D 35 3D | IZ      | the eight of them: rAX,Iz
                    50-5F                   | -       | PUSH and POP of a register
                    63                      | M       | MOVSXD
                    68                      | IZ      | PUSH Iz
                    69                      | M IZ    | IMUL Gv,Ev,Iz
                    6A                      | IB      | PUSH Ib
                    6B                      | M IB    | IMUL Gv,Ev,Ib
                    6C-6F                   | -       | INS OUTS
                    70-7F                   | JB CONDITIONAL | Jcc Jb
                    80 83                   | M IB    | group 1: Eb,Ib Ev,Ib
                    81                      | M IZ    | group 1: Ev,Iz
                    84-8B                   | M       | TEST XCHG MOV
                    8C 8E                   | M       | MOV from and to a segment register
                    8D                      | M LEA   | LEA
                    8F                      | M GROUP_1A | POP Ev
                    90                      | NOP_OR_PAUSE | NOP; PAUSE; XCHG r8,rAX
                    91-97                   | -       | XCHG of a register with rAX
                    98 99                   | -       | CBW CWDE CDQE, CWD CDQ CQO
                    9B-9F                   | -       | FWAIT PUSHF POPF SAHF LAHF
                    A0-A3                   | MOFFS   | MOV between rAX and an absolute address
                    A4-A7                   | -       | MOVS CMPS
                    A8                      | IB      | TEST AL,Ib
                    A9                      | IZ      | TEST rAX,Iz
                    AA-AF                   | -       | STOS LODS SCAS
                    B0-B7                   | IB      | MOV r8,Ib
                    B8-BF                   | IV MOV_REGISTER | MOV of an immediate to a register
                    C0 C1                   | M IB    | group 2: shifts by Ib
                    C2                      | IW RETURN | RET Iw
                    C3                      | RETURN  | RET
                    C6                      | M IB GROUP_11_BYTE | MOV Eb,Ib; XABORT
                    C7                      | M IZ GROUP_11 | MOV Ev,Iz; XBEGIN
                    C8                      | IWIB    | ENTER
                    C9                      | -       | LEAVE
                    CA                      | IW RETURN | far RET Iw
                    CB                      | RETURN  | far RET
                    CC                      | INT3    | INT3
                    CD                      | IB      | INT Ib
                    CF                      | -       | IRET
                    D0-D3                   | M       | group 2: shifts by 1 and by CL
                    D7                      | -       | XLAT
                    D8-DF                   | M       | the floating-point unit (SDM appendix A.5)
                    E0-E3                   | JB CONDITIONAL | LOOPNE LOOPE LOOP JRCXZ
                    E4-E7                   | IB      | IN and OUT with a port in Ib
                    E8                      | JZ CALL | CALL Jz
                    E9                      | JZ JUMP | JMP Jz
                    EB                      | JB JUMP | JMP Jb
                    EC-EF                   | -       | IN and OUT with the port in DX
                    F1                      | -       | INT1
                    F4 F5                   | -       | HLT CMC
                    F6                      | M IB GROUP_3 | group 3: TEST Eb,Ib; NOT NEG MUL IMUL DIV IDIV
                    F7                      | M IZ GROUP_3 | group 3: TEST Ev,Iz; the same
                    F8-FD                   | -       | CLC STC CLI STI CLD STD
                    FE                      | M GROUP_4 | INC DEC Eb
                    FF                      | M GROUP_5 | INC DEC CALL JMP PUSH Ev
                    """);

    /** SDM table A-3. */
    static final OpcodeForm[] MAP_0F =
            parse(
                    """
                    00 01       | M       | groups 6 and 7: LLDT LTR, LGDT SWAPGS STAC MONITOR VMCALL
                    02 03       | M       | LAR LSL
                    05-09       | -       | SYSCALL CLTS SYSRET INVD WBINVD
                    0B          | UD2     | UD2
                    0D          | M       | PREFETCHW
                    0E          | -       | FEMMS (APM)
                    0F          | M IB    | 3DNow!, whose opcode stands where the immediate would (APM)
                    10-17       | M       | MOVUPS MOVSS MOVLPS UNPCKLPS MOVHPS
                    18-1D       | M       | PREFETCHh; reserved no-operations
                    1E          | M ENDBR | ENDBR64; RDSSP; reserved no-operations
                    1F          | M LONG_NOP | NOP Ev
                    20-23       | MR      | MOV from and to control and debug registers
                    28-2F       | M       | MOVAPS CVTPI2PS MOVNTPS CVTTPS2PI UCOMISS COMISS
                    30-35 37    | -       | WRMSR RDTSC RDMSR RDPMC SYSENTER SYSEXIT GETSEC
                    40-4F       | M       | CMOVcc
                    50-6F       | M       | MOVMSKPS SQRTPS ADDPS PUNPCKLBW MOVQ
                    70-73       | M IB    | PSHUFW; groups 12, 13, 14: shifts by Ib
                    74-76       | M       | PCMPEQ
                    77          | -       | EMMS
                    78          | M SSE4A | VMREAD; EXTRQ and INSERTQ (APM)
                    79          | M       | VMWRITE
                    7C-7F       | M       | HADDPD HSUBPD MOVD MOVQ
                    80-8F       | JZ CONDITIONAL | Jcc Jz
                    90-9F       | M       | SETcc
                    A0-A2       | -       | PUSH FS, POP FS, CPUID
                    A3 AB B3 BB | M       | BT BTS BTR BTC
                    A4 AC       | M IB    | SHLD SHRD by Ib
                    A5 AD       | M       | SHLD SHRD by CL
                    A6 A7       | M       | VIA PadLock, in drivers/crypto/padlock-aes.c (a fixed ModRM byte)
                    A8-AA       | -       | PUSH GS, POP GS, RSM
                    AE AF       | M       | group 15: FXSAVE LFENCE XSAVE CLFLUSH; IMUL Gv,Ev
                    B0-B2 B4-B5 | M       | CMPXCHG LSS LFS LGS
                    B6-B7 BE-BF | M       | MOVZX MOVSX
                    B8          | M       | POPCNT
                    B9          | M UD1   | UD1
                    BA          | M IB GROUP_8 | BT BTS BTR BTC by Ib
                    BC BD       | M       | BSF TZCNT, BSR LZCNT
                    C0 C1 C3    | M       | XADD MOVNTI
                    C2 C4-C6    | M IB    | CMPPS PINSRW PEXTRW SHUFPS
                    C7          | M       | group 9: CMPXCHG16B XSAVES RDRAND RDSEED VMPTRLD
                    C8-CF       | -       | BSWAP
                    D0-FE       | M       | ADDSUBPD, integer MMX and SSE2
                    FF          | M       | UD0
                    """);

    /** SDM table A-4. */
    static final OpcodeForm[] MAP_0F38 =
            parse(
                    """
                    00-0B 10 14 15 17 | M | SSSE3 PSHUFB to PMULHRSW; SSE4.1 PBLENDVB BLENDVPS PTEST
                    1C-1E 20-25 28-2B | M | PABS; PMOVSX; PMULDQ PCMPEQQ MOVNTDQA PACKUSDW
                    30-35 37-41       | M | PMOVZX; PCMPGTQ PMIN PMAX PMULLD PHMINPOSUW
                    80-82             | M | INVEPT INVVPID INVPCID
                    C8-CD CF          | M | SHA1 SHA256; GF2P8MULB
                    D8 DB-DF          | M | AES; Key Locker
                    F0 F1             | M | MOVBE CRC32
                    F5 F6             | M | WRUSS; ADCX ADOX WRSS
                    F8-FC             | M | MOVDIR64B ENQCMD MOVDIRI ENCODEKEY AADD
                    """);

    /** SDM table A-5. */
    static final OpcodeForm[] MAP_0F3A =
            parse(
                    """
                    08-0F    | M IB | ROUND BLEND PALIGNR
                    14-17    | M IB | PEXTR EXTRACTPS
                    20-22    | M IB | PINSR INSERTPS
                    40-42 44 | M IB | DPPS DPPD MPSADBW PCLMULQDQ
                    60-63    | M IB | PCMPESTR PCMPISTR
                    CC CE CF | M IB | SHA1RNDS4 GF2P8AFFINE
                    DF       | M IB | AESKEYGENASSIST
                    F0       | M IB | HRESET
                    """);

    /**
     * Map 1 under VEX and EVEX. Which opcodes exist there depends on prefixes and vector length;
     * what follows them does not (SDM volume 2, sections 2.3.7 to 2.3.9 and 2.7.1), so here and in
     * the maps below all are taken as defined.
     */
    static final OpcodeForm[] VEX_0F =
            parse(
                    """
                    00-6F 74-76 78-C1 C3 C7-FF | M    | all but those below
                    70-73                      | M IB | VPSHUF; groups 12, 13, 14: shifts by Ib
                    77                         | -    | VZEROUPPER VZEROALL
                    C2 C4-C6                   | M IB | VCMPPS VPINSRW VPEXTRW VSHUFPS
                    """);

    /** Maps 2, 5 and 6 under VEX and EVEX, and XOP map 9. */
    static final OpcodeForm[] ALL_MODRM = parse("00-FF | M | all");

    /** Map 3 under VEX and EVEX, and XOP map 8: the byte is an immediate or names a register. */
    static final OpcodeForm[] ALL_MODRM_IMM8 = parse("00-FF | M IB | all");

    /** XOP map 10: BEXTR and LWPINS with an immediate (a 66 prefix is not allowed there). */
    static final OpcodeForm[] ALL_MODRM_IMM32 = parse("00-FF | M IZ | all");

    private OpcodeTables() {}

    private static OpcodeForm[] parse(String table) {
        OpcodeForm[] forms = new OpcodeForm[OPCODES];
        Arrays.fill(forms, OpcodeForm.UNDEFINED);
        for (String line : table.strip().split("\n")) {
            String[] columns = line.split("\\|");
            OpcodeForm form = form(columns[1].strip());
            for (String range : columns[0].strip().split(" +")) {
                int first = HexFormat.fromHexDigits(range, 0, 2);
                int last = HexFormat.fromHexDigits(range, range.length() - 2, range.length());
                for (int opcode = first; opcode <= last; opcode++) {
                    if (forms[opcode].rule() != Rule.UNDEFINED) {
                        throw new IllegalStateException("opcode on two lines: " + line);
                    }
                    forms[opcode] = form;
                }
            }
        }
        return forms;
    }

    private static OpcodeForm form(String words) {
        boolean modRm = false;
        boolean registersOnly = false;
        Operand operand = Operand.NONE;
        Rule rule = Rule.PLAIN;
        for (String word : words.split(" ")) {
            switch (word) {
                case "-" -> {}
                case "M" -> modRm = true;
                case "MR" -> {
                    modRm = true;
                    registersOnly = true;
                }
                case "IB", "IW", "IWIB", "IZ", "IV", "JB", "JZ", "MOFFS" ->
                        operand = Operand.valueOf(word);
                default -> rule = Rule.valueOf(word);
            }
        }
        return new OpcodeForm(modRm, registersOnly, operand, rule);
    }
}
