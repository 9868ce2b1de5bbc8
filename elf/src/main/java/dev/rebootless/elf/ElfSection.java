package dev.rebootless.elf;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * A section with its content: a value with an identity. Two sections of one name and content are
 * two sections; what points at a section (symbols, relocation tables, groups) holds the section
 * itself, never an index.
 *
 * <p>The tables that hold an object together (symbol table, string tables, relocation sections,
 * groups) are no sections here: {@link ElfReader} turns them into symbols, relocations and groups,
 * {@link ElfWriter} back.
 */
public final class ElfSection {
    private final String name;
    private final int type;
    private final long flags;
    private final long address;
    private final long alignment;
    private final long entrySize;
    private final long size;
    private final byte[] content;

    private ElfSection(
            String name,
            int type,
            long flags,
            long address,
            long alignment,
            long entrySize,
            long size,
            byte[] content) {
        this.name = name;
        this.type = type;
        this.flags = flags;
        this.address = address;
        this.alignment = alignment;
        this.entrySize = entrySize;
        this.size = size;
        this.content = content;
    }

    /**
     * A section with bytes of its own.
     *
     * @param content shared, not copied: the caller gives it away
     */
    public static ElfSection of(
            String name,
            int type,
            long flags,
            long address,
            long alignment,
            long entrySize,
            byte[] content) {
        return new ElfSection(
                name, type, flags, address, alignment, entrySize, content.length, content);
    }

    /** A section of program bytes that is neither mergeable nor placed. */
    public static ElfSection progbits(String name, long flags, long alignment, byte[] content) {
        return of(name, Elf.SHT_PROGBITS, flags, 0, alignment, 0, content);
    }

    /** A section of zeroes that takes no room in the file. */
    public static ElfSection nobits(
            String name, long flags, long address, long alignment, long size) {
        return new ElfSection(
                name, Elf.SHT_NOBITS, flags, address, alignment, 0, size, new byte[0]);
    }

    public String name() {
        return name;
    }

    /** sh_type. */
    public int type() {
        return type;
    }

    /** sh_flags. */
    public long flags() {
        return flags;
    }

    /** sh_addr; 0 in relocatable objects. */
    public long address() {
        return address;
    }

    /** sh_addralign in bytes; 0 and 1 both mean none. */
    public long alignment() {
        return alignment;
    }

    /** sh_entsize in bytes, 0 where entries have no fixed size. */
    public long entrySize() {
        return entrySize;
    }

    /** Bytes in memory; for {@link #isNobits} there are none of them in {@link #content}. */
    public long size() {
        return size;
    }

    /**
     * The bytes, empty for {@link #isNobits}. The array is shared for speed: it must never be
     * written to.
     */
    public byte[] content() {
        return content;
    }

    /** A read-only view of the content in the given byte order. */
    public ByteBuffer buffer(ByteOrder order) {
        return ByteBuffer.wrap(content).asReadOnlyBuffer().order(order);
    }

    public boolean isNobits() {
        return type == Elf.SHT_NOBITS;
    }

    public boolean isAllocated() {
        return (flags & Elf.SHF_ALLOC) != 0;
    }

    public boolean isExecutable() {
        return (flags & Elf.SHF_EXECINSTR) != 0;
    }

    public boolean isWritable() {
        return (flags & Elf.SHF_WRITE) != 0;
    }

    /** True for mergeable sections of zero-terminated strings, such as {@code .rodata.str1.1}. */
    public boolean isStrings() {
        return (flags & (Elf.SHF_MERGE | Elf.SHF_STRINGS)) == (Elf.SHF_MERGE | Elf.SHF_STRINGS);
    }

    /** The same section with other bytes; it has an identity of its own. */
    public ElfSection withContent(byte[] bytes) {
        return of(name, type, flags, address, alignment, entrySize, bytes);
    }

    /** The same section under another name. */
    public ElfSection withName(String other) {
        return new ElfSection(other, type, flags, address, alignment, entrySize, size, content);
    }

    @Override
    public String toString() {
        return name + "[" + size + "]";
    }
}
