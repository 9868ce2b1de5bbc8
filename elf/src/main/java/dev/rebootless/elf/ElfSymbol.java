package dev.rebootless.elf;

import java.util.Optional;

/**
 * A symbol: a value with an identity, since names repeat ({@code foo.1}, static functions, section
 * symbols).
 */
public final class ElfSymbol {
    private final String name;
    private final long value;
    private final long size;
    private final int type;
    private final int binding;
    private final int other;
    private final SymbolPlace place;

    /**
     * A symbol.
     *
     * @param value offset in its section (relocatable objects), address (images), or alignment
     *     (common)
     * @param size in bytes, 0 where unknown or none
     * @param type STT_*, 0 to 15
     * @param binding STB_*, 0 to 15
     * @param other st_other: visibility and, on some architectures, more
     */
    public ElfSymbol(
            String name,
            long value,
            long size,
            int type,
            int binding,
            int other,
            SymbolPlace place) {
        this.name = name;
        this.value = value;
        this.size = size;
        this.type = type;
        this.binding = binding;
        this.other = other;
        this.place = place;
    }

    /** A global symbol that is defined elsewhere. */
    public static ElfSymbol undefined(String name) {
        return new ElfSymbol(name, 0, 0, Elf.STT_NOTYPE, Elf.STB_GLOBAL, 0, SymbolPlace.UNDEFINED);
    }

    /** The symbol of a section itself. */
    public static ElfSymbol ofSection(ElfSection section) {
        return new ElfSymbol(
                "", 0, 0, Elf.STT_SECTION, Elf.STB_LOCAL, 0, new SymbolPlace.In(section));
    }

    /** The name as in the string table; empty for section symbols. */
    public String name() {
        return name;
    }

    /** The name, or for a section symbol the section's name: for messages. */
    public String label() {
        return name.isEmpty() ? section().map(ElfSection::name).orElse("(nameless)") : name;
    }

    public long value() {
        return value;
    }

    public long size() {
        return size;
    }

    public int type() {
        return type;
    }

    public int binding() {
        return binding;
    }

    public int other() {
        return other;
    }

    public SymbolPlace place() {
        return place;
    }

    /** The section it lies in, where it lies in one. */
    public Optional<ElfSection> section() {
        return place instanceof SymbolPlace.In(ElfSection section)
                ? Optional.of(section)
                : Optional.empty();
    }

    public boolean isIn(ElfSection section) {
        return place instanceof SymbolPlace.In(ElfSection mine) && mine == section;
    }

    public boolean isUndefined() {
        return place instanceof SymbolPlace.Undefined;
    }

    public boolean isFunction() {
        return type == Elf.STT_FUNC;
    }

    public boolean isObject() {
        return type == Elf.STT_OBJECT;
    }

    public boolean isSectionSymbol() {
        return type == Elf.STT_SECTION;
    }

    public boolean isLocal() {
        return binding == Elf.STB_LOCAL;
    }

    /** The same symbol at another place; it has an identity of its own. */
    public ElfSymbol at(SymbolPlace otherPlace, long otherValue) {
        return new ElfSymbol(name, otherValue, size, type, binding, other, otherPlace);
    }

    @Override
    public String toString() {
        return label() + "@" + place + "+" + Long.toHexString(value);
    }
}
