package dev.rebootless.kernel;

import java.util.Arrays;
import java.util.Optional;

/**
 * Finds and decodes the symbol table that every kernel carries in its read-only data for its own
 * use. It has no section and no pointer to it, so it is found by what it is.
 *
 * <p>It is written by scripts/kallsyms.c and read by kernel/kallsyms.c. Each part is aligned to
 * eight bytes:
 *
 * <pre>
 * num_syms        u32   n
 * names           n times: length (one byte, or two with 7 bits each when the first has bit 7 set),
 *                 and as many bytes, each a number of a token; the first letter is the type
 * markers         u32   where in names each 256th symbol starts
 * seqs_of_names   3 bytes, big endian, n times: the order by name (6.2 and later, and 6.1 stable)
 * token_table     256 strings that end in a zero
 * token_index     u16   where in token_table each starts
 * offsets         s32   n addresses
 * relative_base   u64
 * </pre>
 *
 * That is the order but for two things: until 6.3 offsets and relative_base stood before num_syms,
 * and since then seqs_of_names stands at the end.
 *
 * <p>The way in is the token table: names hold digits, and a character that names hold is its own
 * token, so "0" to "9" follow each other in it. The index behind it proves it, entry by entry.
 * Going back from there, a number of symbols is right when the markers, which are then at a known
 * place, fit the names, symbol by symbol, and an encoding of the addresses is right when they rise
 * and the base is one of them (record_relative_base() in scripts/kallsyms.c takes it from a
 * symbol).
 */
final class Kallsyms {
    private static final int TOKENS = 256;
    private static final int INDEX_BYTES = 2 * TOKENS;

    /** "0" to "9" as tokens, without the zero behind the last. */
    private static final byte[] DIGITS = {
        '0', 0, '1', 0, '2', 0, '3', 0, '4', 0, '5', 0, '6', 0, '7', 0, '8', 0, '9'
    };

    private static final int SYMBOLS_PER_MARKER = 256;

    /** seqs_of_names has three bytes for a number of a symbol. */
    private static final int MAX_SYMBOLS = 1 << 24;

    /** Fewer are taken for chance; the smallest kernel has thousands. */
    private static final int MIN_SYMBOLS = 2 * SYMBOLS_PER_MARKER;

    /** A length byte and the type: no symbol takes less. */
    private static final int MIN_SYMBOL_BYTES = 2;

    /** KSYM_NAME_LEN in include/linux/kallsyms.h is 512 since 6.1. */
    private static final int MAX_NAME_LENGTH = 4096;

    /** All names together; a generic 6.12 kernel has 6 MB. */
    private static final int MAX_NAMES_BYTES = 256 << 20;

    private final byte[] bytes;

    private Kallsyms(byte[] bytes) {
        this.bytes = bytes;
    }

    /** Where the tokens are, in {@link #bytes}; checked against each other. */
    private record Tokens(int table, int index) {
        int end() {
            return index + INDEX_BYTES;
        }
    }

    /** Where the number of symbols, the names and the markers are; only their ends are checked. */
    private record Names(int countAt, int count, int names, int markers) {}

    /**
     * The symbols.
     *
     * @param section the content of a section of read-only data that starts on a multiple of eight
     * @return empty when the section holds no such table
     * @throws dev.rebootless.base.RebootlessException {@code RBL-KERNEL-KALLSYMS} when it holds one
     *     that contradicts itself
     */
    static Optional<KernelSymbols> decode(byte[] section) {
        Kallsyms kallsyms = new Kallsyms(section);
        int at = kallsyms.digitsFrom(0);
        while (at >= 0) {
            Optional<Tokens> tokens = kallsyms.tokensAround(at);
            if (tokens.isPresent()) {
                return Optional.of(kallsyms.decode(tokens.get()));
            }
            at = kallsyms.digitsFrom(at + 1);
        }
        return Optional.empty();
    }

    private KernelSymbols decode(Tokens tokens) {
        for (int countAt = tokens.table - 8; countAt >= 0; countAt -= 8) {
            Optional<Names> names = namesAt(countAt, tokens);
            if (names.isPresent() && markersFit(names.get())) {
                return decode(tokens, names.get());
            }
        }
        throw bad("the tokens are there, but no names that fit them");
    }

