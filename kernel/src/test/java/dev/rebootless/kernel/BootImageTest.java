package dev.rebootless.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.base.Subprocess;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class BootImageTest {
    private static final int SETUP_SECTS = 0x1F1;
    private static final int VERSION = 0x206;
    private static final int PAYLOAD_OFFSET = 0x248;
    private static final int PAYLOAD_LENGTH = 0x24C;
    private static final int SECTORS = 2;
    private static final int CODE_BYTES = 40;

    @TempDir Path folder;

    @ParameterizedTest
    @EnumSource(names = {"GZIP", "XZ", "ZSTD", "LZ4", "LZMA"})
    void aKernelComesOutOfItsBootImageAsItWentIn(Compression compression) throws Exception {
        byte[] elf = smallElf();
        byte[] image =
                bootImage(compression, Compressors.compress(compression, elf, folder), elf.length);

        BootImage header = BootImage.read(image);

        assertThat(header.compression()).isEqualTo(compression);
        assertThat(header.vmlinuxSize()).isEqualTo(elf.length);
        assertThat(header.vmlinux(image)).isEqualTo(elf);
    }

    @ParameterizedTest
    @EnumSource(names = {"GZIP", "XZ", "ZSTD", "LZ4", "LZMA"})
    void whatTheLibrariesCompressIsReadToo(Compression compression) throws Exception {
        byte[] data = blocks(300_000);
        byte[] image =
                bootImage(
                        compression,
                        Compressors.compressWithLibrary(compression, data),
                        data.length);

        assertThat(BootImage.read(image).vmlinux(image)).isEqualTo(data);
    }

    @ParameterizedTest
    @EnumSource(names = {"ZSTD", "LZ4"})
    void moreThanOneBlockIsReadToTheEnd(Compression compression) throws Exception {
        // LZ4's legacy blocks have 8 MiB.
        byte[] data = blocks((20 << 20) + 17);
        byte[] image =
                bootImage(
                        compression, Compressors.compress(compression, data, folder), data.length);

        assertThat(Arrays.equals(BootImage.read(image).vmlinux(image), data)).isTrue();
    }

    @Test
    void noSetupSectorsMeansFour() throws Exception {
        byte[] elf = smallElf();
        byte[] payload = Compressors.compress(Compression.GZIP, elf, folder);
        byte[] image = bootImage(Compression.GZIP, payload, elf.length);
        byte[] longer = new byte[image.length + 2 * 512];
        System.arraycopy(image, 0, longer, 0, 3 * 512);
        System.arraycopy(image, 3 * 512, longer, 5 * 512, image.length - 3 * 512);
        longer[SETUP_SECTS] = 0;

        assertThat(BootImage.read(longer).vmlinux(longer)).isEqualTo(elf);
    }

    @Test
    void aSizeThatIsNotThePayloadsIsRefused() throws Exception {
        byte[] elf = smallElf();
        byte[] payload = Compressors.compress(Compression.ZSTD, elf, folder);
        for (int size : new int[] {elf.length - 1, elf.length + 1, 1}) {
            byte[] image = bootImage(Compression.ZSTD, payload, size);
            assertRefused(() -> BootImage.read(image).vmlinux(image), "");
        }
        for (int size : new int[] {0, -1, (1 << 30) + 1}) {
            byte[] image = bootImage(Compression.ZSTD, payload, size);
            assertRefused(() -> BootImage.read(image), "claims to be");
        }
    }

    @Test
    void aBombIsRefusedAtTheSizeItClaims() throws Exception {
        byte[] zeros = new byte[300 << 20];
        byte[] payload = Compressors.compressWithLibrary(Compression.ZSTD, zeros);
        byte[] image = bootImage(Compression.ZSTD, payload, 1 << 20);

        assertRefused(() -> BootImage.read(image).vmlinux(image), "longer than 1048576 bytes");
    }

    @Test
    void bzip2AndLzoAreNamedAndRefused() {
        for (String magic : new String[] {"BZh91AY", "\u0089LZO\0\r\n"}) {
            byte[] payload = magic.getBytes(java.nio.charset.StandardCharsets.ISO_8859_1);
            byte[] image = bootImage(Compression.XZ, payload, 100);
            assertRefused(() -> BootImage.read(image).vmlinux(image), "which is not read");
        }
    }

    @Test
    void anUnknownCompressionIsRefusedWithItsFirstBytes() {
        byte[] image = bootImage(Compression.XZ, new byte[] {1, 2, 3, 4, 5}, 100);
        assertRefused(() -> BootImage.read(image), "01020304");
    }

    @Test
    void aPayloadOutsideTheFileIsRefused() throws Exception {
        byte[] elf = smallElf();
        byte[] image =
                bootImage(
                        Compression.GZIP,
                        Compressors.compress(Compression.GZIP, elf, folder),
                        elf.length);
        assertRefused(
                () -> BootImage.read(Arrays.copyOf(image, image.length - 1)), "is not in the file");
        for (int value : new int[] {-1, Integer.MAX_VALUE, 0}) {
            byte[] damaged = image.clone();
            ByteBuffer.wrap(damaged).order(ByteOrder.LITTLE_ENDIAN).putInt(PAYLOAD_LENGTH, value);
            assertRefused(() -> BootImage.read(damaged), "is not in the file");
        }
    }

    @Test
    void aBootProtocolWithoutPayloadIsRefused() throws Exception {
        byte[] elf = smallElf();
        byte[] image =
                bootImage(
                        Compression.GZIP,
                        Compressors.compress(Compression.GZIP, elf, folder),
                        elf.length);
        image[VERSION] = 7;
        assertRefused(() -> BootImage.read(image), "boot protocol 2.7");
    }

    @Test
    void whatIsNoBootImageIsRefused() throws Exception {
        assertRefused(() -> BootImage.read(new byte[0]), "no x86 boot image");
        assertRefused(() -> BootImage.read(smallElf()), "no x86 boot image");
        Path file = folder.resolve("vmlinuz");
        Files.writeString(file, "This is not a kernel.");
        assertRefused(() -> KernelImage.open(file), "no x86 boot image");
    }

    @ParameterizedTest
    @EnumSource(names = {"GZIP", "XZ", "ZSTD", "LZ4", "LZMA"})
    void damagedBootImagesAreReadOrRefusedAndNothingElse(Compression compression) throws Exception {
        byte[] data = blocks(5000);
        byte[] image =
                bootImage(
                        compression, Compressors.compress(compression, data, folder), data.length);

        Mutations.Outcome outcome =
                Mutations.run(
                        image, image.length, 1_500, bytes -> BootImage.read(bytes).vmlinux(bytes));

        assertThat(outcome.refused()).isGreaterThan(150);
        assertThat(outcome.slowest()).isLessThan(Duration.ofSeconds(5));
    }

    @Test
    void anLz4MatchMayOverlapWhatItWrites() throws Exception {
        // One literal, then a match of 9 at distance 1, then the five literals that must end a
        // block.
        byte[] block = {0x15, 'a', 1, 0, 0x50, 'b', 'c', 'd', 'e', 'f'};
        assertThat(new String(lz4(block), java.nio.charset.StandardCharsets.US_ASCII))
                .isEqualTo("aaaaaaaaaabcdef");
    }

    @Test
    void lz4MatchesOutsideTheBlockAreRefused() {
        byte[][] bad = {
            {0x15, 'a', 2, 0, 0x10, 'b'}, // before its start
            {0x15, 'a', 0, 0, 0x10, 'b'}, // at no distance
            {0x15, 'a', 1}, // cut off
            {0x15, 'a', 1, 0}, // ends with a match
            {(byte) 0xF0, (byte) 255, (byte) 255}, // a length without end
            {0x50, 'a'}, // more literals than there are
        };
        for (byte[] block : bad) {
            assertThatThrownBy(() -> lz4(block)).isInstanceOf(IOException.class);
        }
    }

    private static byte[] lz4(byte[] block) throws IOException {
        ByteArrayOutputStream frame = new ByteArrayOutputStream();
        frame.write(Compressors.int32(Lz4LegacyInputStream.MAGIC));
        frame.write(Compressors.int32(block.length));
        frame.write(block);
        return Compression.LZ4.decompress(frame.toByteArray(), 0, frame.size(), 16, 1 << 20);
    }

    private static void assertRefused(
            org.assertj.core.api.ThrowableAssert.ThrowingCallable call, String message) {
        assertThatThrownBy(call)
                .isInstanceOfSatisfying(
                        RebootlessException.class,
                        e -> {
                            assertThat(e.problems().getFirst().code())
                                    .isEqualTo("RBL-KERNEL-IMAGE");
                            assertThat(e.problems().getFirst().message()).contains(message);
                        });
    }

    /** Part repetitive, part not, part code. */
    private static byte[] blocks(int length) {
        byte[] data = new byte[length];
        Random random = new Random(1);
        for (int at = 0; at < length; at += 4096) {
            byte[] page = new byte[Math.min(4096, length - at)];
            if (at / 4096 % 3 == 0) {
                random.nextBytes(page);
            } else {
                Arrays.fill(page, (byte) (at / 4096));
            }
            System.arraycopy(page, 0, data, at, page.length);
        }
        return data;
    }

    private byte[] smallElf() throws IOException {
        Path source = folder.resolve("small.c");
        Path program = folder.resolve("small");
        if (!Files.exists(program)) {
            Files.writeString(
                    source, "#include <stdio.h>\nint main(void) { return puts(\"hello\") < 0; }\n");
            Subprocess.Result gcc =
                    Subprocess.of("gcc", "-g", "-o", program.toString(), source.toString()).run();
            assertThat(gcc.ok()).as(gcc.all()).isTrue();
        }
        return Files.readAllBytes(program);
    }

    /** A boot image with just the fields that lead to the payload. */
    static byte[] bootImage(Compression compression, byte[] stream, int size) {
        boolean appendSize = compression != Compression.GZIP;
        int start = (1 + SECTORS) * 512 + CODE_BYTES;
        int length = stream.length + (appendSize ? 4 : 0);
        ByteBuffer image = ByteBuffer.allocate(start + length).order(ByteOrder.LITTLE_ENDIAN);
        image.put(SETUP_SECTS, (byte) SECTORS);
        image.putShort(0x1FE, (short) 0xAA55);
        image.putInt(0x202, 0x53726448);
        image.putShort(VERSION, (short) 0x020F);
        image.putInt(PAYLOAD_OFFSET, CODE_BYTES);
        image.putInt(PAYLOAD_LENGTH, length);
        image.put(start, stream);
        if (appendSize) {
            image.putInt(start + stream.length, size);
        }
        return image.array();
    }
}
