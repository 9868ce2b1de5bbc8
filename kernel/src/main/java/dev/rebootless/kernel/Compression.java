package dev.rebootless.kernel;

import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Optional;

/**
 * How kernels and modules are compressed, told by the first bytes. The list, with its magic
 * numbers, is lib/decompress.c's; what the kernel's build writes is in scripts/Makefile.lib.
 */
public enum Compression {
    GZIP("1f8b"),
    XZ("fd377a585a00"),
    ZSTD("28b52ffd"),
    /** The legacy frame; see {@link Lz4LegacyInputStream}. */
    LZ4("02214c18"),
    /** The {@code .lzma} format of LZMA Utils, with the properties that the kernel's build uses. */
    LZMA("5d0000"),
    /** Recognized, but no distribution uses it for kernels any more: not read. */
    BZIP2("425a68"),
    /** Recognized, but no distribution uses it for kernels any more: not read. */
    LZO("894c5a");

    /** In hexadecimal digits. */
    private final String magic;

    Compression(String magic) {
        this.magic = magic;
    }

    /** The compression whose magic number stands at {@code offset}. */
    static Optional<Compression> at(byte[] bytes, int offset) {
        for (Compression each : values()) {
            byte[] magic = HexFormat.of().parseHex(each.magic);
            int end = offset + magic.length;
            if (end <= bytes.length && Arrays.equals(bytes, offset, end, magic, 0, magic.length)) {
                return Optional.of(each);
            }
        }
        return Optional.empty();
    }

    /**
     * The decompressed data.
     *
     * @param expected how many bytes are set aside at first; more is taken only as data comes, so a
     *     header that claims much costs nothing, and a true one saves every copy
     * @param limit the most bytes that it may be, at least one
     * @throws IOException when the data is damaged, longer than the limit, or in a format that is
     *     not read
     */
    byte[] decompress(byte[] in, int offset, int length, int expected, int limit)
            throws IOException {
        try (InputStream stream = Decompressors.open(this, in, offset, length)) {
            byte[] out = new byte[Math.clamp(expected, 1, limit)];
            int filled = 0;
            while (true) {
                filled += stream.readNBytes(out, filled, out.length - filled);
                int next = filled < out.length ? -1 : stream.read();
                if (next < 0) {
                    return filled == out.length ? out : Arrays.copyOf(out, filled);
                }
                if (filled == limit) {
                    throw new IOException("it is longer than " + limit + " bytes");
                }
                out = Arrays.copyOf(out, (int) Math.min(limit, 2L * out.length));
                out[filled++] = (byte) next;
            }
        }
    }
}
