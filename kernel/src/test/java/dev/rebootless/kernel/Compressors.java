package dev.rebootless.kernel;

import com.github.luben.zstd.Zstd;
import dev.rebootless.base.Subprocess;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.tukaani.xz.FilterOptions;
import org.tukaani.xz.LZMA2Options;
import org.tukaani.xz.LZMAOutputStream;
import org.tukaani.xz.X86Options;
import org.tukaani.xz.XZ;
import org.tukaani.xz.XZOutputStream;

/**
 * Compresses as the kernel's build does (scripts/Makefile.lib), with the same programs; with
 * libraries where a program is not installed.
 */
final class Compressors {
    private Compressors() {}

    static byte[] compress(Compression compression, byte[] data, Path folder) throws IOException {
        List<String> command =
                switch (compression) {
                    case GZIP -> List.of("gzip", "-n", "-9", "-c");
                    case XZ ->
                            List.of(
                                    "xz",
                                    "--check=crc32",
                                    "--x86",
                                    "--lzma2=dict=1MiB,nice=128",
                                    "-c");
                    case ZSTD -> List.of("zstd", "-q", "-19", "-c");
                    case LZ4 -> List.of("lz4", "-q", "-l", "-9", "-c");
                    case LZMA -> List.of("xz", "--format=lzma", "--lzma1=dict=1MiB", "-c");
                    case BZIP2, LZO ->
                            throw new IllegalArgumentException("not read: " + compression);
                };
        if (!isInstalled(command.getFirst())) {
            System.out.println(
                    command.getFirst() + " is not installed; a library stands in for it");
            return compressWithLibrary(compression, data);
        }
        Path in = Files.createTempFile(folder, "plain", "");
        Path out = Files.createTempFile(folder, "compressed", "");
        Files.write(in, data);
        Subprocess.Result result =
                Subprocess.of(
                                "sh",
                                "-c",
                                String.join(" ", command) + " < \"$1\" > \"$2\"",
                                "sh",
                                in.toString(),
                                out.toString())
                        .run();
        if (!result.ok()) {
            throw new IOException(result.all());
        }
        return Files.readAllBytes(out);
    }

    private static boolean isInstalled(String program) {
        return Stream.of(System.getenv("PATH").split(":"))
                .anyMatch(folder -> Files.isExecutable(Path.of(folder, program)));
    }

    static byte[] compressWithLibrary(Compression compression, byte[] data) throws IOException {
        return switch (compression) {
            case GZIP -> through(data, GZIPOutputStream::new);
            case XZ -> {
                FilterOptions[] filters = {new X86Options(), new LZMA2Options()};
                yield through(data, out -> new XZOutputStream(out, filters, XZ.CHECK_CRC32));
            }
            case ZSTD -> Zstd.compress(data);
            case LZ4 -> lz4Literals(data);
            case LZMA -> through(data, out -> new LZMAOutputStream(out, new LZMA2Options(), -1));
            case BZIP2, LZO -> throw new IllegalArgumentException("not read: " + compression);
        };
    }

    private interface Opener {
        OutputStream open(OutputStream out) throws IOException;
    }

    private static byte[] through(byte[] data, Opener opener) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (OutputStream out = opener.open(bytes)) {
            out.write(data);
        }
        return bytes.toByteArray();
    }

    /** A legacy frame of literals alone: a legal stream, though nothing gets smaller. */
    private static byte[] lz4Literals(byte[] data) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(int32(Lz4LegacyInputStream.MAGIC));
        int blockSize = 8 << 20;
        for (int at = 0; at < data.length; at += blockSize) {
            int length = Math.min(blockSize, data.length - at);
            ByteArrayOutputStream block = new ByteArrayOutputStream();
            block.write(Math.min(length, 15) << 4);
            for (int rest = length - 15; rest >= 0; rest -= 255) {
                block.write(Math.min(rest, 255));
            }
            block.write(data, at, length);
            out.write(int32(block.size()));
            out.write(block.toByteArray());
        }
        return out.toByteArray();
    }

    static byte[] int32(int value) {
        return ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(value).array();
    }
}
