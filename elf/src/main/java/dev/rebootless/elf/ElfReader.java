package dev.rebootless.elf;

import dev.rebootless.base.RebootlessException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads 64-bit ELF files (gABI, chapter 4) of either byte order. All of it is read and checked at
 * once: an object that comes out has no index out of range, no string without an end and no
 * relocation outside its section. Memory is bounded by a small multiple of the file's size.
 */
public final class ElfReader {
    /** Elf64_Ehdr, Elf64_Shdr, Elf64_Sym and Elf64_Rela in bytes. */
    private static final int EHDR = 64;

    private static final int SHDR = 64;
    private static final int SYM = 24;
    private static final int RELA = 24;

    private final ByteBuffer file;
    private final byte[] bytes;

    /** The kernel keeps 511 (include/linux/kallsyms.h, KSYM_NAME_LEN); compilers write more. */
    private static final int MAX_NAME_BYTES = 4096;

    private ElfReader(byte[] bytes, ByteOrder order) {
        this.bytes = bytes;
        this.file = ByteBuffer.wrap(bytes).order(order);
    }

    /** A section header as it stands in the file. */
    private record Header(
            String name,
            int type,
            long flags,
            long address,
            int offset,
            long size,
            int link,
            int info,
            long alignment,
            long entrySize) {}

    static RebootlessException problem(String message) {
        return RebootlessException.usage(
                "RBL-ELF",
                "",
                "not a usable ELF file: " + message,
                "give a 64-bit ELF object that is whole");
    }

    /**
     * Reads a file.
     *
     * @throws RebootlessException exit status 2, {@code RBL-ELF}, when it is no ELF file or is
     *     damaged, and {@code RBL-FILE} when it cannot be read; the place is the file's name
     */
    public static ElfObject read(Path path) {
        byte[] content;
        try {
            content = Files.readAllBytes(path);
        } catch (IOException | OutOfMemoryError e) {
            throw RebootlessException.usage(
                    "RBL-FILE",
                    path.toString(),
                    "cannot be read: " + e.getMessage(),
                    "check the file's name and rights");
        }
        try {
            return read(content);
        } catch (RebootlessException e) {
            throw RebootlessException.usage(
                    "RBL-ELF",
                    path.toString(),
                    e.problems().getFirst().message(),
                    e.problems().getFirst().remedy());
        }
    }

    /**
     * Reads an object from its bytes, which are not kept.
     *
     * @throws RebootlessException exit status 2, {@code RBL-ELF}
     */
    public static ElfObject read(byte[] bytes) {
        if (bytes.length < EHDR
                || bytes[0] != 0x7f
                || bytes[1] != 'E'
                || bytes[2] != 'L'
                || bytes[3] != 'F') {
            throw problem("it does not begin with an ELF header");
        }
        if (bytes[4] != 2) {
            throw problem("EI_CLASS is " + bytes[4] + ", only 64-bit files are read");
        }
        ByteOrder order =
                switch (bytes[5]) {
                    case 1 -> ByteOrder.LITTLE_ENDIAN;
                    case 2 -> ByteOrder.BIG_ENDIAN;
                    default -> throw problem("EI_DATA is " + bytes[5]);
                };
        return new ElfReader(bytes, order).object();
    }

    private ElfObject object() {
        ElfHeader header =
                new ElfHeader(
                        file.order(),
                        bytes[7] & 0xff,
                        u16(16),
                        u16(18),
                        file.getInt(48),
                        file.getLong(24));
        List<Header> headers = headers();
        ElfSection[] sections = new ElfSection[headers.size()];
        List<ElfSection> ordered = new ArrayList<>();
        int symtab = -1;
        for (int i = 1; i < headers.size(); i++) {
            Header h = headers.get(i);
            switch (h.type()) {
                case Elf.SHT_SYMTAB -> {
                    if (symtab >= 0) {
                        throw problem("it has two symbol tables");
                    }
                    symtab = i;
                }
                case Elf.SHT_SYMTAB_SHNDX -> throw problem("it has more than 65,279 sections");
                case Elf.SHT_REL ->
                        throw problem("section " + h.name() + " has relocations without addends");
                case Elf.SHT_RELA -> {
                    if (header.type() != Elf.ET_REL) {
                        sections[i] = section(h);
                        ordered.add(sections[i]);
                    }
                }
                case Elf.SHT_NULL, Elf.SHT_GROUP, Elf.SHT_LLVM_ADDRSIG -> {}
                case Elf.SHT_STRTAB -> {
                    // String tables are made anew by the writer, unless they are data of somebody's
                    // own.
                    if ((h.flags() & Elf.SHF_ALLOC) != 0) {
                        sections[i] = section(h);
                        ordered.add(sections[i]);
                    }
                }
                default -> {
                    sections[i] = section(h);
                    ordered.add(sections[i]);
                }
            }
        }
        ElfSymbol[] symbols = symtab < 0 ? new ElfSymbol[0] : symbols(headers, symtab, sections);
        List<RelocationTable> tables = new ArrayList<>();
        List<ElfGroup> groups = new ArrayList<>();
        Map<ElfSection, ElfSection> linkOrder = new LinkedHashMap<>();
        for (int i = 1; i < headers.size(); i++) {
            Header h = headers.get(i);
            if (h.type() == Elf.SHT_RELA && header.type() == Elf.ET_REL) {
                tables.add(table(h, symtab, symbols, sections));
            } else if (h.type() == Elf.SHT_GROUP) {
                groups.add(group(h, symtab, symbols, sections));
            } else if ((h.flags() & Elf.SHF_LINK_ORDER) != 0
                    && sections[i] != null
                    && h.link() != 0) {
                linkOrder.put(sections[i], at(sections, h.link(), h.name()));
            }
        }
        List<ElfSymbol> named = new ArrayList<>(symbols.length);
        for (int i = 1; i < symbols.length; i++) {
            named.add(symbols[i]);
        }
        return ElfObject.of(header, ordered, named, tables, groups, linkOrder);
    }

