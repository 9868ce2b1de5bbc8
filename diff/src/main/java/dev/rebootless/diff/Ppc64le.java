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
 * 64-bit POWER, little-endian. Relocations: Power Architecture 64-Bit ELF V2 ABI, 3.5; the numbers
 * as in binutils' include/elf/ppc64.h. Instructions: Power ISA 2.07, book I, 2.4 and 3.3.
 */
final class Ppc64le implements Architecture {
    private static final int ADDR64 = 38;
    private static final int REL24 = 10;
    private static final int REL14 = 11;
    private static final int REL24_NOTOC = 116;

    /** {@code ori 0,0,0}. */
    private static final int NOP = 0x60000000;

    /** arch/powerpc/include/asm/feature-fixups.h: tables that code macros fill. */
    private static final List<SpecialTable> TABLES =
            List.of(
                    // arch/powerpc/include/asm/bug.h: s32 bug, s32 file, u16 line, u16 flags.
                    new SpecialTable("__bug_table", SpecialTable.Role.CARRIED, 0, 12, 0, -1, 8, 16),
                    // arch/powerpc/include/asm/extable.h: s32 insn, s32 fixup.
                    carried("__ex_table", 0, 8),
                    // arch/powerpc/include/asm/jump_label.h: s32 code, s32 target, s64 key.
                    carried("__jump_table", 0, 16),
                    // scripts/recordmcount.h: u64.
                    carried("__mcount_loc", 0, 8),
                    carried("__patchable_function_entries", 0, 8),
                    // MAKE_FTR_SECTION_ENTRY: u64 mask, u64 value, s64 start, end, start and end of
                    // the alternative, all counted from the start of the entry.
                    carried("__ftr_fixup", 16, 48),
                    carried("__mmu_ftr_fixup", 16, 48),
                    carried("__fw_ftr_fixup", 16, 48),
                    // One or two s64 (s32 in __lwsync_fixup) each.
                    carried("__lwsync_fixup", 0, 8),
                    carried("__stf_entry_barrier_fixup", 0, 8),
                    carried("__stf_exit_barrier_fixup", 0, 8),
                    carried("__uaccess_flush_fixup", 0, 8),
                    carried("__entry_flush_fixup", 0, 8),
                    carried("__scv_entry_flush_fixup", 0, 8),
                    carried("__rfi_flush_fixup", 0, 8),
                    carried("__barrier_nospec_fixup", 0, 8),
                    ignored(".discard.addressable"),
                    ignored(".discard.sym"),
                    ignored(".export_symbol"),
                    ignored(".modinfo"),
                    ignored(".eh_frame"));

    @Override
    public String name() {
        return "ppc64le";
    }

    @Override
    public List<SpecialTable> tables() {
        return TABLES;
    }

    @Override
    public Optional<FieldBits> field(int type) {
        return Optional.ofNullable(
                switch (type) {
                    case 0, 118 -> FieldBits.bytes(0); // NONE, ENTRY
                    case ADDR64, 44, 51, 117 -> FieldBits.bytes(8); // REL64, TOC, ADDR64_LOCAL
                    case 1, 26 -> FieldBits.bytes(4); // ADDR32, REL32
                    // ADDR16, _LO, _HI, _HA, _HIGHER, _HIGHERA, _HIGHEST, _HIGHESTA, _HIGH, _HIGHA.
                    case 3, 4, 5, 6, 39, 40, 41, 42, 110, 111 -> FieldBits.bytes(2);
                    case 47, 48, 49, 50 -> FieldBits.bytes(2); // TOC16, _LO, _HI, _HA
                    case 249, 250, 251, 252 -> FieldBits.bytes(2); // REL16, _LO, _HI, _HA
                    // ADDR16_DS, ADDR16_LO_DS, TOC16_DS, TOC16_LO_DS: two bits are opcode.
                    case 56, 57, 63, 64 -> new FieldBits(2, 0xfffc);
                    case 2, REL24, REL24_NOTOC -> FieldBits.word(0x03fffffc); // ADDR24
                    case 7, REL14 -> FieldBits.word(0xfffc); // ADDR14
                    default -> null;
                });
    }

