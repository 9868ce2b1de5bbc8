package dev.rebootless.diff;

import dev.rebootless.elf.ElfSection;
import dev.rebootless.elf.ElfSymbol;

/** What a reference points at. */
public sealed interface Target {
    /**
     * A place in or next to an item of the same object.
     *
     * @param displacement symbol value plus addend, relative to the item's start: what the
     *     relocation encodes. For a PC-relative field in code it is short of the place by the bytes
     *     from the field to the instruction's end
     * @param place where the pointed-at byte is, relative to the item's start
     */
    record InItem(Item item, long displacement, long place) implements Target {}

    /**
     * A string of a mergeable section, identified by its characters.
     *
     * @param offset of the first character pointed at
     * @param displacement what the relocation encodes, minus {@code offset}
     */
    record Text(ElfSection section, long offset, long displacement) implements Target {}

    /** A symbol that another object defines, or that is no address. */
    record External(ElfSymbol symbol, long addend) implements Target {}
}