    private List<Header> headers() {
        long table = file.getLong(40);
        int entry = u16(58);
        long count = u16(60);
        long names = u16(62);
        if (table == 0) {
            return List.of();
        }
        if (entry != SHDR) {
            throw problem("e_shentsize is " + entry);
        }
        range(table, SHDR, "the section table");
        // gABI: from 0xff00 sections on, the count and the string table's index stand in section 0.
        if (count == 0) {
            count = file.getLong((int) table + 32);
        }
        if (names == Elf.SHN_XINDEX) {
            names = Integer.toUnsignedLong(file.getInt((int) table + 40));
        }
        if (count < 1 || count > bytes.length / SHDR) {
            throw problem("it says it has " + count + " sections");
        }
        range(table, count * SHDR, "the section table");
        if (names >= count) {
            throw problem("the section names are in section " + names + " of " + count);
        }
        Header nameTable = rawHeader((int) table + (int) names * SHDR);
        if (nameTable.type() != Elf.SHT_STRTAB) {
            throw problem("the section names are not in a string table");
        }
        List<Header> headers = new ArrayList<>();
        long content = 0;
        for (int i = 0; i < count; i++) {
            int at = (int) table + i * SHDR;
            Header raw = rawHeader(at);
            content += raw.type() == Elf.SHT_NOBITS ? 0 : raw.size();
            if (content > bytes.length) {
                throw problem("its sections together are larger than the file");
            }
            String name = string(nameTable, Integer.toUnsignedLong(file.getInt(at)));
            headers.add(
                    new Header(
                            name,
                            raw.type(),
                            raw.flags(),
                            raw.address(),
                            raw.offset(),
                            raw.size(),
                            raw.link(),
                            raw.info(),
                            raw.alignment(),
                            raw.entrySize()));
        }
        return headers;
    }

    private Header rawHeader(int at) {
        int type = file.getInt(at + 4);
        long offset = file.getLong(at + 24);
        long size = file.getLong(at + 32);
        if (type == Elf.SHT_NULL) {
            offset = 0;
            size = 0;
        } else if (type == Elf.SHT_NOBITS) {
            offset = 0;
            if (size < 0) {
                throw problem("a section of zeroes with a negative size");
            }
        } else {
            range(offset, size, "the content of a section");
        }
        return new Header(
                "",
                type,
                file.getLong(at + 8),
                file.getLong(at + 16),
                (int) offset,
                size,
                file.getInt(at + 40),
                file.getInt(at + 44),
                file.getLong(at + 48),
                file.getLong(at + 56));
    }

    private ElfSection section(Header h) {
        if (h.alignment() < 0 || Long.bitCount(h.alignment()) > 1) {
            throw problem("section " + h.name() + " has the alignment " + h.alignment());
        }
        if (h.type() == Elf.SHT_NOBITS) {
            return ElfSection.nobits(h.name(), h.flags(), h.address(), h.alignment(), h.size());
        }
        return ElfSection.of(
                h.name(),
                h.type(),
                h.flags() & ~Elf.SHF_GROUP,
                h.address(),
                h.alignment(),
                h.entrySize(),
                Arrays.copyOfRange(bytes, h.offset(), h.offset() + (int) h.size()));
    }

