package dev.rebootless.elf;

import dev.rebootless.base.RebootlessException;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * An ELF file as a value: sections, symbols, relocations and groups that point at one another
 * directly. Nothing in it can change. A changed object is made by building new lists and calling
 * {@link #of}, which refuses one in which something points at a thing that is not in it.
 */
public final class ElfObject {
    private final ElfHeader header;
    private final List<ElfSection> sections;
    private final List<ElfSymbol> symbols;
    private final List<RelocationTable> relocationTables;
    private final List<ElfGroup> groups;
    private final Map<ElfSection, ElfSection> linkOrder;
    private final Map<ElfSection, List<ElfRelocation>> relocations;
    private final Map<ElfSection, List<ElfSymbol>> definitions;

    private ElfObject(
            ElfHeader header,
            List<ElfSection> sections,
            List<ElfSymbol> symbols,
            List<RelocationTable> relocationTables,
            List<ElfGroup> groups,
            Map<ElfSection, ElfSection> linkOrder) {
        this.header = header;
        this.sections = List.copyOf(sections);
        this.symbols = List.copyOf(symbols);
        this.relocationTables = List.copyOf(relocationTables);
        this.groups = List.copyOf(groups);
        this.linkOrder = Collections.unmodifiableMap(new LinkedHashMap<>(linkOrder));
        this.relocations = new LinkedHashMap<>();
        for (RelocationTable table : this.relocationTables) {
            if (!table.isLivepatch()) {
                relocations.merge(
                        table.target(),
                        table.relocations(),
                        (a, b) -> java.util.stream.Stream.concat(a.stream(), b.stream()).toList());
            }
        }
        this.definitions = new LinkedHashMap<>();
        for (ElfSymbol symbol : this.symbols) {
            symbol.section()
                    .ifPresent(s ->
                            definitions
                                    .computeIfAbsent(s, k -> new java.util.ArrayList<>())
                                    .add(symbol));
        }
    }

    /**
     * Puts an object together.
     *
     * @param linkOrder for sections with SHF_LINK_ORDER, the section they belong to
     * @throws RebootlessException {@code RBL-ELF} when a symbol, relocation or group points at a
     *     section or symbol that is not in the lists; the message has both names
     */
    public static ElfObject of(
            ElfHeader header,
            List<ElfSection> sections,
            List<ElfSymbol> symbols,
            List<RelocationTable> relocationTables,
            List<ElfGroup> groups,
            Map<ElfSection, ElfSection> linkOrder) {
        Set<ElfSection> knownSections = new java.util.LinkedHashSet<>();
        knownSections.addAll(sections);
        Set<ElfSymbol> knownSymbols = new java.util.LinkedHashSet<>();
        knownSymbols.addAll(symbols);
        for (ElfSymbol symbol : symbols) {
            symbol.section()
                    .ifPresent(s ->
                            require(
                                    knownSections.contains(s),
                                    "symbol " + symbol.label(),
                                    s.name()));
        }
        for (RelocationTable table : relocationTables) {
            require(
                    knownSections.contains(table.target()),
                    "table " + table.name(),
                    table.target().name());
            for (ElfRelocation relocation : table.relocations()) {
                require(
                        knownSymbols.contains(relocation.symbol()),
                        "a relocation in " + table.name(),
                        relocation.symbol().label());
            }
        }
        for (ElfGroup group : groups) {
            require(knownSymbols.contains(group.signature()), "a group", group.signature().label());
            for (ElfSection member : group.members()) {
                require(
                        knownSections.contains(member),
                        "group " + group.signature().label(),
                        member.name());
            }
        }
        linkOrder.forEach((from, to) -> {
            require(knownSections.contains(from), "the link order", from.name());
            require(knownSections.contains(to), "section " + from.name(), to.name());
        });
        return new ElfObject(header, sections, symbols, relocationTables, groups, linkOrder);
    }

    private static void require(boolean holds, String from, String to) {
        if (!holds) {
            throw ElfReader.problem(from + " points at " + to + ", which is not in the object");
        }
    }

    public ElfHeader header() {
        return header;
    }

    /** All sections in file order, without the tables that {@link ElfSection} names. */
    public List<ElfSection> sections() {
        return sections;
    }

    /** All symbols in table order, section and file symbols among them, without the null symbol. */
    public List<ElfSymbol> symbols() {
        return symbols;
    }

    public List<RelocationTable> relocationTables() {
        return relocationTables;
    }

    public List<ElfGroup> groups() {
        return groups;
    }

    /** Where a section has SHF_LINK_ORDER: the section it follows. */
    public Map<ElfSection, ElfSection> linkOrder() {
        return linkOrder;
    }

    /**
     * The ordinary relocations (not the kernel's klp ones) of a section, in table order; empty if
     * none.
     */
    public List<ElfRelocation> relocations(ElfSection section) {
        return relocations.getOrDefault(section, List.of());
    }

    /** The symbols defined in a section, in table order. */
    public List<ElfSymbol> symbolsIn(ElfSection section) {
        return Collections.unmodifiableList(definitions.getOrDefault(section, List.of()));
    }

    /** The first section of a name. */
    public Optional<ElfSection> section(String name) {
        return sections.stream().filter(s -> s.name().equals(name)).findFirst();
    }

    /** All sections of a name. */
    public List<ElfSection> sectionsNamed(String name) {
        return sections.stream().filter(s -> s.name().equals(name)).toList();
    }

    /** All symbols of a name in table order. */
    public List<ElfSymbol> symbolsNamed(String name) {
        return symbols.stream().filter(s -> s.name().equals(name)).toList();
    }

    /** The symbols by name; of several with one name the first. For lookups in bulk. */
    public Map<String, ElfSymbol> firstByName() {
        Map<String, ElfSymbol> map = new HashMap<>();
        symbols.forEach(s -> map.putIfAbsent(s.name(), s));
        return map;
    }
}
