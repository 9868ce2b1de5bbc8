package dev.rebootless.kernel;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * One of the tables in which a shipped kernel keeps facts about places in its code: where a WARN
 * is, what a fault leads to, what replaces an instruction on some processors.
 *
 * <p>Immutable. An entry is found by the place in code that its first field points at.
 */
public final class CodeTable {
    /** How the first field names a place in code. */
    enum Anchor {
        /** {@code s32}, the distance from the field itself. */
        RELATIVE_32(4),
        /** {@code u64}, the address. */
        ABSOLUTE_64(8);

        private final int bytes;

        Anchor(int bytes) {
            this.bytes = bytes;
        }
    }

    /**
     * What is known of a table: the name of its section in an object, the symbols around it in the
     * linked image, and the structure of an entry.
     *
     * @param struct in the kernel's BTF; empty for a bare number
     */
    record Kind(String section, String start, String stop, String struct, Anchor anchor) {}

    /**
     * The tables of x86-64. The symbols are those of include/asm-generic/vmlinux.lds.h and
     * arch/x86/kernel/vmlinux.lds.S; the structures are named in the comments of the sections'
     * macros, as in {@code asm/bug.h}.
     */
    static final List<Kind> KINDS =
            List.of(
                    new Kind(
                            "__bug_table",
                            "__start___bug_table",
                            "__stop___bug_table",
                            "bug_entry",
                            Anchor.RELATIVE_32),
                    new Kind(
                            "__ex_table",
                            "__start___ex_table",
                            "__stop___ex_table",
                            "exception_table_entry",
                            Anchor.RELATIVE_32),
                    new Kind(
                            ".altinstructions",
                            "__alt_instructions",
                            "__alt_instructions_end",
                            "alt_instr",
                            Anchor.RELATIVE_32),
                    new Kind(
                            ".parainstructions",
                            "__parainstructions",
                            "__parainstructions_end",
                            "paravirt_patch_site",
                            Anchor.ABSOLUTE_64),
                    new Kind(
                            ".smp_locks", "__smp_locks", "__smp_locks_end", "", Anchor.RELATIVE_32),
                    new Kind(
                            "__jump_table",
                            "__start___jump_table",
                            "__stop___jump_table",
                            "jump_entry",
                            Anchor.RELATIVE_32),
                    // The ENDBR instructions that the booting kernel takes away, since nothing
                    // calls
                    // the functions through a pointer (arch/x86/kernel/alternative.c,
                    // apply_seal_endbr). Only kernels with CONFIG_X86_KERNEL_IBT have it.
                    new Kind(
                            ".ibt_endbr_seal",
                            "__ibt_endbr_seal",
                            "__ibt_endbr_seal_end",
                            "",
                            Anchor.RELATIVE_32));

    /**
     * An entry.
     *
     * @param address of its first byte in the image
     * @param place in code that it is about
     * @param bytes as linked; a copy of its own
     */
    public record Entry(long address, long place, byte[] bytes) {}

    private final long start;
    private final byte[] content;
    private final int entrySize;

    /** The place and the index of each entry, by place, and of equal places by index. */
    private final long[] places;

    private final int[] indexes;

    private CodeTable(long start, byte[] content, int entrySize, long[] places, int[] indexes) {
        this.start = start;
        this.content = content;
        this.entrySize = entrySize;
        this.places = places;
        this.indexes = indexes;
    }

    /**
     * @param start address of the first byte
     * @param content whole entries; taken over
     */
    static CodeTable of(long start, byte[] content, int entrySize, Anchor anchor) {
        int count = content.length / entrySize;
        long[] places = new long[count];
        Integer[] order = new Integer[count];
        for (int i = 0; i < count; i++) {
            int at = i * entrySize;
            places[i] =
                    switch (anchor) {
                        case RELATIVE_32 -> start + at + Foreign.int32(content, at);
                        case ABSOLUTE_64 -> Foreign.int64(content, at);
                    };
            order[i] = i;
        }
        // Stable, so that several entries of one place stay in the order of the table, which is
        // the order in which the kernel applies them.
        Arrays.sort(order, (a, b) -> Long.compareUnsigned(places[a], places[b]));
        long[] sorted = new long[count];
        int[] indexes = new int[count];
        for (int i = 0; i < count; i++) {
            sorted[i] = places[order[i]];
            indexes[i] = order[i];
        }
        return new CodeTable(start, content, entrySize, sorted, indexes);
    }

    /** The bytes that an entry of a kind has at least: its first field. */
    static int leastBytes(Kind kind) {
        return kind.anchor().bytes;
    }

    /** How many entries there are. */
    public int size() {
        return places.length;
    }

    /**
     * The entries about places from {@code from} on and below {@code to}: by place, those of one
     * place in the order of the table.
     */
    public List<Entry> within(long from, long to) {
        List<Entry> found = new ArrayList<>();
        for (int i = firstNotBelow(from);
                i < places.length && Long.compareUnsigned(places[i], to) < 0;
                i++) {
            int at = indexes[i] * entrySize;
            found.add(
                    new Entry(
                            start + at,
                            places[i],
                            Arrays.copyOfRange(content, at, at + entrySize)));
        }
        return found;
    }

    private int firstNotBelow(long place) {
        int low = 0;
        int high = places.length;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (Long.compareUnsigned(places[middle], place) < 0) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }
}
