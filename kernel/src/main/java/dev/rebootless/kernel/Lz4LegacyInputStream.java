package dev.rebootless.kernel;

import java.io.IOException;
import java.io.InputStream;
import java.util.Objects;

/**
 * Reads the LZ4 "legacy" frame, the one that the kernel's build writes ({@code lz4 -l} in
 * scripts/Makefile.lib) and lib/decompress_unlz4.c reads. It is the magic number 0x184C2102 and
 * then blocks, each a little-endian compressed length and an LZ4 block that expands to at most 8
 * MiB; there is no end mark and no checksum. Frames may follow each other.
 *
 * <p>The formats are {@code doc/lz4_Frame_format.md} ("Legacy frame") and {@code
 * doc/lz4_Block_format.md} of the LZ4 project.
 */
final class Lz4LegacyInputStream extends InputStream {
    /** Little endian, at the start of each frame. */
    static final int MAGIC = 0x184C2102;

    /** What a block may expand to (LZ4_DEFAULT_UNCOMPRESSED_CHUNK_SIZE in decompress_unlz4.c). */
    private static final int MAX_BLOCK_BYTES = 8 << 20;

    /** What a block of that size may at most be compressed to (LZ4_COMPRESSBOUND in lz4.h). */
    private static final int MAX_COMPRESSED_BYTES = MAX_BLOCK_BYTES + MAX_BLOCK_BYTES / 255 + 16;

    /** A match is four bytes longer than it says: shorter ones are never written. */
    private static final int MIN_MATCH = 4;

    /** In either half of a token: the length goes on in the bytes that follow. */
    private static final int LENGTH_GOES_ON = 15;

    private final byte[] in;
    private final int inEnd;
    private int inAt;

    private byte[] block = new byte[0];
    private int blockEnd;
    private int blockAt;

    /** Reads the frames in {@code length} bytes of {@code in} from {@code offset} on. */
    Lz4LegacyInputStream(byte[] in, int offset, int length) throws IOException {
        Objects.checkFromIndexSize(offset, length, in.length);
        this.in = in;
        this.inAt = offset;
        this.inEnd = offset + length;
        if (length < 4 || int32() != MAGIC) {
            throw new IOException("no LZ4 legacy frame");
        }
    }

    @Override
    public int read() throws IOException {
        return fill() ? block[blockAt++] & 0xFF : -1;
    }

    @Override
    public int read(byte[] buffer, int offset, int length) throws IOException {
        Objects.checkFromIndexSize(offset, length, buffer.length);
        if (length == 0) {
            return 0;
        }
        if (!fill()) {
            return -1;
        }
        int n = Math.min(length, blockEnd - blockAt);
        System.arraycopy(block, blockAt, buffer, offset, n);
        blockAt += n;
        return n;
    }

    /** Sees to it that there is a byte to give; false at the end. */
    private boolean fill() throws IOException {
        // Each turn consumes at least four bytes of input, so this ends.
        while (blockAt == blockEnd) {
            if (inAt == inEnd) {
                return false;
            }
            int size = int32();
            if (size == MAGIC) {
                continue;
            }
            if (size <= 0 || size > MAX_COMPRESSED_BYTES || size > inEnd - inAt) {
                throw new IOException("an LZ4 block of impossible length " + (size & 0xFFFFFFFFL));
            }
            if (block.length == 0) {
                block = new byte[MAX_BLOCK_BYTES];
            }
            blockEnd = expand(in, inAt, inAt + size, block);
            blockAt = 0;
            inAt += size;
        }
        return true;
    }

    private int int32() throws IOException {
        if (inEnd - inAt < 4) {
            throw new IOException("LZ4 data ends within a block length");
        }
        int value =
                (in[inAt] & 0xFF)
                        | (in[inAt + 1] & 0xFF) << 8
                        | (in[inAt + 2] & 0xFF) << 16
                        | in[inAt + 3] << 24;
        inAt += 4;
        return value;
    }

    /**
     * Expands one LZ4 block: sequences of literals and of a match further back, the last one of
     * literals alone.
     *
     * @return how many bytes of {@code out} it fills
     */
    private static int expand(byte[] in, int from, int to, byte[] out) throws IOException {
        int at = from;
        int filled = 0;
        while (at < to) {
            int token = in[at++] & 0xFF;
            int literals = token >>> 4;
            if (literals == LENGTH_GOES_ON) {
                int more;
                do {
                    if (at >= to) {
                        throw new IOException("LZ4 block ends within a length");
                    }
                    more = in[at++] & 0xFF;
                    literals += more;
                    // The input is bounded by MAX_COMPRESSED_BYTES: 255 times that is below 2^31.
                } while (more == 255);
            }
            if (literals > to - at || literals > out.length - filled) {
                throw new IOException("LZ4 literals beyond the end of the block");
            }
            System.arraycopy(in, at, out, filled, literals);
            at += literals;
            filled += literals;
            if (at == to) {
                return filled;
            }
            if (to - at < 2) {
                throw new IOException("LZ4 block ends within a match");
            }
            int distance = (in[at] & 0xFF) | (in[at + 1] & 0xFF) << 8;
            at += 2;
            int match = token & 0xF;
            if (match == LENGTH_GOES_ON) {
                int more;
                do {
                    if (at >= to) {
                        throw new IOException("LZ4 block ends within a length");
                    }
                    more = in[at++] & 0xFF;
                    match += more;
                } while (more == 255);
            }
            match += MIN_MATCH;
            if (distance == 0 || distance > filled || match > out.length - filled) {
                throw new IOException("an LZ4 match outside the block");
            }
            if (distance >= match) {
                System.arraycopy(out, filled - distance, out, filled, match);
                filled += match;
            } else {
                // The match overlaps what it writes: it repeats the last bytes, one by one.
                for (int end = filled + match; filled < end; filled++) {
                    out[filled] = out[filled - distance];
                }
            }
        }
        throw new IOException("LZ4 block ends with a match");
    }
}
