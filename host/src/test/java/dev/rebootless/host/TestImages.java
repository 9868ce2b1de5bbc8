package dev.rebootless.host;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.zip.GZIPOutputStream;

/** Boot images with all that is read of one for its build id, and nothing that would boot. */
public final class TestImages {
    private static final int SECTOR = 512;
    private static final int NOTES_AT = 100_000;

    private TestImages() {}

    /** How a payload is packed. */
    public interface Packer {
        byte[] pack(byte[] bytes) throws IOException;
    }

    /** Packed with gzip, as the kernel can be. */
    public static byte[] gzip(String buildId) throws IOException {
        return image(
                buildId,
                bytes -> {
                    ByteArrayOutputStream packed = new ByteArrayOutputStream();
                    try (var out = new GZIPOutputStream(packed)) {
                        out.write(bytes);
                    }
                    return packed.toByteArray();
                },
                false);
    }

    /**
     * Documentation/arch/x86/boot.rst, and an ELF file of a header, two segments and notes.
     *
     * @param sizeBehind whether the unpacked size is appended, as it is to all but gzip
     */
    public static byte[] image(String buildId, Packer packer, boolean sizeBehind)
            throws IOException {
        byte[] note = note(HexFormat.of().parseHex(buildId));
        ByteBuffer elf =
                ByteBuffer.allocate(NOTES_AT + note.length + 1_000_000)
                        .order(ByteOrder.LITTLE_ENDIAN);
        elf.putInt(0, 0x464c457f).put(4, (byte) 2).put(5, (byte) 1);
        elf.putLong(32, 64).putShort(54, (short) 56).putShort(56, (short) 2);
        elf.putInt(64, 1).putLong(64 + 8, 4096).putLong(64 + 32, 4096);
        elf.putInt(120, 4).putLong(120 + 8, NOTES_AT).putLong(120 + 32, note.length);
        elf.put(NOTES_AT, note);
        byte[] payload = packer.pack(elf.array());
        int length = payload.length + (sizeBehind ? 4 : 0);
        ByteBuffer image = ByteBuffer.allocate(2 * SECTOR + length).order(ByteOrder.LITTLE_ENDIAN);
        image.put(0x1f1, (byte) 1).putShort(0x1fe, (short) 0xaa55);
        image.putInt(0x202, 0x53726448).putShort(0x206, (short) 0x20f);
        image.putInt(0x248, 0).putInt(0x24c, length);
        image.put(2 * SECTOR, payload);
        if (sizeBehind) {
            image.putInt(2 * SECTOR + payload.length, elf.capacity());
        }
        return image.array();
    }

    private static byte[] note(byte[] id) {
        ByteBuffer note = ByteBuffer.allocate(16 + id.length).order(ByteOrder.LITTLE_ENDIAN);
        return note.putInt(4)
                .putInt(id.length)
                .putInt(3)
                .put("GNU\0".getBytes(StandardCharsets.US_ASCII))
                .put(id)
                .array();
    }
}