    /**
     * The next place where the tokens of the digits are, by the algorithm of Boyer, Moore and
     * Horspool; -1 when there is none.
     */
    private int digitsFrom(int from) {
        int last = DIGITS.length - 1;
        int at = from;
        while (at + last < bytes.length) {
            byte b = bytes[at + last];
            if (b == '9' && startsWithDigits(at)) {
                return at;
            }
            if (b >= '0' && b < '9') {
                at += ('9' - b) * 2;
            } else {
                at += b == 0 ? 1 : DIGITS.length;
            }
        }
        return -1;
    }

    private boolean startsWithDigits(int at) {
        return Arrays.equals(bytes, at, at + DIGITS.length, DIGITS, 0, DIGITS.length);
    }

    /** The token table whose token for "0" is at a place, if there is one. */
    private Optional<Tokens> tokensAround(int zeroAt) {
        int end = zeroAt;
        for (int token = '0'; token < TOKENS; token++) {
            end = endOfString(end) + 1;
            if (end <= 0 || end - zeroAt > 0xFFFF) {
                return Optional.empty();
            }
        }
        int index = Foreign.align8(end);
        if (index + INDEX_BYTES > bytes.length) {
            return Optional.empty();
        }
        int table = zeroAt - Foreign.uint16(bytes, index + 2 * '0');
        if (table < 0 || table % 8 != 0) {
            return Optional.empty();
        }
        int at = table;
        for (int token = 0; token < TOKENS; token++) {
            if (Foreign.uint16(bytes, index + 2 * token) != at - table) {
                return Optional.empty();
            }
            at = endOfString(at) + 1;
            if (at <= 0) {
                return Optional.empty();
            }
        }
        return at == end ? Optional.of(new Tokens(table, index)) : Optional.empty();
    }

    /** Where the zero is that ends a string; -2 when there is none within a token's reach. */
    private int endOfString(int from) {
        int limit = Math.min(bytes.length, from + 0xFFFF);
        for (int at = from; at < limit; at++) {
            if (bytes[at] == 0) {
                return at;
            }
        }
        return -2;
    }

    /**
     * The names, if the number of symbols is at a place. Cheap, since it is asked at every eighth
     * byte.
     */
    private Optional<Names> namesAt(int countAt, Tokens tokens) {
        int count = Foreign.int32(bytes, countAt);
        int names = countAt + 8;
        if (count < MIN_SYMBOLS
                || count > MAX_SYMBOLS
                || count > (tokens.table - names) / MIN_SYMBOL_BYTES
                || Foreign.int32(bytes, countAt + 4) != 0) {
            return Optional.empty();
        }
        int markersEnd = tokens.table;
        for (int seqs : new int[] {0, Foreign.align8(3 * count)}) {
            int markers = markersEnd - seqs - Foreign.align8(4 * markers(count));
            if (markers >= names + MIN_SYMBOL_BYTES * count
                    && Foreign.int32(bytes, markers) == 0
                    && endsAt(names, count, markers)) {
                return Optional.of(new Names(countAt, count, names, markers));
            }
        }
        return Optional.empty();
    }

    private static int markers(int count) {
        return (count + SYMBOLS_PER_MARKER - 1) / SYMBOLS_PER_MARKER;
    }

    /** Whether the names from the last marker on end where the markers start. */
    private boolean endsAt(int names, int count, int markers) {
        int last = Foreign.int32(bytes, markers + 4 * (markers(count) - 1));
        if (last <= 0 || last >= markers - names) {
            return false;
        }
        int at = names + last;
        for (int i = (markers(count) - 1) * SYMBOLS_PER_MARKER; i < count && at < markers; i++) {
            at = nextName(at);
        }
        return at <= markers && Foreign.align8(at) == markers;
    }

    /** Where the name behind the one at a place starts; the place has two bytes at least. */
    private int nextName(int at) {
        int length = bytes[at] & 0xFF;
        return (length & 0x80) == 0 ? at + 1 + length : at + 2 + bigLength(at);
    }

    private int bigLength(int at) {
        return (bytes[at] & 0x7F) | (bytes[at + 1] & 0xFF) << 7;
    }

    /** Whether every marker is where its symbol starts, and the last name ends at the markers. */
    private boolean markersFit(Names names) {
        int at = names.names;
        for (int i = 0; i < names.count; i++) {
            if (i % SYMBOLS_PER_MARKER == 0
                    && Foreign.int32(bytes, names.markers + i / SYMBOLS_PER_MARKER * 4)
                            != at - names.names) {
                return false;
            }
            at = nextName(at);
            if (at > names.markers) {
                return false;
            }
        }
        return Foreign.align8(at) == names.markers;
    }

