package dev.rebootless.kernel;

import com.github.luben.zstd.ZstdInputStream;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.zip.GZIPInputStream;
import org.tukaani.xz.LZMAInputStream;
import org.tukaani.xz.XZInputStream;

/**
 * The libraries that decompress. Apart from {@link Compression}, which only tells what is
 * compressed: a host reads modules that are not, and does without these libraries.
 */
final class Decompressors {
    /**
     * What an xz or lzma decoder may use, in KiB. The kernel's build compresses with dictionaries
     * of up to 128 MiB (scripts/xz_wrap.sh); only the dictionary matters.
     */
    private static final int MAX_DICTIONARY_KIB = 160 << 10;

    private Decompressors() {}

    /**
     * The decompressed data.
     *
     * @throws IOException when the data is damaged at its beginning, or in a format that is not
     *     read
     */
    static InputStream open(Compression compression, byte[] in, int offset, int length)
            throws IOException {
        ByteArrayInputStream bytes = new ByteArrayInputStream(in, offset, length);
        return switch (compression) {
            case GZIP -> new GZIPInputStream(bytes, 1 << 16);
            case XZ -> new XZInputStream(bytes, MAX_DICTIONARY_KIB);
            case ZSTD -> new ZstdInputStream(bytes);
            case LZ4 -> new Lz4LegacyInputStream(in, offset, length);
            case LZMA -> new LZMAInputStream(bytes, MAX_DICTIONARY_KIB);
            case BZIP2, LZO ->
                    throw new IOException(
                            "it is compressed with " + compression + ", which is not read");
        };
    }
}
