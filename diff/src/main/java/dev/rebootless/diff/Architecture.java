package dev.rebootless.diff;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.elf.Elf;
import dev.rebootless.elf.ElfHeader;
import dev.rebootless.elf.ElfRelocation;
import dev.rebootless.elf.ElfSection;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * All that the differ has to know of a machine: what its relocations fill, which instructions
 * branch, and in which sections its kernels keep tables. Nothing else in this package asks which
 * machine it is. An instance serves one object.
 */
sealed interface Architecture permits X86_64, Aarch64, Ppc64le, S390x {
    /** As the kernel's people write it. */
    String name();

    /** The tables of kernels for this machine, in the order in which they are carried. */
    List<SpecialTable> tables();

    /** The table that is in a section of this name. */
    default Optional<SpecialTable> table(String section) {
        return tables().stream().filter(t -> t.section().equals(section)).findFirst();
    }

    /** What a relocation fills; empty for a type that is not known. */
    Optional<FieldBits> field(int type);

    /** One type for all relocations that do the same arithmetic on the same bits. */
    int form(int type);

    /**
     * The bytes from a PC-relative field to the place that the processor, or the reader of a table,
     * counts from: symbol value plus addend plus this is the place meant. 0 for other fields.
     */
    long reach(ElfSection section, ElfRelocation relocation);

    /**
     * Of which field a field of a table's entry is the other end: the two say from where to where
     * something reaches. -1 for all others.
     *
     * @param field its offset in the entry
     */
    default int startOf(SpecialTable table, long field) {
        return -1;
    }

    /** Whether code holds nothing but what assembler and compiler fill it up with. */
    boolean isPadding(ElfSection section, long from, long to);

    /** The distances in the instructions of a piece of code, in the order of the code. */
    List<Branch> branches(ElfSection section, long from, long to);

    /**
     * Whether an address field of code is in a branch or call, so that the address goes nowhere
     * else.
     *
     * @param field its offset in the section
     */
    boolean isBranch(ElfSection section, long field, int type);

    /**
     * Whether an address field of code is in an instruction that leaves a return address. Asked
     * only where objects are extracted.
     *
     * @param field its offset in the section
     */
    default boolean isCall(ElfSection section, long field, int type) {
        return false;
    }

    /**
     * Whether code asks whether something is equal to an address field, as the number that it is.
     * Known only where objects are extracted.
     *
     * @param from where the code begins in the section, with {@code to} where it ends
     * @param field its offset in the section
     */
    default boolean isCompared(ElfSection section, long from, long to, long field) {
        return false;
    }

    /**
     * Whether code may go back to its caller, or to where it cannot be seen that it does not: by a
     * return, by a jump through a register or memory, or by what is no instruction.
     *
     * @param from where the code begins in the section, with {@code to} where it ends
     */
    default boolean mayReturn(ElfSection section, long from, long to) {
        return true;
    }

    /**
     * The fields of a function, by their offset in it, that hold the number of a source line which
     * the code reports. Where none is understood, lines that move make the function changed.
     */
    Map<Integer, FieldBits> lines(ObjectModel model, Item function);

    /**
     * Whether the code at a field makes a register point at the place, from where further
     * instructions may go on to the place's neighbours: gcc's section anchors (gcc/varasm.cc,
     * use_anchored_address).
     *
     * @param field its offset in the section
     */
    boolean mayBeAnchor(ElfSection section, long field, int type);

    /** Functions, beside the tables, by whose call at its begin ftrace can route a function. */
    Set<String> tracers();

    /** Whether a symbol only marks what the bytes are, as mapping symbols do. */
    boolean isMappingSymbol(String symbol);

    /** Sections of pieces of code or data that replace others, without names. */
    boolean isReplacements(String section);

    /** Whether replacements of alternatives lie behind the functions, in their own section. */
    boolean hasReplacementsInText();

    /**
     * Bytes of each entry of a section of constants that the compiler made and that is not
     * mergeable; 0 for other sections.
     */
    int constantBytes(String section);

    /** Whether extracted objects are made. */
    boolean canExtract();

    /** Whether two relocations may be at one place; the second then counts. */
    boolean allowsSharedFields();

    /**
     * The architecture of an object.
     *
     * @throws RebootlessException {@code RBL-ARCHITECTURE} for a machine or byte order that is not
     *     served
     */
    static Architecture of(ElfHeader header) {
        boolean little = header.order() == ByteOrder.LITTLE_ENDIAN;
        Architecture architecture =
                switch (header.machine()) {
                    case Elf.EM_X86_64 -> new X86_64();
                    case Elf.EM_AARCH64 -> little ? new Aarch64() : null;
                    case Elf.EM_PPC64 -> little ? new Ppc64le() : null;
                    case Elf.EM_S390 -> little ? null : new S390x();
                    default -> null;
                };
        if (architecture == null) {
            throw RebootlessException.refused(
                    "RBL-ARCHITECTURE",
                    "",
                    "the object is for machine "
                            + header.machine()
                            + (little ? ", little-endian" : ", big-endian")
                            + "; served are x86-64 (62), aarch64 (183, little-endian), ppc64le (21,"
                            + " little-endian) and s390x (22, big-endian)",
                    "build for one of these machines");
        }
        return architecture;
    }
}
