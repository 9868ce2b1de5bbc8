package dev.rebootless.elf;

import java.nio.ByteOrder;

/**
 * What the ELF header says of a 64-bit file (gABI, chapter 4, "ELF header").
 *
 * @param order byte order of the file
 * @param osAbi EI_OSABI
 * @param type e_type, such as {@link Elf#ET_REL}
 * @param machine e_machine, such as {@link Elf#EM_X86_64}
 * @param flags e_flags
 * @param entry e_entry, an address; 0 in relocatable objects
 */
public record ElfHeader(ByteOrder order, int osAbi, int type, int machine, int flags, long entry) {
    /** The header of a relocatable object for x86-64. */
    public static ElfHeader x86Relocatable() {
        return new ElfHeader(ByteOrder.LITTLE_ENDIAN, 0, Elf.ET_REL, Elf.EM_X86_64, 0, 0);
    }
}
