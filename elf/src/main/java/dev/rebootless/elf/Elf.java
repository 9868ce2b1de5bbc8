package dev.rebootless.elf;

/**
 * Numbers of the ELF format: System V gABI (version 4.2 draft), chapters 4 and 5; those of Linux in
 * include/uapi/linux/elf.h; those of an architecture in its psABI supplement.
 */
public final class Elf {
    private Elf() {}

    public static final int ET_REL = 1;
    public static final int ET_EXEC = 2;
    public static final int ET_DYN = 3;

    public static final int EM_S390 = 22;
    public static final int EM_PPC64 = 21;
    public static final int EM_X86_64 = 62;
    public static final int EM_AARCH64 = 183;

    public static final int SHT_NULL = 0;
    public static final int SHT_PROGBITS = 1;
    public static final int SHT_SYMTAB = 2;
    public static final int SHT_STRTAB = 3;
    public static final int SHT_RELA = 4;
    public static final int SHT_NOTE = 7;
    public static final int SHT_NOBITS = 8;
    public static final int SHT_REL = 9;
    public static final int SHT_GROUP = 17;
    public static final int SHT_SYMTAB_SHNDX = 18;

    /**
     * LLVM's address-significance table: sh_link is the symbol table and the content is symbol
     * indexes.
     */
    public static final int SHT_LLVM_ADDRSIG = 0x6fff4c03;

    public static final long SHF_WRITE = 0x1;
    public static final long SHF_ALLOC = 0x2;
    public static final long SHF_EXECINSTR = 0x4;
    public static final long SHF_MERGE = 0x10;
    public static final long SHF_STRINGS = 0x20;
    public static final long SHF_INFO_LINK = 0x40;
    public static final long SHF_LINK_ORDER = 0x80;
    public static final long SHF_GROUP = 0x200;
    public static final long SHF_COMPRESSED = 0x800;

    /** A section of klp relocations: include/uapi/linux/elf.h. */
    public static final long SHF_RELA_LIVEPATCH = 0x00100000;

    public static final int SHN_UNDEF = 0;
    public static final int SHN_LORESERVE = 0xff00;

    /** A symbol that the kernel's livepatch core resolves: include/uapi/linux/elf.h. */
    public static final int SHN_LIVEPATCH = 0xff20;

    public static final int SHN_ABS = 0xfff1;
    public static final int SHN_COMMON = 0xfff2;
    public static final int SHN_XINDEX = 0xffff;

    public static final int STB_LOCAL = 0;
    public static final int STB_GLOBAL = 1;
    public static final int STB_WEAK = 2;

    public static final int STT_NOTYPE = 0;
    public static final int STT_OBJECT = 1;
    public static final int STT_FUNC = 2;
    public static final int STT_SECTION = 3;
    public static final int STT_FILE = 4;

    // AMD64 psABI, table 4.9.
    public static final int R_X86_64_NONE = 0;
    public static final int R_X86_64_64 = 1;
    public static final int R_X86_64_PC32 = 2;
    public static final int R_X86_64_PLT32 = 4;
    public static final int R_X86_64_32 = 10;
    public static final int R_X86_64_32S = 11;
    public static final int R_X86_64_PC16 = 13;
    public static final int R_X86_64_8 = 14;
    public static final int R_X86_64_PC8 = 15;
    public static final int R_X86_64_PC64 = 24;

    /** How many bytes of the section a relocation of x86-64 fills; 0 for R_X86_64_NONE. */
    public static int fieldSize(int type) {
        return switch (type) {
            case R_X86_64_NONE -> 0;
            case R_X86_64_64, R_X86_64_PC64 -> 8;
            case R_X86_64_PC16, 12 -> 2;
            case R_X86_64_8, R_X86_64_PC8 -> 1;
            default -> 4;
        };
    }
}
