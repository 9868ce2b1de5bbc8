package dev.rebootless.kernel;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Writes kallsyms tables as scripts/kallsyms.c does, in the order of each era, with a few tokens of
 * several letters.
 */
final class KallsymsBuilder {
    /** The orders of the tables so far. */
    enum Era {
        /** Until 6.1: offsets first. */
        BEFORE_NAMES_ARE_SORTED(true, false),
        /** 6.2, 6.3, and 6.1 stable: seqs_of_names before the tokens. */
        OFFSETS_FIRST(true, true),
        /** 6.4 and later: offsets and seqs_of_names last. */
        OFFSETS_LAST(false, true);

        private final boolean offsetsFirst;
        private final boolean sequences;

        Era(boolean offsetsFirst, boolean sequences) {
            this.offsetsFirst = offsetsFirst;
            this.sequences = sequences;
        }
    }

    /** Of several letters, from number 0x80 on; as many as there are, the rest stays empty. */
    private static final List<String> TOKENS =
            List.of("__", "sys_", "tcp_", "get", "T__", "trace", "_x64_", "init");

    private final Era era;
    private final boolean absolutePerCpu;
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    KallsymsBuilder(Era era, boolean absolutePerCpu) {
        this.era = era;
        this.absolutePerCpu = absolutePerCpu;
    }

    /**
     * The tables with other data before and behind, at offsets that are multiples of eight.
     *
     * @param symbols in order of address, those in the lower half of memory being per-CPU
     */
    byte[] build(List<KernelSymbol> symbols) {
        long base =
                symbols.stream()
                        .mapToLong(KernelSymbol::address)
                        .filter(a -> a < 0)
                        .min()
                        .orElseThrow();
        // What looks alike, and is not: digits without an index, and a text with them.
        raw("0\0001\0002\0003\0004\0005\0006\0007\0008\0009\000", 24);
        raw("0123456789", 16);
        if (era.offsetsFirst) {
            offsets(symbols, base);
        }
        int32(symbols.size());
        align();
        int namesAt = out.size();
        List<Integer> markers = new ArrayList<>();
        for (int i = 0; i < symbols.size(); i++) {
            if (i % 256 == 0) {
                markers.add(out.size() - namesAt);
            }
            name(symbols.get(i).type() + symbols.get(i).name());
        }
        align();
        markers.forEach(this::int32);
        align();
        if (era.sequences && era.offsetsFirst) {
            sequences(symbols);
        }
        tokens();
        if (!era.offsetsFirst) {
            offsets(symbols, base);
            if (era.sequences) {
                sequences(symbols);
            }
        }
        raw("behind", 16);
        return out.toByteArray();
    }

    private void offsets(List<KernelSymbol> symbols, long base) {
        for (KernelSymbol symbol : symbols) {
            long address = symbol.address();
            if (!absolutePerCpu) {
                int32((int) (address - base));
            } else if (address >= 0) {
                int32((int) address);
            } else {
                int32((int) (base - address - 1));
            }
        }
        align();
        out.writeBytes(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(base).array());
    }

    private void name(String text) {
        ByteArrayOutputStream compressed = new ByteArrayOutputStream();
        int at = 0;
        while (at < text.length()) {
            int token = tokenAt(text, at);
            compressed.write(token < 0 ? text.charAt(at) : 0x80 + token);
            at += token < 0 ? 1 : TOKENS.get(token).length();
        }
        if (compressed.size() > 0x7F) {
            out.write((compressed.size() & 0x7F) | 0x80);
            out.write(compressed.size() >> 7);
        } else {
            out.write(compressed.size());
        }
        out.writeBytes(compressed.toByteArray());
    }

    private static int tokenAt(String text, int at) {
        return IntStream.range(0, TOKENS.size())
                .filter(i -> text.startsWith(TOKENS.get(i), at))
                .findFirst()
                .orElse(-1);
    }

    private void sequences(List<KernelSymbol> symbols) {
        IntStream.range(0, symbols.size())
                .boxed()
                .sorted(Comparator.comparing(i -> symbols.get(i).name()))
                .forEach(i -> {
                    out.write(i >> 16);
                    out.write(i >> 8);
                    out.write(i);
                });
        align();
    }

    private void tokens() {
        List<Integer> index = new ArrayList<>();
        int start = out.size();
        for (int i = 0; i < 256; i++) {
            index.add(out.size() - start);
            if (i >= 0x80 && i - 0x80 < TOKENS.size()) {
                out.writeBytes(TOKENS.get(i - 0x80).getBytes(StandardCharsets.US_ASCII));
            } else if (i > ' ' && i < 0x7F) {
                out.write(i);
            }
            out.write(0);
        }
        align();
        for (int at : index) {
            out.write(at);
            out.write(at >> 8);
        }
        align();
    }

    private void int32(int value) {
        out.writeBytes(Compressors.int32(value));
    }

    private void raw(String text, int length) {
        byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
        out.writeBytes(java.util.Arrays.copyOf(bytes, length));
    }

    private void align() {
        while (out.size() % 8 != 0) {
            out.write(0);
        }
    }
}
