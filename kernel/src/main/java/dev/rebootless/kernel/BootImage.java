package dev.rebootless.kernel;

import java.io.IOException;

/**
 * An x86 boot image (bzImage, installed as {@code vmlinuz}): boot code with the whole compressed
 * {@code vmlinux} as its payload.
 *
 * <p>Where the payload is, the setup header says exactly; no search for magic numbers is needed.
 * Its fields are those of Documentation/arch/x86/boot.rst (Documentation/x86/boot.rst before 6.6),
 * "The real-mode kernel header". What the payload holds is made in
 * arch/x86/boot/compressed/Makefile: an ELF file without symbol table, and behind it, on
 * relocatable kernels, the list of places that KASLR has to adjust, all compressed, and then the
 * decompressed size in four bytes (of gzip these are the end of its own trailer).
 *
 * @param protocol version of the boot protocol, the major number in the high byte: 0x020F is 2.15
 * @param compression of the payload
 * @param payloadOffset from the start of the file, in bytes
 * @param payloadLength in bytes, with the four of the size at its end
 * @param vmlinuxSize what the payload decompresses to, in bytes, 1 to {@link #MAX_VMLINUX_BYTES}
 */
public record BootImage(
        int protocol,
        Compression compression,
        int payloadOffset,
        int payloadLength,
        int vmlinuxSize) {
    /** The most that is decompressed: ten times the largest distribution kernel of today. */
    public static final int MAX_VMLINUX_BYTES = 1 << 30;

    private static final int SETUP_SECTS = 0x1F1;
    private static final int BOOT_FLAG = 0x1FE;
    private static final int BOOT_FLAG_VALUE = 0xAA55;
    private static final int HEADER_MAGIC = 0x202;

    /** "HdrS". */
    private static final int HEADER_MAGIC_VALUE = 0x53726448;

    private static final int VERSION = 0x206;
    private static final int PAYLOAD_OFFSET = 0x248;
    private static final int PAYLOAD_LENGTH = 0x24C;
    private static final int HEADER_END = 0x250;

    /** The first protocol with payload_offset and payload_length (kernel 2.6.26). */
    private static final int FIRST_WITH_PAYLOAD = 0x0208;

    private static final int SECTOR = 512;

    /** What setup_sects means when it is zero, "for backwards compatibility". */
    private static final int DEFAULT_SETUP_SECTS = 4;

    private static final int SIZE_BYTES = 4;

    /** Kernels shrink to an eighth; more than this is not set aside on the word of the header. */
    private static final int EXPECTED_RATIO = 16;

    /**
     * Whether the file starts as a boot image does. A file that does may still be damaged.
     *
     * @param file the first bytes of the file, or all of it
     */
    public static boolean isBootImage(byte[] file) {
        return file.length >= HEADER_END
                && Foreign.uint16(file, BOOT_FLAG) == BOOT_FLAG_VALUE
                && Foreign.int32(file, HEADER_MAGIC) == HEADER_MAGIC_VALUE;
    }

    /**
     * Reads the setup header.
     *
     * @param file all of the file
     * @throws dev.rebootless.base.RebootlessException {@code RBL-KERNEL-IMAGE} when it is no boot
     *     image, is older than protocol 2.08, its payload is outside the file, or is not compressed
     *     in a way that is known
     */
    public static BootImage read(byte[] file) {
        if (!isBootImage(file)) {
            throw BadFile.IMAGE.problem("", "it is no x86 boot image: the setup header is missing");
        }
        int protocol = Foreign.uint16(file, VERSION);
        if (protocol < FIRST_WITH_PAYLOAD) {
            throw BadFile.IMAGE.problem(
                    "",
                    "boot protocol "
                            + (protocol >> 8)
                            + "."
                            + (protocol & 0xFF)
                            + " does not say where the kernel is; 2.8 is the first that does");
        }
        int sectors = file[SETUP_SECTS] & 0xFF;
        long start =
                (1L + (sectors == 0 ? DEFAULT_SETUP_SECTS : sectors)) * SECTOR
                        + Foreign.uint32(file, PAYLOAD_OFFSET);
        long length = Foreign.uint32(file, PAYLOAD_LENGTH);
        if (length <= SIZE_BYTES || start + length > file.length) {
            throw BadFile.IMAGE.problem(
                    "",
                    "the compressed kernel, bytes %d to %d, is not in the file, which has %d"
                            .formatted(start, start + length, file.length));
        }
        Compression compression =
                Compression.at(file, (int) start)
                        .orElseThrow(() ->
                                BadFile.IMAGE.problem(
                                        "",
                                        "the kernel is compressed in a way that is not known (its first bytes are %08x)"
                                                .formatted(
                                                        Integer.reverseBytes(
                                                                Foreign.int32(
                                                                        file, (int) start)))));
        long size = Foreign.uint32(file, (int) (start + length) - SIZE_BYTES);
        if (size == 0 || size > MAX_VMLINUX_BYTES) {
            throw BadFile.IMAGE.problem(
                    "",
                    "the kernel claims to be %d bytes long; 1 to %d are possible"
                            .formatted(size, MAX_VMLINUX_BYTES));
        }
        return new BootImage(protocol, compression, (int) start, (int) length, (int) size);
    }

    /**
     * The decompressed payload: an ELF file, maybe with relocation data behind its last section.
     *
     * @param file the file that this was read from
     * @throws dev.rebootless.base.RebootlessException {@code RBL-KERNEL-IMAGE} when it is damaged,
     *     not as long as it says, or compressed with bzip2 or lzo
     */
    public byte[] vmlinux(byte[] file) {
        // gzip's own trailer ends with the size; for all others it was appended.
        int stream = compression == Compression.GZIP ? payloadLength : payloadLength - SIZE_BYTES;
        byte[] vmlinux;
        try {
            vmlinux =
                    compression.decompress(
                            file,
                            payloadOffset,
                            stream,
                            (int) Math.min(vmlinuxSize, (long) EXPECTED_RATIO * payloadLength),
                            vmlinuxSize);
        } catch (IOException e) {
            throw BadFile.IMAGE.problem(
                    "",
                    "the kernel cannot be decompressed (" + compression + "): " + e.getMessage());
        }
        if (vmlinux.length != vmlinuxSize) {
            throw BadFile.IMAGE.problem(
                    "",
                    "the kernel decompresses to %d bytes, not to the %d that it claims"
                            .formatted(vmlinux.length, vmlinuxSize));
        }
        return vmlinux;
    }
}
