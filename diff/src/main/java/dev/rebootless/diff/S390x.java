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

/**
 * IBM Z, big-endian, instructions of 2, 4 or 6 bytes. Relocations: ELF Application Binary Interface
 * s390x Supplement, 3.5; instructions: z/Architecture Principles of Operation (SA22-7832), chapter
 * 5 and appendix B. Distances are in halfwords and count from the start of the instruction.
 */
final class S390x implements Architecture {
    private static final int PC16DBL = 17;
    private static final int PLT16DBL = 18;
    private static final int PC32DBL = 19;
    private static final int PLT32DBL = 20;
    private static final int GOTPCDBL = 21;
    private static final int GOTENT = 26;
    private static final int PC12DBL = 62;
    private static final int PLT12DBL = 63;
    private static final int PC24DBL = 64;
    private static final int PLT24DBL = 65;

    private static final List<SpecialTable> TABLES =
            List.of(
                    // arch/s390/include/asm/bug.h: s32 bug, s32 file, u16 line, u16 flags.
                    new SpecialTable("__bug_table", SpecialTable.Role.CARRIED, 0, 12, 0, -1, 8, 16),
                    // arch/s390/include/asm/extable.h: s32 insn, s32 fixup, s16 type, s16 data.
                    carried("__ex_table", 0, 12),
                    // arch/s390/include/asm/alternative.h: s32 instr, s32 replacement, facility, u8
                    // length; 11 bytes in 6.1, 13 in 6.12.
                    new SpecialTable(
                            ".altinstructions", SpecialTable.Role.CARRIED, 0, 0, 2, -1, -1, 0),
                    // arch/s390/include/asm/jump_label.h: s32 code, s32 target, s64 key.
                    carried("__jump_table", 0, 16),
                    // gcc, -mrecord-mcount: u64.
                    carried("__mcount_loc", 0, 8),
                    carried("__patchable_function_entries", 0, 8),
                    // gcc, -mindirect-branch-table and -mfunction-return-table: s32, where a
                    // branch goes by way of a thunk (arch/s390/kernel/nospec-branch.c).
                    carried(".s390_indirect_jump", 0, 4),
                    carried(".s390_indirect_call", 0, 4),
                    carried(".s390_return_mem", 0, 4),
                    carried(".s390_return_reg", 0, 4),
                    carried(".s390_indirect_branches", 0, 4),
                    ignored(".discard.addressable"),
                    ignored(".discard.sym"),
                    ignored(".export_symbol"),
                    ignored(".modinfo"),
                    ignored(".eh_frame"));

    @Override
    public String name() {
        return "s390x";
    }

    @Override
    public List<SpecialTable> tables() {
        return TABLES;
    }

    @Override
    public Optional<FieldBits> field(int type) {
        return Optional.ofNullable(
                switch (type) {
                    case 0 -> FieldBits.bytes(0); // NONE
                    case 1 -> FieldBits.bytes(1); // 8
                    case 2, 6, PC12DBL, PLT12DBL -> new FieldBits(2, 0x0fff); // 12, GOT12
                    case 3, 15, 16, PC16DBL, PLT16DBL -> FieldBits.bytes(2); // 16, GOT16, PC16
                    case PC24DBL, PLT24DBL -> FieldBits.bytes(3);
                    case 4, 5, 7, 8 -> FieldBits.bytes(4); // 32, PC32, GOT32, PLT32
                    case PC32DBL, PLT32DBL, GOTPCDBL, GOTENT -> FieldBits.bytes(4);
                    case 22, 23, 24, 25 -> FieldBits.bytes(8); // 64, PC64, GOT64, PLT64
                    case 57 -> FieldBits.word(0x0fffff00); // 20: the low 12 bits, then the high 8
                    default -> null;
                });
    }

    /** The assembler writes PLT for calls of global functions: the same arithmetic here. */
    @Override
    public int form(int type) {
        return switch (type) {
            case PLT12DBL -> PC12DBL;
            case PLT16DBL -> PC16DBL;
            case PLT24DBL -> PC24DBL;
            case PLT32DBL -> PC32DBL;
            default -> type;
        };
    }

    @Override
    public long reach(ElfSection section, ElfRelocation relocation) {
        if (!section.isExecutable()) {
            return 0;
        }
        return switch (form(relocation.type())) {
            case PC12DBL -> -1;
            case PC16DBL, PC32DBL, GOTENT, GOTPCDBL -> -2;
            case PC24DBL -> -3;
            default -> 0;
        };
    }

    /** Zeroes, {@code nopr} with any register, {@code nop} and {@code jgnop}. */
    @Override
    public boolean isPadding(ElfSection section, long from, long to) {
        byte[] code = section.content();
        for (int at = (int) from; at < to; ) {
            int first = code[at] & 0xff;
            int second = at + 1 < to ? code[at + 1] & 0xff : 0;
            if (first == 0x00) {
                at++;
            } else if (first == 0x07 && second < 0x10 && at + 2 <= to) {
                at += 2;
            } else if (first == 0x47 && second < 0x10 && at + 4 <= to) {
                at += 4;
            } else if (first == 0xc0 && second == 0x04 && at + 6 <= to) {
                at += 6;
            } else {
                return false;
            }
        }
        return true;
    }

