package dev.rebootless.kernel;

/**
 * A section of a kernel image, as its header has it.
 *
 * @param name such as {@code .text}
 * @param type SHT_… of the System V ABI
 * @param flags SHF_… of the System V ABI
 * @param address where it is in the running kernel without KASLR; 0 for one that is not loaded, and
 *     for the per-CPU section, whose addresses are offsets into each CPU's area
 * @param size in bytes
 * @param fileOffset of the first byte in the decompressed image
 */
public record ImageSection(
        String name, int type, long flags, long address, long size, long fileOffset) {
    private static final int SHT_NOTE = 7;
    private static final int SHT_NOBITS = 8;
    private static final long SHF_ALLOC = 2;
    private static final long SHF_EXECINSTR = 4;

    /** Whether it is in the running kernel's memory. */
    public boolean allocated() {
        return (flags & SHF_ALLOC) != 0;
    }

    /** Whether it holds code. */
    public boolean executable() {
        return (flags & SHF_EXECINSTR) != 0;
    }

    /** Whether its bytes are in the file; others ({@code .bss}) start as zeros. */
    public boolean inFile() {
        return type != SHT_NOBITS;
    }

    /** Whether it holds ELF notes. */
    boolean isNotes() {
        return type == SHT_NOTE;
    }

    /** Whether an address is in it. A section that is not loaded holds none. */
    public boolean contains(long at) {
        return allocated() && Long.compareUnsigned(at - address, size) < 0;
    }
}
