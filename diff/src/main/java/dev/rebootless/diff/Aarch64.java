package dev.rebootless.diff;

import static dev.rebootless.diff.SpecialTable.carried;
import static dev.rebootless.diff.SpecialTable.ignored;

import dev.rebootless.elf.ElfRelocation;
import dev.rebootless.elf.ElfSection;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * AArch64, little-endian. Relocations: ELF for the Arm 64-bit Architecture, 5.7; instructions: Arm
 * Architecture Reference Manual for A-profile, C4.1.
 */
final class Aarch64 implements Architecture {
    private static final int ADR_PREL_LO21 = 274;
    private static final int LD_PREL_LO19 = 273;
    private static final int ADD_ABS_LO12_NC = 277;
    private static final int TSTBR14 = 279;
    private static final int CONDBR19 = 280;
    private static final int JUMP26 = 282;
    private static final int CALL26 = 283;

    /** {@code nop}, a hint. */
    private static final int NOP = 0xd503201f;

    /** ELF for the Arm 64-bit Architecture, 5.5.2: what code and what data begins. */
    private static final Pattern MAPPING = Pattern.compile("\\$[dx](\\..*)?");

    private static final List<SpecialTable> TABLES =
            List.of(
                    // arch/arm64/include/asm/asm-bug.h: s32 bug, s32 file, u16 line, u16 flags.
                    new SpecialTable("__bug_table", SpecialTable.Role.CARRIED, 0, 12, 0, -1, 8, 16),
                    // arch/arm64/include/asm/extable.h: s32 insn, s32 fixup, s16 type, s16 data.
                    carried("__ex_table", 0, 12),
                    // arch/arm64/include/asm/alternative.h: s32 original, s32 replacement or
                    // callback, u16 capability, u8 length, u8 length of the replacement.
                    carried(".altinstructions", 0, 12),
                    // arch/arm64/include/asm/jump_label.h: s32 code, s32 target, s64 key.
                    carried("__jump_table", 0, 16),
                    // scripts/recordmcount.h, or gcc's -mrecord-mcount: u64.
                    carried("__mcount_loc", 0, 8),
                    // gcc, -fpatchable-function-entry: u64; ftrace's list on this machine.
                    carried("__patchable_function_entries", 0, 8),
                    // clang, -fsanitize=kcfi: s32.
                    carried("__kcfi_traps", 0, 4),
                    ignored(".discard.addressable"),
                    ignored(".discard.sym"),
                    ignored(".export_symbol"),
                    ignored(".modinfo"),
                    ignored(".eh_frame"));

    @Override
    public String name() {
        return "aarch64";
    }

    @Override
    public List<SpecialTable> tables() {
        return TABLES;
    }

    @Override
    public Optional<FieldBits> field(int type) {
        return Optional.ofNullable(
                switch (type) {
                    case 0, 256 -> FieldBits.bytes(0); // NONE
                    case 257, 260, 307 -> FieldBits.bytes(8); // ABS64, PREL64, GOTREL64
                    case 258, 261, 308, 314, 315 -> FieldBits.bytes(4); // ABS32, PREL32, PLT32, …
                    case 259, 262 -> FieldBits.bytes(2); // ABS16, PREL16
                    // MOVW_UABS_G0 to MOVW_SABS_G2 and MOVW_PREL_G0 to MOVW_PREL_G3: imm16.
                    case 263, 264, 265, 266, 267, 268, 269, 270, 271, 272 ->
                            FieldBits.word(0x001fffe0);
                    case 287, 288, 289, 290, 291, 292, 293 -> FieldBits.word(0x001fffe0);
                    // LD_PREL_LO19, CONDBR19, GOT_LD_PREL19: imm19.
                    case LD_PREL_LO19, CONDBR19, 309 -> FieldBits.word(0x00ffffe0);
                    // ADR_PREL_LO21, ADR_PREL_PG_HI21(_NC), ADR_GOT_PAGE: immhi and immlo.
                    case ADR_PREL_LO21, 275, 276, 311 -> FieldBits.word(0x60ffffe0);
                    // ADD_ABS_LO12_NC, LDST8 to LDST128_ABS_LO12_NC, LD64_GOT_LO12_NC and
                    // LD64_GOTPAGE_LO15: imm12.
                    case ADD_ABS_LO12_NC, 278, 284, 285, 286, 299, 312, 313 ->
                            FieldBits.word(0x003ffc00);
                    case TSTBR14 -> FieldBits.word(0x0007ffe0);
                    case JUMP26, CALL26 -> FieldBits.word(0x03ffffff);
                    default -> null;
                });
    }

    @Override
    public int form(int type) {
        return type;
    }

    /** Distances count from the instruction or word itself. */
    @Override
    public long reach(ElfSection section, ElfRelocation relocation) {
        return 0;
    }

