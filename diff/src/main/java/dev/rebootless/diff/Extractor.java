package dev.rebootless.diff;

import dev.rebootless.elf.Elf;
import dev.rebootless.elf.ElfHeader;
import dev.rebootless.elf.ElfObject;
import dev.rebootless.elf.ElfRelocation;
import dev.rebootless.elf.ElfSection;
import dev.rebootless.elf.ElfSymbol;
import dev.rebootless.elf.RelocationTable;
import dev.rebootless.elf.SymbolPlace;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Copies what moves out of the patched object. The pieces are laid out first (which piece at which
 * offset of which new section), then copied with their references: to other pieces by section and
 * offset, as an assembler would write them, and to what stays in the kernel by undefined symbols
 * with the names of the original object.
 */
public final class Extractor {
    private final ChangeSet changes;
    private final ObjectModel patched;
    private final EntryPadding padding;
    private final Map<String, Output> outputs = new LinkedHashMap<>();
    private final Map<Item, Piece> pieces = new LinkedHashMap<>();
    private final Map<Item, ElfSymbol> defined = new LinkedHashMap<>();
    private final Map<ElfSection, Map<Integer, Piece>> strings = new HashMap<>();
    private final Map<ElfSymbol, ElfSymbol> originalSymbols = new LinkedHashMap<>();
    private final Map<String, ElfSymbol> externalSymbols = new LinkedHashMap<>();
    private final Map<ElfSymbol, ElfSymbol> originals = new LinkedHashMap<>();

    /** A section of the result while it grows; an item keeps its offset modulo the alignment. */
    private static final class Output {
        private final ElfSection model;
        private final String name;
        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        private final List<Field> fields = new ArrayList<>();
        private long alignment;

        Output(String name, ElfSection model) {
            this.name = name;
            this.model = model;
            this.alignment = Math.max(1, model.alignment());
        }

        /** Pads for a piece of a section; sections of one name may be aligned differently. */
        long room(ElfSection from, long oldOffset) {
            long needed = Math.max(1, from.alignment());
            alignment = Math.max(alignment, needed);
            while (bytes.size() % needed != oldOffset % needed) {
                // Padding between pieces of code is never reached; 0x90 keeps it decodable.
                bytes.write(model.isExecutable() ? 0x90 : 0);
            }
            return bytes.size();
        }
    }

    private record Piece(Output output, long offset) {}

    /** An address field of a new section, before the new symbols exist. */
    private record Field(long offset, int type, Destination destination) {}

    private sealed interface Destination {
        record Inside(Output output, long addend) implements Destination {}

        record Outside(ElfSymbol symbol, long addend) implements Destination {}
    }

    private Extractor(ChangeSet changes) {
        this.changes = changes;
        this.patched = changes.patched();
        this.padding = new EntryPadding(patched.object());
    }

    /**
     * The extracted object.
     *
     * @throws IllegalArgumentException if the changes are refused
     */
    public static Extraction extract(ChangeSet changes) {
        if (changes.verdict() == Verdict.REFUSED) {
            throw new IllegalArgumentException("refused changes are not extracted");
        }
        Architecture architecture = changes.patched().architecture();
        if (!architecture.canExtract()) {
            throw dev.rebootless.base.RebootlessException.refused(
                    "RBL-ARCHITECTURE",
                    "",
                    "extracted objects are made for x86-64 only, and these are for "
                            + architecture.name(),
                    "leave out -o: the objects are compared all the same");
        }
        return new Extractor(changes).run();
    }

    private Extraction run() {
        Selection selection = changes.selection();
        selection.carried().forEach(this::place);
        selection.carried().forEach(this::copyFields);
        for (SpecialTable table : patched.architecture().tables()) {
            if (table.role() == SpecialTable.Role.CARRIED
                    || table.role() == SpecialTable.Role.ANNOTATION) {
                selection.carried().forEach(item -> copyEntries(table, item));
            }
        }
        return assemble();
    }

    private static String newName(Item item) {
        String section = item.section().name();
        if (!item.isFunction()) {
            return section;
        }
        return (section.startsWith(".text.unlikely") || Names.isCold(item.name())
                        ? ".text.unlikely."
                        : ".text.")
                + item.name();
    }

