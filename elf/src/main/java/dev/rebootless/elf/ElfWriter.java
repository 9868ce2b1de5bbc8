package dev.rebootless.elf;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Writes relocatable objects. The layout is fixed by the object alone, so equal objects give equal
 * bytes: null section, groups, sections each followed by its relocation tables, symbol table,
 * string tables. Symbols keep their order, but local ones come first, as the gABI demands. What was
 * written is read back before it is returned.
 */
public final class ElfWriter {
    private static final int EHDR = 64;
    private static final int SHDR = 64;
    private static final int SYM = 24;
    private static final int RELA = 24;

    private final ElfObject object;
    private final List<Row> rows = new ArrayList<>();
    private final Map<ElfSection, Integer> sectionIndex = new LinkedHashMap<>();
    private final Map<ElfSymbol, Integer> symbolIndex = new LinkedHashMap<>();

    /** One line of the section table, with the bytes it stands for. */
    private record Row(
            String name,
            int type,
            long flags,
            long address,
            byte[] content,
            long size,
            int link,
            int info,
            long alignment,
            long entrySize) {}

    private ElfWriter(ElfObject object) {
        this.object = object;
    }

    /**
     * The bytes of a relocatable object.
     *
     * @throws IllegalArgumentException for another type of ELF file
     * @throws IllegalStateException when the bytes do not read back as the same object: a fault of
     *     ours
     */
    public static byte[] write(ElfObject object) {
        if (object.header().type() != Elf.ET_REL) {
            throw new IllegalArgumentException("only relocatable objects are written");
        }
        byte[] bytes = new ElfWriter(object).bytes();
        ElfObject back = ElfReader.read(bytes);
        if (back.sections().size() != object.sections().size()
                || back.symbols().size() != object.symbols().size()
                || back.relocationTables().size() != object.relocationTables().size()
                || back.groups().size() != object.groups().size()) {
            throw new IllegalStateException("the object written does not read back the same");
        }
        return bytes;
    }

    private byte[] bytes() {
        List<ElfSymbol> ordered = new ArrayList<>();
        object.symbols().stream().filter(ElfSymbol::isLocal).forEach(ordered::add);
        int firstGlobal = ordered.size() + 1;
        object.symbols().stream().filter(s -> !s.isLocal()).forEach(ordered::add);
        for (int i = 0; i < ordered.size(); i++) {
            symbolIndex.put(ordered.get(i), i + 1);
        }
        int index = 1 + object.groups().size();
        for (ElfSection section : object.sections()) {
            sectionIndex.put(section, index++);
            for (RelocationTable table : object.relocationTables()) {
                if (table.target() == section) {
                    index++;
                }
            }
        }
        int symtab = index;
        if (symtab + 3 >= Elf.SHN_LORESERVE) {
            throw ElfReader.problem("the object would have " + symtab + " sections");
        }
        rows.add(new Row("", 0, 0, 0, new byte[0], 0, 0, 0, 0, 0));
        for (ElfGroup group : object.groups()) {
            rows.add(groupRow(group, symtab));
        }
        for (ElfSection section : object.sections()) {
            ElfSection before = object.linkOrder().get(section);
            boolean grouped = object.groups().stream().anyMatch(g -> g.members().contains(section));
            rows.add(
                    new Row(
                            section.name(),
                            section.type(),
                            section.flags() | (grouped ? Elf.SHF_GROUP : 0),
                            section.address(),
                            section.content(),
                            section.size(),
                            before == null ? 0 : index(before),
                            0,
                            section.alignment(),
                            section.entrySize()));
            for (RelocationTable table : object.relocationTables()) {
                if (table.target() == section) {
                    byte[] content = relocations(table);
                    rows.add(
                            new Row(
                                    table.name(),
                                    Elf.SHT_RELA,
                                    table.flags(),
                                    0,
                                    content,
                                    content.length,
                                    symtab,
                                    index(section),
                                    8,
                                    RELA));
                }
            }
        }
        Strings names = new Strings();
        byte[] symbolBytes = symbols(ordered, names);
        rows.add(
                new Row(
                        ".symtab",
                        Elf.SHT_SYMTAB,
                        0,
                        0,
                        symbolBytes,
                        symbolBytes.length,
                        symtab + 1,
                        firstGlobal,
                        8,
                        SYM));
        byte[] nameBytes = names.bytes();
        rows.add(new Row(".strtab", Elf.SHT_STRTAB, 0, 0, nameBytes, nameBytes.length, 0, 0, 1, 0));
        return file();
    }

    private int index(ElfSection section) {
        Integer index = sectionIndex.get(section);
        if (index == null) {
            throw new IllegalStateException("section " + section + " is not in the object");
        }
        return index;
    }

