package dev.rebootless.kernel;

import java.nio.charset.StandardCharsets;
import java.util.AbstractList;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.RandomAccess;

/**
 * The symbols of vmlinux in kallsyms order, which is by address.
 *
 * <p>Immutable. The names are one array of bytes and a {@link KernelSymbol} is made when it is
 * asked for: 200,000 symbols cost 10 MB and next to no time until then.
 */
public final class KernelSymbols {
    private final byte[] names;

    /** Where each name starts in {@link #names}; one more entry is the end of the last. */
    private final int[] starts;

    private final byte[] types;
    private final long[] addresses;

    /** The first symbol of each hash bucket, or -1. */
    private final int[] buckets;

    /** For each symbol the next one in its bucket, always a later one, or -1. */
    private final int[] next;

    private KernelSymbols(
            byte[] names, int[] starts, byte[] types, long[] addresses, int[] buckets, int[] next) {
        this.names = names;
        this.starts = starts;
        this.types = types;
        this.addresses = addresses;
        this.buckets = buckets;
        this.next = next;
    }

    /**
     * Takes over the arrays.
     *
     * @param hashes of the names, each as {@link String#hashCode()} of the name
     */
    static KernelSymbols of(
            byte[] names, int[] starts, byte[] types, long[] addresses, int[] hashes) {
        int count = addresses.length;
        int[] buckets = new int[Math.max(1, Integer.highestOneBit(count) << 1)];
        java.util.Arrays.fill(buckets, -1);
        int[] next = new int[count];
        // From the last to the first, so that every chain is in kallsyms order.
        for (int i = count - 1; i >= 0; i--) {
            int bucket = bucket(hashes[i], buckets.length);
            next[i] = buckets[bucket];
            buckets[bucket] = i;
        }
        return new KernelSymbols(names, starts, types, addresses, buckets, next);
    }

    private static int bucket(int hash, int buckets) {
        return (hash ^ hash >>> 15) & (buckets - 1);
    }

    /** How many there are. */
    public int size() {
        return addresses.length;
    }

    /** The symbol at a place in kallsyms, 0 to {@link #size()} - 1. */
    public KernelSymbol get(int index) {
        return new KernelSymbol(
                new String(
                        names,
                        starts[index],
                        starts[index + 1] - starts[index],
                        StandardCharsets.ISO_8859_1),
                (char) types[index],
                addresses[index],
                index);
    }

    /** All in kallsyms order; a view that makes them when asked. */
    public List<KernelSymbol> all() {
        return new View();
    }

    private final class View extends AbstractList<KernelSymbol> implements RandomAccess {
        @Override
        public KernelSymbol get(int index) {
            return KernelSymbols.this.get(Objects.checkIndex(index, size()));
        }

        @Override
        public int size() {
            return addresses.length;
        }
    }

    /** All of one name in kallsyms order; empty when there is none. */
    public List<KernelSymbol> named(String name) {
        byte[] wanted = name.getBytes(StandardCharsets.ISO_8859_1);
        List<KernelSymbol> found = new ArrayList<>(2);
        for (int i = buckets[bucket(name.hashCode(), buckets.length)]; i >= 0; i = next[i]) {
            if (java.util.Arrays.equals(
                    names, starts[i], starts[i + 1], wanted, 0, wanted.length)) {
                found.add(new KernelSymbol(name, (char) types[i], addresses[i], i));
            }
        }
        return List.copyOf(found);
    }

    /** The one symbol of a name; empty when there is none or more than one. */
    public Optional<KernelSymbol> unique(String name) {
        List<KernelSymbol> found = named(name);
        return found.size() == 1 ? Optional.of(found.getFirst()) : Optional.empty();
    }

    /**
     * What a livepatch gives as {@code old_sympos}, and in {@code .klp.sym.…,POS}, for a symbol of
     * vmlinux: 0 when its name is unique, else n for the n-th of its name in kallsyms order.
     *
     * <p>That this is how the kernel counts is in klp_find_callback() of kernel/livepatch/core.c:
     * it is called for the symbols of vmlinux in the order of kallsyms (kallsyms_on_each_symbol(),
     * and from 6.2 on kallsyms_on_each_match_symbol(), whose names are sorted by name, then
     * address, then kallsyms order), counts those whose name is equal, of whatever type, and stops
     * at the count asked for; with 0 it fails when it meets a second.
     *
     * @throws IllegalArgumentException when the symbol is not one of these
     */
    public int sympos(KernelSymbol symbol) {
        List<KernelSymbol> found = named(symbol.name());
        int position = found.indexOf(symbol);
        if (position < 0) {
            throw new IllegalArgumentException("not a symbol of this kernel: " + symbol);
        }
        return found.size() == 1 ? 0 : position + 1;
    }

    /** All at exactly this address, in kallsyms order; empty when there is none. */
    public List<KernelSymbol> at(long address) {
        List<KernelSymbol> found = new ArrayList<>(2);
        for (int i = firstNotBelow(address); i < addresses.length && addresses[i] == address; i++) {
            found.add(get(i));
        }
        return List.copyOf(found);
    }

    /**
     * The symbol that an address belongs to: the nearest at or below it, of several there the
     * first, as get_symbol_pos() in kernel/kallsyms.c does. kallsyms has no sizes, so an address
     * behind a section's last symbol gives that symbol too: ask {@link KernelImage#sectionAt}
     * first. Empty only below the first symbol.
     */
    public Optional<KernelSymbol> containing(long address) {
        int i = firstNotBelow(address);
        if (i == addresses.length || addresses[i] != address) {
            if (i == 0) {
                return Optional.empty();
            }
            i = firstNotBelow(addresses[i - 1]);
        }
        return Optional.of(get(i));
    }

    /**
     * The lowest address of a symbol above this one, which bounds the extent of what is at this
     * one; empty behind the last.
     */
    public OptionalLong nextAddressAfter(long address) {
        int i = address == -1 ? addresses.length : firstNotBelow(address + 1);
        return i == addresses.length ? OptionalLong.empty() : OptionalLong.of(addresses[i]);
    }

    /** The index of the first symbol at or above an address; the size when there is none. */
    private int firstNotBelow(long address) {
        int low = 0;
        int high = addresses.length;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (Long.compareUnsigned(addresses[middle], address) < 0) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }
}
