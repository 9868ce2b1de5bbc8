package dev.rebootless.diff;

import java.util.List;

/**
 * The sections in which the kernel keeps tables of facts about places in code. An entry belongs to
 * the function that its anchor points into, and goes where the function goes. Sources: the asm
 * macros that write them, in the headers named below, and tools/objtool/special.c and check.c,
 * which read them.
 *
 * @param section name of the section
 * @param role what becomes of an entry when its function is carried
 * @param anchor offset of the field in the entry that points into the code
 * @param entrySize in bytes; 0 where it follows from the number of anchors, since it differs
 *     between kernels
 * @param fieldsPerEntry relocations in an entry, where the size follows from their number
 * @param replacement offsets of the fields (pointer, length byte) that describe a piece of other
 *     code, or -1
 * @param line offset of a field of a source line number, which does not count as a change, or -1
 * @param lineBits how many low bits of it, from its little-endian start
 */
public record SpecialTable(
        String section,
        Role role,
        int anchor,
        int entrySize,
        int fieldsPerEntry,
        int replacement,
        int line,
        int lineBits) {

    /** What becomes of an entry when its function moves. */
    public enum Role {
        /** The kernel reads it in the module: carried. */
        CARRIED,
        /**
         * objtool reads it: carried to the link, dropped by the module loader as it is not
         * allocated.
         */
        ANNOTATION,
        /**
         * Made by objtool from the code: neither compared nor carried, since objtool makes it anew.
         */
        DERIVED,
        /** Of no meaning to the running kernel or this tool. */
        IGNORED
    }

    static SpecialTable carried(String section, int anchor, int size) {
        return new SpecialTable(section, Role.CARRIED, anchor, size, 0, -1, -1, 0);
    }

    static SpecialTable annotation(String section) {
        return new SpecialTable(section, Role.ANNOTATION, 0, 0, 1, -1, -1, 0);
    }

    static SpecialTable derived(String section) {
        return new SpecialTable(section, Role.DERIVED, 0, 0, 1, -1, -1, 0);
    }

    static SpecialTable ignored(String section) {
        return new SpecialTable(section, Role.IGNORED, 0, 0, 1, -1, -1, 0);
    }

    /** Those that kernels for x86-64 have. */
    public static final List<SpecialTable> X86_64 =
            List.of(
                    // arch/x86/include/asm/bug.h: s32 bug_addr, s32 file, u16 line, u16 flags.
                    new SpecialTable("__bug_table", Role.CARRIED, 0, 12, 0, -1, 8, 16),
                    // arch/x86/include/asm/extable.h: s32 insn, s32 fixup, s32 data.
                    carried("__ex_table", 0, 12),
                    // arch/x86/include/asm/alternative.h: s32 instr, s32 replacement, flags, u8
                    // length, u8
                    // length of the replacement; 12 bytes in 6.1, 14 in 6.12.
                    new SpecialTable(".altinstructions", Role.CARRIED, 0, 0, 2, 4, -1, 0),
                    // arch/x86/include/asm/paravirt_types.h: u64 instr, u8 type, u8 length,
                    // padding.
                    carried(".parainstructions", 0, 16),
                    // arch/x86/include/asm/alternative.h, LOCK_PREFIX_HERE: s32.
                    carried(".smp_locks", 0, 4),
                    // include/linux/jump_label.h: s32 code, s32 target, s64 key.
                    carried("__jump_table", 0, 16),
                    // scripts/recordmcount.h: u64.
                    carried("__mcount_loc", 0, 8),
                    // gcc, -fpatchable-function-entry: u64; the kernel's own list is __mcount_loc.
                    // What it says of padding is read by EntryPadding.
                    ignored("__patchable_function_entries"),
                    annotation(".discard.reachable"),
                    annotation(".discard.unreachable"),
                    annotation(".discard.retpoline_safe"),
                    annotation(".discard.noendbr"),
                    annotation(".discard.instr_begin"),
                    annotation(".discard.instr_end"),
                    annotation(".discard.intra_function_calls"),
                    annotation(".discard.ignore_alts"),
                    annotation(".discard.func_stack_frame_non_standard"),
                    annotation(".discard.unwind_hints"),
                    annotation(".discard.annotate_insn"),
                    annotation(".discard.validate_unret"),
                    derived(".orc_unwind"),
                    derived(".orc_unwind_ip"),
                    derived(".orc_header"),
                    derived(".return_sites"),
                    derived(".retpoline_sites"),
                    derived(".call_sites"),
                    derived(".ibt_endbr_seal"),
                    derived(".static_call_sites"),
                    // include/linux/compiler.h, __ADDRESSABLE: keeps a symbol alive for the linker.
                    ignored(".discard.addressable"),
                    ignored(".discard.sym"),
                    // include/linux/moduleparam.h, MODULE_INFO: text for people and modprobe.
                    ignored(".modinfo"),
                    ignored(".eh_frame"));
}
