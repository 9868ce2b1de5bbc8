package dev.rebootless.elf;

/**
 * One relocation with an explicit addend (Elf64_Rela), pointing at a symbol.
 *
 * @param offset of the field in the section that is relocated, in bytes
 * @param type R_* of the architecture
 */
public record ElfRelocation(long offset, int type, ElfSymbol symbol, long addend) {
    /** The same against another symbol. */
    public ElfRelocation to(ElfSymbol otherSymbol, long otherAddend) {
        return new ElfRelocation(offset, type, otherSymbol, otherAddend);
    }

    /** The same at another offset. */
    public ElfRelocation at(long otherOffset) {
        return new ElfRelocation(otherOffset, type, symbol, addend);
    }
}