    private KernelSymbols decode(Tokens tokens, Names names) {
        long[] addresses = addresses(tokens, names);
        int count = names.count;
        int[] tokenStart = new int[TOKENS];
        int[] tokenEnd = new int[TOKENS];
        for (int token = 0; token < TOKENS; token++) {
            tokenStart[token] = tokens.table + Foreign.uint16(bytes, tokens.index + 2 * token);
            tokenEnd[token] = endOfString(tokenStart[token]);
        }
        byte[] text = new byte[Math.max(1 << 10, 3 * (names.markers - names.names))];
        int filled = 0;
        int[] starts = new int[count + 1];
        byte[] types = new byte[count];
        int[] hashes = new int[count];
        int at = names.names;
        for (int i = 0; i < count; i++) {
            int end = nextName(at);
            at += bytes[at] < 0 ? 2 : 1;
            if (text.length - filled < MAX_NAME_LENGTH) {
                if (text.length >= MAX_NAMES_BYTES) {
                    throw bad("the names are longer than " + MAX_NAMES_BYTES + " bytes");
                }
                text = Arrays.copyOf(text, 2 * text.length);
            }
            starts[i] = filled;
            int nameEnd = filled + MAX_NAME_LENGTH;
            int hash = 0;
            byte type = 0;
            for (; at < end; at++) {
                int token = bytes[at] & 0xFF;
                int from = tokenStart[token];
                int to = tokenEnd[token];
                if (type == 0 && from < to) {
                    type = bytes[from++];
                }
                if (to - from > nameEnd - filled) {
                    throw bad("symbol " + i + " has a name longer than " + MAX_NAME_LENGTH);
                }
                for (; from < to; from++) {
                    byte b = bytes[from];
                    text[filled++] = b;
                    hash = 31 * hash + (b & 0xFF);
                }
            }
            if (!isLetter(type)) {
                throw bad("symbol " + i + " has no type");
            }
            types[i] = type;
            hashes[i] = hash;
        }
        starts[count] = filled;
        return KernelSymbols.of(Arrays.copyOf(text, filled), starts, types, addresses, hashes);
    }

    private static boolean isLetter(byte type) {
        return (type >= 'A' && type <= 'Z') || (type >= 'a' && type <= 'z');
    }

    private long[] addresses(Tokens tokens, Names names) {
        int length = Foreign.align8(4 * names.count);
        int before = names.countAt - 8 - length;
        int behind = tokens.end();
        for (int offsets : new int[] {before, behind}) {
            if (offsets < 0 || offsets + length + 8 > bytes.length) {
                continue;
            }
            for (boolean absolutePerCpu : new boolean[] {true, false}) {
                Optional<long[]> addresses =
                        addresses(
                                offsets,
                                names.count,
                                Foreign.int64(bytes, offsets + length),
                                absolutePerCpu);
                if (addresses.isPresent()) {
                    return addresses.get();
                }
            }
        }
        throw bad("the names are there, but no addresses that fit them");
    }

    /**
     * The addresses, if these are they.
     *
     * @param absolutePerCpu CONFIG_KALLSYMS_ABSOLUTE_PERCPU (x86 until 6.14): an offset that is not
     *     negative is the address itself, and a negative one counts down from the base less one;
     *     without it all are added to the base
     */
    private Optional<long[]> addresses(int offsets, int count, long base, boolean absolutePerCpu) {
        // The kernel half of the address space; all of it but vsyscall is above the base.
        if (base >= 0) {
            return Optional.empty();
        }
        long[] addresses = new long[count];
        boolean baseSeen = false;
        long last = 0;
        for (int i = 0; i < count; i++) {
            int offset = Foreign.int32(bytes, offsets + 4 * i);
            long address;
            if (!absolutePerCpu) {
                address = base + (offset & 0xFFFFFFFFL);
            } else {
                address = offset >= 0 ? offset : base - 1 - offset;
            }
            if (Long.compareUnsigned(address, last) < 0) {
                return Optional.empty();
            }
            baseSeen |= address == base;
            addresses[i] = address;
            last = address;
        }
        return baseSeen ? Optional.of(addresses) : Optional.empty();
    }

    private static RuntimeException bad(String message) {
        return BadFile.KALLSYMS.problem("kallsyms", message);
    }
}