    private void place(Item item) {
        ElfSection section = item.section();
        Output output = outputs.computeIfAbsent(newName(item), name -> new Output(name, section));
        long offset = output.room(section, item.isFunction() ? 0 : item.offset());
        if (item.isFunction()) {
            // The padding before an entry moves with it.
            int bytes = (int) padding.before(item);
            output.bytes.write(section.content(), (int) item.offset() - bytes, bytes);
            offset += bytes;
        }
        if (section.isNobits()) {
            output.bytes.writeBytes(new byte[(int) item.size()]);
        } else {
            byte[] bytes =
                    java.util.Arrays.copyOfRange(
                            section.content(), (int) item.offset(), (int) item.end());
            for (Reference reference : patched.references(item)) {
                clear(bytes, reference);
            }
            output.bytes.writeBytes(bytes);
        }
        pieces.put(item, new Piece(output, offset));
    }

    /**
     * The field of a relocation holds nothing of meaning (RELA); a resolved branch holds the old
     * distance.
     */
    private void clear(byte[] bytes, Reference reference) {
        patched.bits(reference.type())
                .clear(bytes, (int) reference.offset(), patched.object().header().order());
    }

    private void copyFields(Item item) {
        Piece piece = piece(item);
        for (Reference reference : patched.references(item)) {
            if (reference.isResolved() && patched.bits(reference.type()).size() == 1) {
                throw dev.rebootless.base.RebootlessException.refused(
                        "RBL-SHORT-BRANCH",
                        item.name(),
                        "a short branch leaves the function, and what it jumps to does not move with it",
                        "compile with -ffunction-sections");
            }
            piece.output()
                    .fields
                    .add(
                            new Field(
                                    piece.offset() + reference.offset(),
                                    reference.type(),
                                    destination(item, reference.target(), false)));
        }
    }

    private Piece piece(Item item) {
        Piece piece = pieces.get(item);
        if (piece == null) {
            throw new IllegalStateException(item + " is not carried");
        }
        return piece;
    }

    private void copyEntries(SpecialTable table, Item item) {
        for (Entry entry : patched.entries(item)) {
            if (!entry.table().equals(table)) {
                continue;
            }
            Output output =
                    outputs.computeIfAbsent(
                            table.section(), name -> new Output(name, entry.section()));
            long offset = output.room(entry.section(), 0);
            byte[] bytes =
                    java.util.Arrays.copyOfRange(
                            entry.section().content(),
                            (int) entry.offset(),
                            (int) (entry.offset() + entry.size()));
            entry.references().forEach(r -> clear(bytes, r));
            output.bytes.writeBytes(bytes);
            for (Reference reference : entry.references()) {
                Destination destination =
                        entry.isUnused(reference)
                                ? unusedReplacement(item)
                                : destination(item, reference.target(), true);
                output.fields.add(
                        new Field(offset + reference.offset(), reference.type(), destination));
            }
        }
    }

    /**
     * The pointer of an alternative without replacement is never followed: it may point at any
     * code.
     */
    private Destination unusedReplacement(Item item) {
        Piece piece = piece(item);
        return new Destination.Inside(piece.output(), piece.offset());
    }

    /**
     * Where a field of a carried piece points.
     *
     * @param inTable true for entries of special tables, whose code fields always mean the carried
     *     code itself
     */
    private Destination destination(Item from, Target target, boolean inTable) {
        return switch (target) {
            case Target.External(ElfSymbol symbol, long addend) ->
                    new Destination.Outside(external(symbol), addend);
            case Target.Text(ElfSection section, long offset, long displacement) -> {
                int start = Strings.start(section, offset);
                Piece piece = string(section, start);
                yield new Destination.Inside(
                        piece.output(), piece.offset() + (offset - start) + displacement);
            }
            case Target.InItem in -> {
                boolean ownCode = inTable && in.item() == from;
                Optional<Item> stays = ownCode ? Optional.empty() : changes.selection().staysAt(in);
                if (stays.isPresent()) {
                    yield new Destination.Outside(original(stays.get()), in.displacement());
                }
                Piece piece = piece(in.item());
                // By section, as an assembler refers to local symbols: objtool tells a jump into
                // the
                // function's own cold part from a tail call by that.
                yield new Destination.Inside(piece.output(), piece.offset() + in.displacement());
            }
        };
    }

    private Piece string(ElfSection section, int start) {
        return strings.computeIfAbsent(section, s -> new HashMap<>())
                .computeIfAbsent(
                        start,
                        at -> {
                            Output output =
                                    outputs.computeIfAbsent(
                                            section.name(), name -> new Output(name, section));
                            long offset = output.room(section, 0);
                            int width = (int) Math.max(1, section.entrySize());
                            int end =
                                    (int)
                                            Math.min(
                                                    Strings.end(section, at) + width,
                                                    section.size());
                            output.bytes.write(section.content(), at, end - at);
                            return new Piece(output, offset);
                        });
    }