    @Override
    public int form(int type) {
        return type;
    }

    /** Distances in the fixup tables count from the start of their entry. */
    @Override
    public long reach(ElfSection section, ElfRelocation relocation) {
        String name = section.name();
        return name.startsWith("__") && name.endsWith("_fixup")
                ? -(relocation.offset() % (name.endsWith("ftr_fixup") ? 48 : 8))
                : 0;
    }

    /** struct fixup_entry: start_off and end_off, alt_start_off and alt_end_off. */
    @Override
    public int startOf(SpecialTable table, long field) {
        boolean isEnd = table.section().endsWith("ftr_fixup") && (field == 24 || field == 40);
        return isEnd ? (int) field - 8 : -1;
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
            boolean isAbsolute = (word & 2) != 0;
            int opcode = word >>> 26;
            if (opcode == 18 && !isAbsolute) { // b, bl
                list.add(new Branch(at, REL24, at + 4 * Words.signed(word, 2, 24), 0));
            } else if (opcode == 16 && !isAbsolute) { // bc, bcl
                list.add(new Branch(at, REL14, at + 4 * Words.signed(word, 2, 14), 0));
            }
        }
        return list;
    }

    @Override
    public boolean isBranch(ElfSection section, long field, int type) {
        return type == REL24 || type == REL14 || type == REL24_NOTOC;
    }

    @Override
    public Map<Integer, FieldBits> lines(ObjectModel model, Item function) {
        LineTracker tracker = new LineTracker(model, function, List.of(3, 4, 5, 6, 7, 8, 9, 10));
        if (tracker.seesFiles()) {
            ByteBuffer code = function.section().buffer(ByteOrder.LITTLE_ENDIAN);
            for (long at = 0; at + 4 <= function.size(); at += 4) {
                follow(code.getInt((int) (function.offset() + at)), at, tracker);
            }
        }
        return tracker.lines();
    }

    private static void follow(int word, long at, LineTracker tracker) {
        int register = word >>> 21 & 31;
        int second = word >>> 16 & 31;
        switch (word >>> 26) {
            case 14 -> { // li, addi
                if (second == 0) {
                    tracker.constant(register, at, FieldBits.word(0xffff));
                } else {
                    tracker.address(register, at);
                }
            }
            case 15 -> tracker.address(register, at); // lis, addis
            case 36, 38, 44 -> tracker.use(register); // stw, stb, sth
            case 32, 34, 40 -> tracker.forget(register); // lwz, lbz, lhz
            case 18 -> tracker.call(); // b, bl
            case 31 -> {
                if ((word >>> 1 & 0x3ff) == 444 && register == (word >>> 11 & 31)) { // mr
                    tracker.forget(second);
                    tracker.use(register);
                } else {
                    tracker.forgetAll();
                }
            }
            default -> {
                if (word != NOP) {
                    tracker.forgetAll();
                }
            }
        }
    }

    /**
     * addi leaves an address in a register, and so may whoever loads an entry of the table of
     * contents; other loads and stores with a relocation of their own go nowhere else.
     */
    @Override
    public boolean mayBeAnchor(ElfSection section, long field, int type) {
        boolean isWhole = section.isExecutable() && field + 4 <= section.size();
        return !isWhole || (section.content()[(int) field + 3] & 0xff) >> 2 == 14;
    }

    @Override
    public Set<String> tracers() {
        return Set.of("_mcount");
    }

    @Override
    public boolean isMappingSymbol(String symbol) {
        return false;
    }

    @Override
    public boolean isReplacements(String section) {
        return section.startsWith("__ftr_alt_") || section.equals(".fixup");
    }

    @Override
    public boolean hasReplacementsInText() {
        return false;
    }

    /** The table of contents: addresses that the compiler put there for the code to load. */
    @Override
    public int constantBytes(String section) {
        return section.equals(".toc") ? 8 : 0;
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
