package dev.rebootless.elf;

/** Where a symbol is (st_shndx, gABI chapter 4, "Symbol table"), without indexes. */
public sealed interface SymbolPlace {
    /** Defined elsewhere. */
    record Undefined() implements SymbolPlace {}

    /** A number, not an address. */
    record Absolute() implements SymbolPlace {}

    /** Storage that the linker allocates; the value is the alignment. */
    record Common() implements SymbolPlace {}

    /** Resolved by the kernel's livepatch core (Documentation/livepatch/module-elf-format.rst). */
    record Livepatch() implements SymbolPlace {}

    /** In a section of the same object; the value is the offset in it. */
    record In(ElfSection section) implements SymbolPlace {}

    SymbolPlace UNDEFINED = new Undefined();
    SymbolPlace ABSOLUTE = new Absolute();
    SymbolPlace COMMON = new Common();
    SymbolPlace LIVEPATCH = new Livepatch();
}
