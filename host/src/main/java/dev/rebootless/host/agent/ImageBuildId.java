package dev.rebootless.host.agent;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.base.Subprocess;
import dev.rebootless.kernel.BootImage;
import dev.rebootless.kernel.Compression;
import dev.rebootless.kernel.Notes;
import java.io.ByteArrayInputStream;
import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.zip.GZIPInputStream;

/**
 * The build id of a kernel that does not run, from its image ({@code /boot/vmlinuz-RELEASE}): its
 * program headers say where the notes are (elf(5), PT_NOTE). What comes before them is unpacked and
 * dropped, so that some kilobytes of memory are enough; by the programs that unpack such images for
 * everybody else on the machine, since the libraries for it are larger than the whole agent.
 */
final class ImageBuildId {
    /** Generic ones have 12 MB. */
    private static final int MAX_IMAGE = 64 << 20;

    /** elf(5): e_phoff, e_phentsize, e_phnum of a 64-bit header, and its length. */
    private static final int PHOFF = 32;

    private static final int PHENTSIZE = 54;
    private static final int PHNUM = 56;
    private static final int HEADER = 64;
    private static final int MAX_SEGMENTS = 64;
    private static final int SEGMENT = 56;
    private static final int PT_NOTE = 4;
    private static final int SEGMENT_OFFSET = 8;
    private static final int SEGMENT_SIZE = 32;

    /** A kernel has some 500 bytes of notes; vmlinux at most this many before them. */
    private static final int MAX_NOTES = 1 << 16;

    private static final long MAX_OFFSET = BootImage.MAX_VMLINUX_BYTES;

    private static final long SECONDS = 60;

    private static final String CUT_OFF = "ends early, or cannot be unpacked";

    private ImageBuildId() {}

    /**
     * Reads it.
     *
     * @throws IOException with the reason for which it is not known
     */
    static String read(Path image) throws IOException {
        try (InputStream in = Files.newInputStream(image)) {
            byte[] file = in.readNBytes(MAX_IMAGE + 1);
            if (file.length > MAX_IMAGE) {
                throw new IOException("has more than " + MAX_IMAGE + " bytes");
            }
            BootImage boot = BootImage.read(file);
            ByteArrayInputStream payload =
                    new ByteArrayInputStream(
                            file, boot.payloadOffset(), boot.payloadLength() - trailer(boot));
            try (Unpacking unpacking = Unpacking.begin(boot.compression(), payload)) {
                return ofVmlinux(unpacking.out());
            }
        } catch (RebootlessException e) {
            throw new IOException(e.problems().getFirst().message(), e);
        } catch (EOFException e) {
            throw new IOException(CUT_OFF, e);
        }
    }

    /** The size that is appended is no part of the compressed stream; gzip ends with it itself. */
    private static int trailer(BootImage boot) {
        return boot.compression() == Compression.GZIP ? 0 : 4;
    }

    private static String ofVmlinux(InputStream vmlinux) throws IOException {
        ByteBuffer header = take(vmlinux, HEADER);
        if (header.getInt(0) != 0x464c457f) { // "\x7fELF"
            throw new IOException("holds no ELF file");
        }
        long at = header.getLong(PHOFF);
        int size = header.getShort(PHENTSIZE);
        int count = header.getShort(PHNUM);
        if (at < HEADER
                || at > MAX_OFFSET
                || size != SEGMENT
                || count < 1
                || count > MAX_SEGMENTS) {
            throw new IOException("has no program headers");
        }
        vmlinux.skipNBytes(at - HEADER);
        ByteBuffer segments = take(vmlinux, size * count);
        long position = at + (long) size * count;
        for (int i = 0; i < count; i++) {
            if (segments.getInt(i * size) == PT_NOTE) {
                long offset = segments.getLong(i * size + SEGMENT_OFFSET);
                long length = segments.getLong(i * size + SEGMENT_SIZE);
                if (offset < position || offset > MAX_OFFSET || length < 1 || length > MAX_NOTES) {
                    throw new IOException("has notes where none can be");
                }
                vmlinux.skipNBytes(offset - position);
                Optional<String> id = Notes.buildId(take(vmlinux, (int) length).array());
                return id.orElseThrow(() -> new IOException("has no build id"));
            }
        }
        throw new IOException("has no notes");
    }

    private static ByteBuffer take(InputStream in, int length) throws IOException {
        byte[] bytes = in.readNBytes(length);
        if (bytes.length < length) {
            throw new IOException(CUT_OFF);
        }
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** Something that unpacks, and what comes out. */
    private record Unpacking(InputStream out, Closeable end) implements AutoCloseable {
        static Unpacking begin(Compression compression, InputStream packed) throws IOException {
            return switch (compression) {
                case GZIP -> {
                    GZIPInputStream out = new GZIPInputStream(packed);
                    yield new Unpacking(out, out);
                }
                case XZ -> program(packed, "xz", "-dc", "--single-stream");
                case ZSTD -> program(packed, "zstd", "-dcq", "--long=31");
                case LZ4 -> program(packed, "lz4", "-dcq");
                case LZMA, BZIP2, LZO -> throw new IOException("is compressed with " + compression);
            };
        }

        private static Unpacking program(InputStream packed, String... command) throws IOException {
            Process process;
            try {
                process =
                        new ProcessBuilder(List.of(command))
                                .redirectError(ProcessBuilder.Redirect.DISCARD)
                                .start();
            } catch (IOException e) {
                throw new IOException(
                        "is compressed, and the program "
                                + command[0]
                                + " that unpacks it is not installed",
                        e);
            }
            // It may hang, and so would whoever reads what it writes.
            Thread limit =
                    Thread.ofVirtual()
                            .start(() -> {
                                try {
                                    if (!process.waitFor(SECONDS, TimeUnit.SECONDS)) {
                                        Subprocess.kill(process);
                                    }
                                } catch (InterruptedException e) {
                                    Subprocess.kill(process);
                                }
                            });
            Thread.ofVirtual()
                    .start(() -> {
                        try (OutputStream in = process.getOutputStream()) {
                            packed.transferTo(in);
                        } catch (IOException e) {
                            // It was ended before it had read all: what was wanted is there.
                        }
                    });
            return new Unpacking(process.getInputStream(), limit::interrupt);
        }

        @Override
        public void close() throws IOException {
            end.close();
        }
    }
}