    /** Principles of Operation, "Instruction formats": the first two bits tell the length. */
    private static int length(int first) {
        return switch (first >>> 6) {
            case 0 -> 2;
            case 1, 2 -> 4;
            default -> 6;
        };
    }

    @Override
    public List<Branch> branches(ElfSection section, long from, long to) {
        ByteBuffer code = section.buffer(ByteOrder.BIG_ENDIAN);
        List<Branch> list = new ArrayList<>();
        int length;
        for (int at = (int) from; at < to; at += length) {
            int first = code.get(at) & 0xff;
            length = length(first);
            if (at + length > to) {
                break;
            }
            int second = code.get(at + 1) & 0xff;
            int last = code.get(at + length - 1) & 0xff;
            if (hasDistance16(first, second & 0xf, last)) {
                list.add(new Branch(at + 2, PC16DBL, at + 2L * code.getShort(at + 2), -2));
            } else if (hasDistance32(first, second & 0xf)) {
                list.add(new Branch(at + 2, PC32DBL, at + 2L * code.getInt(at + 2), -2));
            }
        }
        return list;
    }

    private static boolean hasDistance16(int first, int extension, int last) {
        return switch (first) {
            case 0x84, 0x85 -> true; // brxh, brxle
            case 0xa7 -> extension >= 4 && extension <= 7; // brc, bras, brct, brctg
            case 0xec ->
                    switch (last) {
                        case 0x44, 0x45 -> true; // brxhg, brxlg
                        case 0x64, 0x65, 0x76, 0x77 -> true; // cgrj, clgrj, crj, clrj
                        case 0x7c, 0x7d, 0x7e, 0x7f -> true; // cgij, clgij, cij, clij
                        default -> false;
                    };
            default -> false;
        };
    }

    private static boolean hasDistance32(int first, int extension) {
        return switch (first) {
            case 0xc0 -> extension == 0 || extension == 4 || extension == 5; // larl, brcl, brasl
            case 0xc4, 0xc6 -> true; // lrl, strl and the like; exrl, chrl and the like
            case 0xcc -> extension == 6; // brcth
            default -> false;
        };
    }

    @Override
    public boolean isBranch(ElfSection section, long field, int type) {
        boolean isLong = form(type) == PC32DBL || form(type) == PC16DBL;
        if (!isLong || field < 2) {
            return false;
        }
        int first = section.content()[(int) field - 2] & 0xff;
        int extension = section.content()[(int) field - 1] & 0xf;
        return form(type) == PC16DBL
                || (first == 0xc0 && (extension == 4 || extension == 5))
                || first == 0xcc;
    }

    @Override
    public Map<Integer, FieldBits> lines(ObjectModel model, Item function) {
        LineTracker tracker = new LineTracker(model, function, List.of(2, 3, 4, 5, 6));
        if (tracker.seesFiles()) {
            byte[] code = function.section().content();
            int length;
            for (int at = (int) function.offset(); at < function.end(); at += length) {
                length = length(code[at] & 0xff);
                if (at + length <= function.end()) {
                    follow(code, at, at - function.offset(), tracker);
                }
            }
        }
        return tracker.lines();
    }

    private static void follow(byte[] code, int at, long offset, LineTracker tracker) {
        int register = code[at + 1] >>> 4 & 0xf;
        int extension = code[at + 1] & 0xf;
        switch (code[at] & 0xff) {
            case 0xa7 -> {
                if (extension == 8 || extension == 9) { // lhi, lghi
                    tracker.constant(register, offset + 2, FieldBits.bytes(2));
                } else {
                    tracker.forgetAll();
                }
            }
            case 0xc0 -> {
                switch (extension) {
                    case 0 -> tracker.address(register, offset + 2); // larl
                    case 1 -> tracker.constant(register, offset + 2, FieldBits.bytes(4)); // lgfi
                    case 5 -> tracker.call(); // brasl
                    default -> tracker.forgetAll();
                }
            }
            case 0x92, 0x95 -> {} // mvi, cli: they name no register that they would write
            case 0x50, 0x42, 0x40 -> tracker.use(register); // st, stc, sth
            default -> tracker.forgetAll();
        }
    }

    /** larl leaves an address in a register; the relative loads and stores go nowhere else. */
    @Override
    public boolean mayBeAnchor(ElfSection section, long field, int type) {
        return form(type) != PC32DBL
                || field < 2
                || (section.content()[(int) field - 2] & 0xff) == 0xc0;
    }

    @Override
    public Set<String> tracers() {
        return Set.of("__fentry__", "_mcount");
    }

    @Override
    public boolean isMappingSymbol(String symbol) {
        return false;
    }

    @Override
    public boolean isReplacements(String section) {
        return section.startsWith(".altinstr") || section.equals(".fixup");
    }

    @Override
    public boolean hasReplacementsInText() {
        return false;
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
