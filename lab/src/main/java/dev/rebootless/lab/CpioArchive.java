package dev.rebootless.lab;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/**
 * An initramfs: a cpio archive in the "newc" format, as
 * Documentation/driver-api/early-userspace/buffer-format.rst has it and init/initramfs.c reads it.
 * Each entry is a header of 110 ASCII characters (a magic and thirteen fields of eight hexadecimal
 * digits), the name with a zero byte, padding to a multiple of four, the content, padding again.
 * Everything belongs to root and is of the epoch, so that the same files give the same bytes.
 */
public final class CpioArchive {
    private static final String MAGIC = "070701";
    private static final String TRAILER = "TRAILER!!!";
    private static final int ALIGNMENT = 4;

    /** File types of stat(2). */
    private static final int DIRECTORY = 0040000;

    private static final int REGULAR = 0100000;

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private int inode;

    /** Adds a folder; its parents must have been added. */
    public CpioArchive folder(String name) {
        entry(name, DIRECTORY | 0755, new byte[0]);
        return this;
    }

    /**
     * Adds a file.
     *
     * @param name without a leading slash
     * @param permissions such as 0755
     */
    public CpioArchive file(String name, int permissions, byte[] content) {
        entry(name, REGULAR | permissions, content);
        return this;
    }

    /** The archive, ended. Nothing can be added afterwards. */
    public byte[] bytes() {
        inode = -1;
        entry(TRAILER, 0, new byte[0]);
        return out.toByteArray();
    }

    private void entry(String name, int mode, byte[] content) {
        byte[] nameBytes = (name + '\0').getBytes(StandardCharsets.UTF_8);
        int links = 1;
        inode++;
        int[] fields = {
            inode, mode, 0, 0, links, 0, content.length, 0, 0, 0, 0, nameBytes.length, 0
        };
        StringBuilder header = new StringBuilder(MAGIC);
        for (int field : fields) {
            header.append(String.format(Locale.ROOT, "%08X", field));
        }
        out.writeBytes(header.toString().getBytes(StandardCharsets.US_ASCII));
        out.writeBytes(nameBytes);
        pad();
        out.writeBytes(content);
        pad();
    }

    private void pad() {
        while (out.size() % ALIGNMENT != 0) {
            out.write(0);
        }
    }
}
