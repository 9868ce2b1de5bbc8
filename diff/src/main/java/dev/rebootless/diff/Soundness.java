package dev.rebootless.diff;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.elf.Elf;
import dev.rebootless.elf.ElfObject;
import dev.rebootless.elf.ElfRelocation;
import dev.rebootless.elf.ElfSection;
import dev.rebootless.elf.ElfSymbol;
import java.util.HashSet;
import java.util.Set;

/**
 * What the differ relies on beyond what the ELF reader has checked: limits on sizes, and that every
 * address field lies whole in the thing it belongs to.
 */
final class Soundness {
    private Soundness() {}

    /** Far above any section of a unit; bounds what a section of zeroes can make us allocate. */
    private static final long MAX_SECTION_BYTES = 256L << 20;

    /** Units have some hundred mergeable constants; bounds the items that one section becomes. */
    private static final long MAX_ENTRIES = 1 << 20;

    /** The largest that a kernel asks for is a huge page (arch/x86/kernel/vmlinux.lds.S). */
    private static final long MAX_ALIGNMENT = 2L << 20;

    /**
     * Checks a whole object.
     *
     * @throws RebootlessException exit status 2, {@code RBL-ELF}; exit status 4, {@code
     *     RBL-RELOCATION}
     */
    static void require(ElfObject object, Architecture architecture) {
        for (ElfSection section : object.sections()) {
            String name = section.name();
            check(
                    section.size() <= MAX_SECTION_BYTES,
                    "section " + name + " has " + section.size() + " bytes");
            check(
                    section.alignment() <= MAX_ALIGNMENT,
                    "section " + name + " has the alignment " + section.alignment());
            check(
                    section.entrySize() >= 0 && section.entrySize() <= MAX_SECTION_BYTES,
                    "section " + name + " has entries of " + section.entrySize() + " bytes");
            boolean isCutInEntries = (section.flags() & Elf.SHF_MERGE) != 0 && !section.isStrings();
            check(
                    !isCutInEntries
                            || section.size() / Math.max(1, section.entrySize()) <= MAX_ENTRIES,
                    "section " + name + " has more than " + MAX_ENTRIES + " entries");
            boolean needsBytes =
                    section.isExecutable()
                            || section.isStrings()
                            || architecture.table(name).isPresent()
                            || !object.relocations(section).isEmpty();
            check(
                    !section.isNobits() || section.size() == 0 || !needsBytes,
                    "section " + name + " has no content in the file");
            requireRelocations(object, section, architecture);
            for (ElfSymbol symbol : object.symbolsIn(section)) {
                check(
                        symbol.size() >= 0,
                        "symbol " + symbol.name() + " has the negative size " + symbol.size());
            }
        }
    }

    private static void requireRelocations(
            ElfObject object, ElfSection section, Architecture architecture) {
        boolean matters = section.isAllocated() || architecture.table(section.name()).isPresent();
        Set<Long> places = new HashSet<>();
        for (ElfRelocation relocation : object.relocations(section)) {
            FieldBits bits = architecture.field(relocation.type()).orElse(null);
            if (bits == null && matters) {
                throw RebootlessException.refused(
                        "RBL-RELOCATION",
                        section.name(),
                        "it has a relocation of type "
                                + relocation.type()
                                + ", which is not known for "
                                + architecture.name(),
                        "report it with the object, and how it was compiled");
            }
            requireInside(
                    relocation, bits == null ? 0 : bits.size(), section.size(), section.name());
            if (matters
                    && !architecture.allowsSharedFields()
                    && bits != null
                    && bits.size() > 0
                    && !places.add(relocation.offset())) {
                throw RebootlessException.refused(
                        "RBL-RELOCATION",
                        section.name(),
                        "it has two relocations for the bytes at " + relocation.offset(),
                        "report it with the object, and how it was compiled");
            }
        }
    }

    /**
     * Checks that a field ends before its section, item or entry does.
     *
     * @param size of the field in bytes
     */
    static void requireInside(ElfRelocation field, int size, long end, String what) {
        check(
                field.offset() + size <= end,
                "an address field at " + field.offset() + " reaches beyond the end of " + what);
    }

    /** Checks that a string lies in its section. */
    static void requireString(ElfSection section, long offset) {
        check(
                offset >= 0 && offset < section.size(),
                "a reference lies outside of the strings in " + section.name());
    }

    private static void check(boolean holds, String otherwise) {
        if (!holds) {
            throw RebootlessException.usage(
                    "RBL-ELF", "", "the object is damaged: " + otherwise, "compile it again");
        }
    }
}