    private ElfSymbol[] symbols(List<Header> headers, int symtab, @Nullable ElfSection[] sections) {
        Header table = headers.get(symtab);
        if (table.size() % SYM != 0) {
            throw problem("the symbol table's size is no multiple of " + SYM);
        }
        if (table.link() <= 0
                || table.link() >= headers.size()
                || headers.get(table.link()).type() != Elf.SHT_STRTAB) {
            throw problem("the symbol table has no string table");
        }
        Header strings = headers.get(table.link());
        ElfSymbol[] symbols = new ElfSymbol[(int) (table.size() / SYM)];
        for (int i = 0; i < symbols.length; i++) {
            int at = table.offset() + i * SYM;
            String name = string(strings, Integer.toUnsignedLong(file.getInt(at)));
            int info = bytes[at + 4] & 0xff;
            int index = u16(at + 6);
            SymbolPlace place =
                    switch (index) {
                        case Elf.SHN_UNDEF -> SymbolPlace.UNDEFINED;
                        case Elf.SHN_ABS -> SymbolPlace.ABSOLUTE;
                        case Elf.SHN_COMMON -> SymbolPlace.COMMON;
                        case Elf.SHN_LIVEPATCH -> SymbolPlace.LIVEPATCH;
                        default -> {
                            if (index >= Elf.SHN_LORESERVE || index >= headers.size()) {
                                throw problem("symbol " + name + " is in section " + index);
                            }
                            ElfSection section = sections[index];
                            // Symbols of the tables themselves (gas makes section symbols for
                            // .group) are dropped
                            // with them: nothing can point at them but the tables.
                            yield section == null
                                    ? SymbolPlace.ABSOLUTE
                                    : new SymbolPlace.In(section);
                        }
                    };
            symbols[i] =
                    new ElfSymbol(
                            name,
                            file.getLong(at + 8),
                            file.getLong(at + 16),
                            info & 0xf,
                            info >> 4,
                            bytes[at + 5] & 0xff,
                            place);
        }
        return symbols;
    }

    private RelocationTable table(
            Header h, int symtab, ElfSymbol[] symbols, @Nullable ElfSection[] sections) {
        ElfSection target = at(sections, h.info(), h.name());
        if (h.link() != symtab) {
            throw problem(h.name() + " does not refer to the symbol table");
        }
        if (h.size() % RELA != 0) {
            throw problem("the size of " + h.name() + " is no multiple of " + RELA);
        }
        List<ElfRelocation> relocations = new ArrayList<>((int) (h.size() / RELA));
        for (int at = h.offset(); at < h.offset() + h.size(); at += RELA) {
            long offset = file.getLong(at);
            long info = file.getLong(at + 8);
            long symbol = info >>> 32;
            if (symbol >= symbols.length) {
                throw problem("a relocation in " + h.name() + " points at symbol " + symbol);
            }
            if (offset < 0 || offset >= target.size()) {
                throw problem("a relocation in " + h.name() + " lies outside its section");
            }
            relocations.add(
                    new ElfRelocation(
                            offset,
                            (int) info,
                            symbol == 0 ? NONE : symbols[(int) symbol],
                            file.getLong(at + 16)));
        }
        if (relocations.stream().anyMatch(r -> r.symbol() == NONE)) {
            // R_*_NONE and relative forms point at nothing; kernels have none but in .rela of
            // discarded code.
            relocations.removeIf(r -> r.symbol() == NONE && r.type() == 0);
            if (relocations.stream().anyMatch(r -> r.symbol() == NONE)) {
                throw problem("a relocation in " + h.name() + " points at no symbol");
            }
        }
        return new RelocationTable(h.name(), h.flags() & ~Elf.SHF_GROUP, target, relocations);
    }

    private static final ElfSymbol NONE = ElfSymbol.undefined("");

    private ElfGroup group(
            Header h, int symtab, ElfSymbol[] symbols, @Nullable ElfSection[] sections) {
        if (h.link() != symtab || h.info() <= 0 || h.info() >= symbols.length) {
            throw problem("group " + h.name() + " has no signature");
        }
        if (h.size() < 4 || h.size() % 4 != 0) {
            throw problem("group " + h.name() + " has the size " + h.size());
        }
        List<ElfSection> members = new ArrayList<>();
        for (int at = h.offset() + 4; at < h.offset() + h.size(); at += 4) {
            int index = file.getInt(at);
            if (index <= 0 || index >= sections.length) {
                throw problem("group " + h.name() + " has the member " + index);
            }
            ElfSection member = sections[index];
            if (member != null) {
                members.add(member);
            }
        }
        return new ElfGroup(h.name(), file.getInt(h.offset()), symbols[h.info()], members);
    }

    private static ElfSection at(@Nullable ElfSection[] sections, int index, String from) {
        ElfSection section = index > 0 && index < sections.length ? sections[index] : null;
        if (section == null) {
            throw problem(from + " points at section " + index);
        }
        return section;
    }

    private String string(Header table, long offset) {
        if (offset >= table.size()) {
            if (offset == 0) {
                return "";
            }
            throw problem("a name lies outside its string table");
        }
        int start = table.offset() + (int) offset;
        int limit = table.offset() + (int) table.size();
        int end = start;
        while (end < limit && bytes[end] != 0) {
            end++;
            if (end - start > MAX_NAME_BYTES) {
                throw problem("a name has more than " + MAX_NAME_BYTES + " bytes");
            }
        }
        if (end == limit) {
            throw problem("a name has no end");
        }
        return new String(bytes, start, end - start, StandardCharsets.ISO_8859_1);
    }

    private void range(long offset, long size, String what) {
        if (offset < 0 || size < 0 || offset > bytes.length || size > bytes.length - offset) {
            throw problem(what + " reaches beyond the end of the file");
        }
    }

    private int u16(int at) {
        return Short.toUnsignedInt(file.getShort(at));
    }
}