    private ElfSymbol external(ElfSymbol symbol) {
        if (symbol.section().isPresent()) {
            throw dev.rebootless.base.RebootlessException.refused(
                    "RBL-SECTION-UNKNOWN",
                    symbol.section().get().name(),
                    "code that moves points into this section, and its meaning is not known",
                    "report it with the patch; the section has to be understood first");
        }
        return externalSymbols.computeIfAbsent(symbol.name(), ElfSymbol::undefined);
    }

    private ElfSymbol original(Item item) {
        ElfSymbol there = item.symbols().getFirst();
        return originalSymbols.computeIfAbsent(
                there,
                s -> {
                    ElfSymbol here = ElfSymbol.undefined(s.name());
                    originals.put(here, s);
                    return here;
                });
    }

    private Extraction assemble() {
        Map<Output, ElfSection> sections = new LinkedHashMap<>();
        Map<Output, ElfSymbol> sectionSymbols = new LinkedHashMap<>();
        List<ElfSymbol> symbols = new ArrayList<>();
        for (Output output : outputs.values()) {
            ElfSection section = section(output);
            ElfSymbol symbol = ElfSymbol.ofSection(section);
            sections.put(output, section);
            sectionSymbols.put(output, symbol);
            symbols.add(symbol);
        }
        pieces.forEach((item, piece) -> {
            for (ElfSymbol named : item.symbols()) {
                // Alias symbols would show twice in traces: one name an item.
                if (named != item.symbols().getFirst()) {
                    continue;
                }
                ElfSection section = sections.get(piece.output());
                if (section == null) {
                    throw new IllegalStateException("a piece without a section: " + item);
                }
                ElfSymbol symbol =
                        new ElfSymbol(
                                named.name(),
                                piece.offset(),
                                item.size(),
                                item.isFunction() ? Elf.STT_FUNC : named.type(),
                                Elf.STB_LOCAL,
                                0,
                                new SymbolPlace.In(section));
                symbols.add(symbol);
                defined.put(item, symbol);
            }
        });
        symbols.addAll(originalSymbols.values());
        symbols.addAll(externalSymbols.values());
        List<RelocationTable> tables = new ArrayList<>();
        sections.forEach((output, section) -> {
            if (!output.fields.isEmpty()) {
                List<ElfRelocation> list = new ArrayList<>();
                for (Field field : output.fields) {
                    list.add(relocation(field, sectionSymbols));
                }
                tables.add(RelocationTable.of(section, list));
            }
        });
        List<Extraction.Replacement> replaced = new ArrayList<>();
        changes.replaced()
                .forEach((ours, theirs) -> {
                    ElfSymbol body = defined.get(theirs);
                    if (body == null) {
                        throw new IllegalStateException(theirs + " was not carried");
                    }
                    replaced.add(new Extraction.Replacement(ours.symbols().getFirst(), body));
                });
        ElfObject object =
                ElfObject.of(
                        new ElfHeader(
                                patched.object().header().order(),
                                0,
                                Elf.ET_REL,
                                patched.object().header().machine(),
                                0,
                                0),
                        List.copyOf(sections.values()),
                        symbols,
                        tables,
                        List.of(),
                        Map.of());
        Map<String, ElfSymbol> provided = new LinkedHashMap<>();
        defined.forEach((item, symbol) -> {
            if (changes.selection().isNew(item)) {
                item.symbols().stream()
                        .filter(s -> !s.isLocal())
                        .forEach(s -> provided.put(s.name(), symbol));
            }
        });
        return new Extraction(object, replaced, originals, provided);
    }

    private static ElfSection section(Output output) {
        ElfSection model = output.model;
        long flags = model.flags() & ~Elf.SHF_LINK_ORDER;
        if (model.isNobits()) {
            return ElfSection.nobits(output.name, flags, 0, output.alignment, output.bytes.size());
        }
        return ElfSection.of(
                output.name,
                model.type(),
                flags,
                0,
                output.alignment,
                model.entrySize(),
                output.bytes.toByteArray());
    }

    private ElfRelocation relocation(Field field, Map<Output, ElfSymbol> sectionSymbols) {
        return switch (field.destination()) {
            case Destination.Outside(ElfSymbol symbol, long addend) ->
                    new ElfRelocation(field.offset(), field.type(), symbol, addend);
            case Destination.Inside(Output output, long addend) -> {
                ElfSymbol symbol = sectionSymbols.get(output);
                if (symbol == null) {
                    throw new IllegalStateException(output.name + " has no symbol");
                }
                yield new ElfRelocation(field.offset(), field.type(), symbol, addend);
            }
        };
    }
}