    private Row groupRow(ElfGroup group, int symtab) {
        ByteBuffer content = buffer(4 + 4 * group.members().size());
        content.putInt(group.flags());
        group.members().forEach(member -> content.putInt(index(member)));
        return new Row(
                group.name(),
                Elf.SHT_GROUP,
                0,
                0,
                content.array(),
                content.capacity(),
                symtab,
                symbolIndex.getOrDefault(group.signature(), 0),
                4,
                4);
    }

    private byte[] relocations(RelocationTable table) {
        ByteBuffer content = buffer(RELA * table.relocations().size());
        for (ElfRelocation relocation : table.relocations()) {
            content.putLong(relocation.offset());
            long symbol = symbolIndex.getOrDefault(relocation.symbol(), 0);
            content.putLong(symbol << 32 | Integer.toUnsignedLong(relocation.type()));
            content.putLong(relocation.addend());
        }
        return content.array();
    }

    private byte[] symbols(List<ElfSymbol> ordered, Strings names) {
        ByteBuffer content = buffer(SYM * (ordered.size() + 1));
        content.position(SYM);
        for (ElfSymbol symbol : ordered) {
            content.putInt(names.offset(symbol.name()));
            content.put((byte) (symbol.binding() << 4 | symbol.type()));
            content.put((byte) symbol.other());
            int place =
                    switch (symbol.place()) {
                        case SymbolPlace.Undefined u -> Elf.SHN_UNDEF;
                        case SymbolPlace.Absolute a -> Elf.SHN_ABS;
                        case SymbolPlace.Common c -> Elf.SHN_COMMON;
                        case SymbolPlace.Livepatch l -> Elf.SHN_LIVEPATCH;
                        case SymbolPlace.In(ElfSection section) -> index(section);
                    };
            content.putShort((short) place);
            content.putLong(symbol.value());
            content.putLong(symbol.size());
        }
        return content.array();
    }

    private byte[] file() {
        Strings names = new Strings();
        int[] nameOffset = rows.stream().mapToInt(r -> names.offset(r.name())).toArray();
        int ownName = names.offset(".shstrtab");
        byte[] nameBytes = names.bytes();
        List<Row> all = new ArrayList<>(rows);
        all.add(
                new Row(
                        ".shstrtab",
                        Elf.SHT_STRTAB,
                        0,
                        0,
                        nameBytes,
                        nameBytes.length,
                        0,
                        0,
                        1,
                        0));
        long[] offsets = new long[all.size()];
        long at = EHDR;
        for (int i = 1; i < all.size(); i++) {
            Row row = all.get(i);
            at = align(at, Math.max(1, Math.min(row.alignment(), 4096)));
            offsets[i] = at;
            at += row.content().length;
        }
        long table = align(at, 8);
        ByteBuffer out = buffer(Math.toIntExact(table + (long) SHDR * all.size()));
        ElfHeader header = object.header();
        out.put(
                new byte[] {
                    0x7f,
                    'E',
                    'L',
                    'F',
                    2,
                    (byte) (header.order() == java.nio.ByteOrder.BIG_ENDIAN ? 2 : 1),
                    1,
                    (byte) header.osAbi()
                });
        out.position(16);
        out.putShort((short) header.type()).putShort((short) header.machine()).putInt(1);
        out.putLong(header.entry()).putLong(0).putLong(table).putInt(header.flags());
        out.putShort((short) EHDR).putShort((short) 0).putShort((short) 0);
        out.putShort((short) SHDR).putShort((short) all.size()).putShort((short) (all.size() - 1));
        for (int i = 1; i < all.size(); i++) {
            out.position((int) offsets[i]);
            out.put(all.get(i).content());
        }
        for (int i = 0; i < all.size(); i++) {
            Row row = all.get(i);
            out.position((int) table + i * SHDR);
            out.putInt(i < nameOffset.length ? nameOffset[i] : ownName)
                    .putInt(row.type())
                    .putLong(row.flags());
            out.putLong(row.address())
                    .putLong(offsets[i])
                    .putLong(row.size())
                    .putInt(row.link())
                    .putInt(row.info());
            out.putLong(row.alignment()).putLong(row.entrySize());
        }
        return out.array();
    }

    private ByteBuffer buffer(int size) {
        return ByteBuffer.allocate(size).order(object.header().order());
    }

    private static long align(long offset, long alignment) {
        return (offset + alignment - 1) / alignment * alignment;
    }

    /** A string table that holds each string once. */
    private static final class Strings {
        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        private final Map<String, Integer> offsets = new HashMap<>();

        Strings() {
            bytes.write(0);
            offsets.put("", 0);
        }

        int offset(String text) {
            return offsets.computeIfAbsent(
                    text,
                    t -> {
                        int offset = bytes.size();
                        bytes.writeBytes(t.getBytes(StandardCharsets.ISO_8859_1));
                        bytes.write(0);
                        return offset;
                    });
        }

        byte[] bytes() {
            return bytes.toByteArray();
        }
    }
}
