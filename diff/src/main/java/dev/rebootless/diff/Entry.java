package dev.rebootless.diff;

import java.util.List;

/**
 * An entry of a special table.
 *
 * @param table which
 * @param offset in the table's section, in bytes
 * @param size in bytes
 * @param owner the code its anchor points into
 * @param place where in the owner the anchor points, in bytes
 * @param references its address fields, offsets relative to the entry
 */
public record Entry(
        SpecialTable table,
        dev.rebootless.elf.ElfSection section,
        long offset,
        long size,
        Item owner,
        long place,
        List<Reference> references) {
    /**
     * The length of the replacement code in bytes, the last byte of struct alt_instr; -1 where
     * there is none.
     */
    int replacementLength() {
        return table.replacement() < 0 ? -1 : section.content()[(int) (offset + size - 1)] & 0xff;
    }

    /**
     * True for the pointer of an alternative without replacement code: it is never followed, and
     * points wherever the next replacement, perhaps another function's, happens to begin.
     */
    public boolean isUnused(Reference reference) {
        return reference.offset() == table.replacement() && replacementLength() == 0;
    }
}
