package dev.rebootless.livepatch;

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
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * A relocatable object under construction: sections of one name become one, as the module loader
 * finds them by name, and references to one thing of the kernel become one symbol.
 *
 * <p>This is what {@code ld -r} would do, but for undefined symbols: to {@code ld} two of one name
 * are the same, while a livepatch may refer to two static functions of one name in two units. So
 * they are told apart by what they mean.
 */
final class LinkedObject {
    private final Map<String, Merged> sections = new LinkedHashMap<>();
    private final List<ElfSymbol> locals = new ArrayList<>();
    private final List<ElfSymbol> globals = new ArrayList<>();
    private final Map<Resolution, ElfSymbol> undefined = new LinkedHashMap<>();

    /** Stands for what a unit provides under a name, which may be added later. */
    private final Map<String, ElfSymbol> inside = new LinkedHashMap<>();

    private final Map<String, ElfSymbol> provided = new LinkedHashMap<>();

    private static final class Merged {
        private final ElfSection first;
        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        private long alignment;
        private long flags;
        private boolean hasContent;
        private final List<Placed> parts = new ArrayList<>();

        Merged(ElfSection first) {
            this.first = first;
            this.alignment = Math.max(1, first.alignment());
        }

        void add(
                ElfSection section,
                List<ElfRelocation> relocations,
                Function<ElfSymbol, ElfSymbol> symbols) {
            long align = Math.max(1, section.alignment());
            alignment = Math.max(alignment, align);
            // What one part needs, the whole gets: memory that can be written to, and content.
            flags |= section.flags();
            hasContent |= !section.isNobits();
            while (bytes.size() % align != 0) {
                bytes.write(section.isExecutable() ? 0x90 : 0);
            }
            parts.add(new Placed(section, bytes.size(), relocations, symbols));
            bytes.writeBytes(
                    section.isNobits() ? new byte[(int) section.size()] : section.content());
        }
    }

    /** An input section at its offset in the merged one. */
    private record Placed(
            ElfSection section,
            long offset,
            List<ElfRelocation> relocations,
            Function<ElfSymbol, ElfSymbol> symbols) {}

    /** Adds all of an object; {@code resolutions} says what each of its undefined symbols means. */
    void add(ElfObject object, Map<ElfSymbol, Resolution> resolutions) {
        add(object.sections(), object.symbols(), object.relocationTables(), resolutions);
    }

    /** Adds sections that may also refer to symbols of what was added before. */
    void add(
            List<ElfSection> added,
            List<ElfSymbol> symbols,
            List<RelocationTable> tables,
            Map<ElfSymbol, Resolution> resolutions) {
        // At once, not when the first reference is moved: the import table is made from them.
        resolutions.values().forEach(this::meant);
        Function<ElfSymbol, ElfSymbol> meaning =
                symbol -> {
                    Resolution resolution = resolutions.get(symbol);
                    return resolution == null ? symbol : meant(resolution);
                };
        for (ElfSection section : added) {
            List<ElfRelocation> relocations =
                    tables.stream()
                            .filter(t -> t.target() == section)
                            .flatMap(t -> t.relocations().stream())
                            .toList();
            sections.computeIfAbsent(section.name(), name -> new Merged(section))
                    .add(section, relocations, meaning);
        }
        for (ElfSymbol symbol : symbols) {
            if (symbol.section().isPresent() && !symbol.isSectionSymbol()) {
                (symbol.isLocal() ? locals : globals).add(symbol);
            }
        }
    }

    private ElfSymbol meant(Resolution resolution) {
        return resolution instanceof Resolution.Inside(String name)
                ? inside.computeIfAbsent(name, ElfSymbol::undefined)
                : undefined(resolution);
    }

    /** The one undefined symbol of a meaning outside the object. */
    ElfSymbol undefined(Resolution resolution) {
        return undefined.computeIfAbsent(resolution, r -> ElfSymbol.undefined(r.name()));
    }

    /** All meanings that are referred to so far. */
    List<Resolution> resolutions() {
        return List.copyOf(undefined.keySet());
    }

    /**
     * The result.
     *
     * @param object the linked object
     * @param undefined the undefined symbols and what they mean
     */
    record Result(ElfObject object, Map<ElfSymbol, Resolution> undefined) {}

