package dev.rebootless.kernel;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * The section headers of a linked x86-64 kernel image, over bytes that stay where they are.
 *
 * <p>The {@code elf} module reads an object whole, to change and write it. An image of 60 MB or
 * more of which a build looks at a few places is mapped instead, and read through this. Numbers are
 * those of the System V ABI, "ELF Header" and "Sections".
 */
final class ElfImage {
    /** 0x7F and "ELF". */
    private static final int MAGIC = 0x464C457F;

    private static final int HEADER_BYTES = 64;
    private static final int SECTION_HEADER_BYTES = 64;

    /** An image has about 60; the format without extensions allows no more than this. */
    private static final int MAX_SECTIONS = 0xFF00;

    private static final int MAX_NAME_BYTES = 256;

    private static final int ELFCLASS64 = 2;
    private static final int ELFDATA2LSB = 1;
    private static final int ET_EXEC = 2;
    private static final int ET_DYN = 3;
    private static final int EM_X86_64 = 62;
    private static final int SHT_NULL = 0;

    private final ByteBuffer bytes;
    private final List<ImageSection> sections;

    private ElfImage(ByteBuffer bytes, List<ImageSection> sections) {
        this.bytes = bytes;
        this.sections = sections;
    }

    /** Whether a file starts as an ELF file does. */
    static boolean isElf(byte[] start) {
        return start.length >= 4 && Foreign.int32(start, 0) == MAGIC;
    }

    /**
     * Reads and checks the section headers.
     *
     * @param content from position to limit; not copied, and must not change
     * @throws dev.rebootless.base.RebootlessException {@code RBL-KERNEL-IMAGE}
     */
    static ElfImage read(ByteBuffer content) {
        ByteBuffer bytes = content.slice().asReadOnlyBuffer().order(ByteOrder.LITTLE_ENDIAN);
        if (bytes.limit() < HEADER_BYTES || bytes.getInt(0) != MAGIC) {
            throw bad("it is no ELF file");
        }
        int type = bytes.getShort(0x10);
        if (bytes.get(4) != ELFCLASS64
                || bytes.get(5) != ELFDATA2LSB
                || bytes.getShort(0x12) != EM_X86_64
                || (type != ET_EXEC && type != ET_DYN)) {
            throw bad("it is no linked x86-64 program");
        }
        long table = bytes.getLong(0x28);
        int count = bytes.getShort(0x3C) & 0xFFFF;
        int namesAt = bytes.getShort(0x3E) & 0xFFFF;
        if (count == 0 || count > MAX_SECTIONS || namesAt >= count) {
            throw bad("it has no section headers");
        }
        if (bytes.getShort(0x3A) != SECTION_HEADER_BYTES
                || !fits(table, (long) count * SECTION_HEADER_BYTES, bytes.limit())) {
            throw bad("its section headers are not in the file");
        }
        ByteBuffer names = nameTable(bytes, (int) table + namesAt * SECTION_HEADER_BYTES);
        List<ImageSection> sections = new ArrayList<>(count);
        long inFile = 0;
        for (int i = 0; i < count; i++) {
            int header = (int) table + i * SECTION_HEADER_BYTES;
            int sectionType = bytes.getInt(header + 0x04);
            if (sectionType == SHT_NULL) {
                continue;
            }
            ImageSection section =
                    new ImageSection(
                            name(names, bytes.getInt(header)),
                            sectionType,
                            bytes.getLong(header + 0x08),
                            bytes.getLong(header + 0x10),
                            bytes.getLong(header + 0x20),
                            bytes.getLong(header + 0x18));
            if (section.inFile() && !fits(section.fileOffset(), section.size(), bytes.limit())) {
                throw bad("its section " + section.name() + " is not in the file");
            }
            if (section.size() < 0
                    || Long.compareUnsigned(section.address() + section.size(), section.address())
                            < 0) {
                throw bad("its section " + section.name() + " is beyond the end of memory");
            }
            // Who looks at every section must not look at the same bytes 60,000 times.
            inFile += section.inFile() ? section.size() : 0;
            if (inFile > bytes.limit()) {
                throw bad("its sections overlap");
            }
            sections.add(section);
        }
        return new ElfImage(bytes, List.copyOf(sections));
    }

    private static ByteBuffer nameTable(ByteBuffer bytes, int header) {
        long offset = bytes.getLong(header + 0x18);
        long size = bytes.getLong(header + 0x20);
        if (!fits(offset, size, bytes.limit())) {
            throw bad("its section names are not in the file");
        }
        return bytes.slice((int) offset, (int) size);
    }

    private static String name(ByteBuffer names, int offset) {
        byte[] name = new byte[MAX_NAME_BYTES];
        for (int i = 0; i < name.length; i++) {
            int at = offset + i;
            if (offset < 0 || at >= names.limit()) {
                break;
            }
            name[i] = names.get(at);
            if (name[i] == 0) {
                return new String(name, 0, i, StandardCharsets.ISO_8859_1);
            }
        }
        throw bad("the name of a section is not in the table of names");
    }

    private static boolean fits(long offset, long size, int limit) {
        return offset >= 0 && size >= 0 && size <= limit && offset <= limit - size;
    }

    private static RuntimeException bad(String message) {
        return BadFile.IMAGE.problem("vmlinux", message);
    }

    /** All but the null section, in the order of the file. */
    List<ImageSection> sections() {
        return sections;
    }

    /** The bytes of the file. */
    ByteBuffer bytes() {
        return bytes;
    }

    /** A copy of a section's content; zeros for one that takes no room in the file. */
    byte[] content(ImageSection section) {
        return content(section, 0, (int) section.size());
    }

    /** A copy of part of a section, which the caller has checked to be within it. */
    byte[] content(ImageSection section, long offset, int length) {
        byte[] copy = new byte[length];
        if (section.inFile()) {
            bytes.get((int) (section.fileOffset() + offset), copy);
        }
        return copy;
    }
}
