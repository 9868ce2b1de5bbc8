package dev.rebootless.diff;

import dev.rebootless.elf.ElfSection;
import dev.rebootless.elf.ElfSymbol;
import java.util.List;

/**
 * A piece of an object that moves or stays as a whole: the bytes {@code [offset, offset + size)} of
 * a section. It has an identity: two items are the same only if they are the same piece.
 */
public final class Item {
    private final ItemKind kind;
    private final ElfSection section;
    private final long offset;
    private final long size;
    private final List<ElfSymbol> symbols;

    Item(ItemKind kind, ElfSection section, long offset, long size, List<ElfSymbol> symbols) {
        this.kind = kind;
        this.section = section;
        this.offset = offset;
        this.size = size;
        this.symbols = List.copyOf(symbols);
    }

    public ItemKind kind() {
        return kind;
    }

    public ElfSection section() {
        return section;
    }

    /** Where it starts in its section, in bytes. */
    public long offset() {
        return offset;
    }

    /** Bytes. */
    public long size() {
        return size;
    }

    public long end() {
        return offset + size;
    }

    /**
     * The symbols that start where it starts, the one that names it first; empty for what has no
     * name.
     */
    public List<ElfSymbol> symbols() {
        return symbols;
    }

    /** Its name in the symbol table, or section and offset where it has none. */
    public String name() {
        return symbols.isEmpty()
                ? section.name() + "+0x" + Long.toHexString(offset)
                : symbols.getFirst().name();
    }

    public boolean isFunction() {
        return kind == ItemKind.FUNCTION;
    }

    /** True when one of its names is known outside its unit. */
    public boolean isGlobal() {
        return symbols.stream().anyMatch(s -> !s.isLocal());
    }

    @Override
    public String toString() {
        return kind + " " + name();
    }
}