    Result build() {
        Map<ElfSection, ElfSection> home = new HashMap<>();
        Map<ElfSection, Long> offset = new HashMap<>();
        Map<ElfSection, ElfSymbol> sectionSymbol = new LinkedHashMap<>();
        List<ElfSection> list = new ArrayList<>();
        for (Merged merged : sections.values()) {
            ElfSection first = merged.first;
            ElfSection section =
                    !merged.hasContent
                            ? ElfSection.nobits(
                                    first.name(),
                                    merged.flags,
                                    0,
                                    merged.alignment,
                                    merged.bytes.size())
                            : ElfSection.of(
                                    first.name(),
                                    first.isNobits() ? Elf.SHT_PROGBITS : first.type(),
                                    merged.flags,
                                    0,
                                    merged.alignment,
                                    first.entrySize(),
                                    merged.bytes.toByteArray());
            list.add(section);
            sectionSymbol.put(section, ElfSymbol.ofSection(section));
            for (Placed part : merged.parts) {
                home.put(part.section(), section);
                offset.put(part.section(), part.offset());
            }
        }
        Map<ElfSymbol, ElfSymbol> moved = new LinkedHashMap<>();
        for (List<ElfSymbol> symbols : List.of(locals, globals)) {
            for (ElfSymbol symbol : symbols) {
                ElfSection section = symbol.section().orElseThrow();
                moved.put(
                        symbol,
                        symbol.at(
                                new SymbolPlace.In(home.getOrDefault(section, section)),
                                symbol.value() + offset.getOrDefault(section, 0L)));
            }
        }
        inside.forEach((name, symbol) -> moved.put(symbol, provided(name, moved)));
        List<RelocationTable> tables = new ArrayList<>();
        for (Merged merged : sections.values()) {
            List<ElfRelocation> relocations = new ArrayList<>();
            for (Placed part : merged.parts) {
                for (ElfRelocation relocation : part.relocations()) {
                    relocations.add(move(relocation, part, home, offset, sectionSymbol, moved));
                }
            }
            if (!relocations.isEmpty()) {
                ElfSection target = home.get(merged.parts.getFirst().section());
                if (target != null) {
                    tables.add(RelocationTable.of(target, relocations));
                }
            }
        }
        List<ElfSymbol> symbols = new ArrayList<>(sectionSymbol.values());
        symbols.addAll(new LinkedHashSet<>(moved.values()));
        symbols.addAll(undefined.values());
        Map<ElfSymbol, Resolution> meanings = new LinkedHashMap<>();
        undefined.forEach((resolution, symbol) -> meanings.put(symbol, resolution));
        return new Result(
                ElfObject.of(
                        ElfHeader.x86Relocatable(), list, symbols, tables, List.of(), Map.of()),
                meanings);
    }

    /** Lets other units refer to symbols of what was added, by these names. */
    void provide(Map<String, ElfSymbol> symbols) {
        symbols.forEach((name, symbol) -> {
            if (provided.put(name, symbol) != null) {
                throw new IllegalStateException("two units of the livepatch define " + name);
            }
        });
    }

    /** What a name means, at its place in the result. */
    private ElfSymbol provided(String name, Map<ElfSymbol, ElfSymbol> moved) {
        ElfSymbol symbol = provided.get(name);
        ElfSymbol definition = symbol == null ? null : moved.get(symbol);
        if (definition == null) {
            throw new IllegalStateException("no unit of the livepatch defines " + name);
        }
        return definition;
    }

    private static ElfRelocation move(
            ElfRelocation relocation,
            Placed part,
            Map<ElfSection, ElfSection> home,
            Map<ElfSection, Long> offset,
            Map<ElfSection, ElfSymbol> sectionSymbol,
            Map<ElfSymbol, ElfSymbol> moved) {
        ElfSymbol symbol = part.symbols().apply(relocation.symbol());
        long addend = relocation.addend();
        if (symbol.isSectionSymbol()) {
            ElfSection section = symbol.section().orElseThrow();
            addend += symbol.value() + offset.getOrDefault(section, 0L);
            symbol = sectionSymbol.getOrDefault(home.getOrDefault(section, section), symbol);
        } else {
            symbol = moved.getOrDefault(symbol, symbol);
        }
        return new ElfRelocation(
                part.offset() + relocation.offset(), relocation.type(), symbol, addend);
    }

    /** An empty section of program bytes, to fill by {@link #add}. */
    static ElfSection data(String name, long alignment, byte[] content) {
        return ElfSection.progbits(name, Elf.SHF_ALLOC | Elf.SHF_WRITE, alignment, content);
    }
}