    @Override
    public boolean isPadding(ElfSection section, long from, long to) {
        return Words.areOnly(section, ByteOrder.LITTLE_ENDIAN, from, to, Set.of(0, NOP));
    }

    @Override
    public List<Branch> branches(ElfSection section, long from, long to) {
        ByteBuffer code = section.buffer(ByteOrder.LITTLE_ENDIAN);
        List<Branch> list = new ArrayList<>();
        for (long at = from; at + 4 <= to; at += 4) {
            int word = code.getInt((int) at);
            if ((word & 0x7c000000) == 0x14000000) { // b, bl
                list.add(branch(at, word < 0 ? CALL26 : JUMP26, Words.signed(word, 0, 26)));
            } else if ((word & 0xff000000) == 0x54000000 // b.cond, bc.cond
                    || (word & 0x7e000000) == 0x34000000) { // cbz, cbnz
                list.add(branch(at, CONDBR19, Words.signed(word, 5, 19)));
            } else if ((word & 0x7e000000) == 0x36000000) { // tbz, tbnz
                list.add(branch(at, TSTBR14, Words.signed(word, 5, 14)));
            } else if ((word & 0x3b000000) == 0x18000000) { // ldr (literal), prfm (literal)
                list.add(branch(at, LD_PREL_LO19, Words.signed(word, 5, 19)));
            } else if ((word & 0x9f000000) == 0x10000000) { // adr, which counts bytes
                long bytes = (Words.signed(word, 5, 19) << 2) | (word >>> 29 & 3);
                list.add(new Branch(at, ADR_PREL_LO21, at + bytes, 0));
            }
        }
        return list;
    }

    private static Branch branch(long at, int type, long words) {
        return new Branch(at, type, at + 4 * words, 0);
    }

    @Override
    public boolean isBranch(ElfSection section, long field, int type) {
        return switch (type) {
            case JUMP26, CALL26, CONDBR19, TSTBR14 -> true;
            default -> false;
        };
    }

    @Override
    public Map<Integer, FieldBits> lines(ObjectModel model, Item function) {
        LineTracker tracker = new LineTracker(model, function, List.of(0, 1, 2, 3, 4, 5, 6, 7));
        if (tracker.seesFiles()) {
            ByteBuffer code = function.section().buffer(ByteOrder.LITTLE_ENDIAN);
            for (long at = 0; at + 4 <= function.size(); at += 4) {
                follow(code.getInt((int) (function.offset() + at)), at, tracker);
            }
        }
        return tracker.lines();
    }

    private static void follow(int word, long at, LineTracker tracker) {
        int register = word & 31;
        if ((word & 0xffe00000) == 0x52800000) { // movz to a 32-bit register
            tracker.constant(register, at, FieldBits.word(0x001fffe0));
        } else if ((word & 0x1f000000) == 0x11000000 || (word & 0x9f000000) == 0x90000000) {
            tracker.address(register, at); // add and sub with an immediate, adrp
        } else if ((word & 0x7fe0ffe0) == 0x2a0003e0) { // mov
            tracker.forget(register);
            tracker.use(word >>> 16 & 31);
        } else if ((word & 0x3fc00000) == 0x39000000) { // str with an unsigned offset
            tracker.use(register);
        } else if ((word & 0x3fc00000) == 0x39400000) { // ldr with an unsigned offset
            tracker.forget(register);
        } else if (word >>> 26 == 0x25 || (word >>> 26 == 0x05 && tracker.isField(at))) {
            tracker.call(); // bl, and b to another function
        } else if (word != NOP) {
            tracker.forgetAll();
        }
    }

    /**
     * A load or store takes its low address bits from its own relocation and goes nowhere else; so
     * does the page that adrp computes for it. What add or adr leaves in a register may.
     */
    @Override
    public boolean mayBeAnchor(ElfSection section, long field, int type) {
        return switch (type) {
            case 275, 276, 278, 284, 285, 286, 299 -> false;
            default -> !isBranch(section, field, type);
        };
    }

    @Override
    public Set<String> tracers() {
        return Set.of("_mcount");
    }

    @Override
    public boolean isMappingSymbol(String symbol) {
        return MAPPING.matcher(symbol).matches();
    }

    @Override
    public boolean isReplacements(String section) {
        return section.startsWith(".altinstr");
    }

    /** arch/arm64/include/asm/alternative-macros.h: {@code .subsection 1}. */
    @Override
    public boolean hasReplacementsInText() {
        return true;
    }

    @Override
    public int constantBytes(String section) {
        return 0;
    }

    @Override
    public boolean canExtract() {
        return false;
    }

    @Override
    public boolean allowsSharedFields() {
        return false;
    }
}
