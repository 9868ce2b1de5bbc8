package dev.rebootless.diff;

import dev.rebootless.base.Problem;
import dev.rebootless.elf.Elf;
import dev.rebootless.elf.ElfObject;
import dev.rebootless.elf.ElfRelocation;
import dev.rebootless.elf.ElfSection;
import dev.rebootless.elf.ElfSymbol;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * An object taken apart into items, with what points at what. It works on ranges under symbols, not
 * on whole sections, so that objects compiled without -ffunction-sections are served alike.
 */
public final class ObjectModel {
    private final ElfObject object;
    private final Map<ElfSection, NavigableMap<Long, Item>> items = new LinkedHashMap<>();
    private List<Item> all = List.of();
    private final Map<ElfSymbol, Item> bySymbol = new HashMap<>();
    private final Map<Item, List<Reference>> references = new HashMap<>();
    private final Map<Item, List<Entry>> entries = new LinkedHashMap<>();
    private final Map<ElfSection, NavigableMap<Long, ElfRelocation>> relocations = new HashMap<>();
    private final Architecture architecture;
    private final Map<ElfSection, List<Long>> placesPointedAt = new HashMap<>();
    private final List<Problem> problems = new ArrayList<>();

    private ObjectModel(ElfObject object) {
        this.object = object;
        this.architecture = Architecture.of(object.header());
    }

    /**
     * Takes an object apart.
     *
     * @throws dev.rebootless.base.RebootlessException {@code RBL-ARCHITECTURE} for a machine that
     *     is not served, {@code RBL-RELOCATION} for a relocation that is not known
     */
    public static ObjectModel of(ElfObject object) {
        if (object.header().type() != Elf.ET_REL) {
            throw dev.rebootless.base.RebootlessException.usage(
                    "RBL-ELF", "", "it is linked already", "give relocatable objects (.o files)");
        }
        ObjectModel model = new ObjectModel(object);
        Soundness.require(object, model.architecture);
        for (ElfSection section : object.sections()) {
            NavigableMap<Long, ElfRelocation> byOffset = new TreeMap<>();
            for (ElfRelocation relocation : object.relocations(section)) {
                byOffset.put(relocation.offset(), relocation);
            }
            model.relocations.put(section, byOffset);
        }
        for (ElfSection section : object.sections()) {
            if (model.isPlain(section)) {
                model.items.put(section, model.cut(section));
            }
        }
        model.all = model.items.values().stream().flatMap(m -> m.values().stream()).toList();
        // Table by table, not in the order of the sections, which is that of their first use in the
        // unit: a function that moves to the front may bring its tables along.
        for (SpecialTable table : model.architecture.tables()) {
            for (ElfSection section : object.sections()) {
                if (section.name().equals(table.section())) {
                    for (Entry entry : new TableReader(model, table, section).read()) {
                        model.entries
                                .computeIfAbsent(entry.owner(), k -> new ArrayList<>())
                                .add(entry);
                    }
                }
            }
        }
        return model;
    }

    /** True for sections that are cut into items: not tables, strings, debug data and the like. */
    private boolean isPlain(ElfSection section) {
        return section.isAllocated()
                && !section.isStrings()
                && architecture.table(section.name()).isEmpty();
    }

    private NavigableMap<Long, Item> cut(ElfSection section) {
        List<ElfSymbol> symbols =
                object.symbolsIn(section).stream()
                        .filter(s -> s.type() != Elf.STT_SECTION && s.type() != Elf.STT_FILE)
                        .filter(s -> !Names.isMarker(s.name()))
                        .filter(s -> !architecture.isMappingSymbol(s.name()))
                        // Assembler labels without size inside code (.L…, ftrace's) name no item of
                        // their own.
                        .filter(s ->
                                s.isFunction()
                                        || s.isObject()
                                        || s.size() > 0
                                        || !section.isExecutable())
                        .filter(s -> s.value() >= 0 && s.value() <= section.size())
                        .sorted(
                                Comparator.comparingLong(ElfSymbol::value)
                                        .thenComparing(
                                                Comparator.comparingLong(ElfSymbol::size)
                                                        .reversed())
                                        .thenComparing(s -> !isNamedAfter(section, s))
                                        .thenComparing(ElfSymbol::isLocal))
                        .toList();
        NavigableMap<Long, Item> cut = new TreeMap<>();
        long each =
                (section.flags() & Elf.SHF_MERGE) != 0
                        ? section.entrySize()
                        : architecture.constantBytes(section.name());
        if (each > 0 && symbols.isEmpty()) {
            for (long at = 0; at + each <= section.size(); at += each) {
                cut.put(at, new Item(ItemKind.LITERAL, section, at, each, List.of()));
            }
            return cut;
        }
        if (isFragments(section)) {
            fragments(section).forEach(i -> cut.put(i.offset(), i));
            return cut;
        }
        long at = 0;
        int i = 0;
        while (i < symbols.size()) {
            ElfSymbol first = symbols.get(i);
            long start = first.value();
            if (start > at) {
                gap(section, at, start).forEach(item -> cut.put(item.offset(), item));
            }
            List<ElfSymbol> same = new ArrayList<>();
            long end = start + Math.min(first.size(), section.size() - start);
            while (i < symbols.size()
                    && (symbols.get(i).value() == start || symbols.get(i).value() < end)) {
                if (symbols.get(i).value() == start) {
                    same.add(symbols.get(i));
                }
                i++;
            }
            boolean sizeless = first.size() == 0 && section.size() > start;
            if (sizeless) {
                // Symbols made by assembler macros (__ksymtab_x) carry no size: they reach to the
                // next one.
                long next = i < symbols.size() ? symbols.get(i).value() : section.size();
                end =
                        section.name().startsWith(".bss") || section.name().startsWith(".data.")
                                ? start
                                : next;
            }
            Item item = new Item(kind(section, same.getFirst()), section, start, end - start, same);
            cut.put(start, item);
            same.forEach(s -> bySymbol.put(s, item));
            at = Math.max(at, end);
        }
        if (at < section.size()) {
            gap(section, at, section.size()).forEach(item -> cut.put(item.offset(), item));
        }
        for (ElfSymbol inner : object.symbolsIn(section)) {
            if (!bySymbol.containsKey(inner) && inner.type() != Elf.STT_SECTION) {
                Map.Entry<Long, Item> around = cut.floorEntry(inner.value());
                if (around != null) {
                    bySymbol.put(inner, around.getValue());
                }
            }
        }
        return cut;
    }

    /**
     * True for the symbol that -ffunction-sections or -fdata-sections named the section after. Of
     * several aliases it is the one that the source defines; elsewhere the first in the table is.
     */
    private static boolean isNamedAfter(ElfSection section, ElfSymbol symbol) {
        return !symbol.name().isEmpty() && section.name().endsWith("." + symbol.name());
    }

    private static ItemKind kind(ElfSection section, ElfSymbol symbol) {
        if (section.isExecutable()) {
            return ItemKind.FUNCTION;
        }
        return Names.isCompilerConstant(symbol.name()) && !section.isWritable()
                ? ItemKind.LITERAL
                : ItemKind.DATA;
    }

    /** As {@link #literal}; replacements of alternatives each on their own. */
    private List<Item> gap(ElfSection section, long from, long to) {
        Optional<Item> whole = literal(section, from, to);
        if (whole.isEmpty() || !section.isExecutable() || !architecture.hasReplacementsInText()) {
            return whole.stream().toList();
        }
        TreeSet<Long> cuts = new TreeSet<>(List.of(from, to));
        for (long place : placesPointedAt().getOrDefault(section, List.of())) {
            if (place > from && place < to) {
                cuts.add(place);
            }
        }
        return pieces(section, cuts);
    }

    /** What lies between symbols: nothing but padding, or something that the compiler made. */
    private Optional<Item> literal(ElfSection section, long from, long to) {
        boolean padding =
                relocations.getOrDefault(section, new TreeMap<>()).subMap(from, to).isEmpty();
        if (padding && !section.isNobits()) {
            padding =
                    section.isExecutable()
                            ? architecture.isPadding(section, from, to)
                            : isZero(section, from, to);
        }
        if (padding && !object.symbolsIn(section).stream().allMatch(ElfSymbol::isSectionSymbol)) {
            return Optional.empty();
        }
        ItemKind kind =
                section.isExecutable()
                        ? ItemKind.FRAGMENT
                        : section.isWritable() ? ItemKind.DATA : ItemKind.LITERAL;
        return Optional.of(new Item(kind, section, from, to - from, List.of()));
    }

    private static boolean isZero(ElfSection section, long from, long to) {
        for (long at = from; at < to; at++) {
            if (section.content()[(int) at] != 0) {
                return false;
            }
        }
        return true;
    }

    /** Cuts a section of nameless code at the places that are pointed at. */
    private List<Item> fragments(ElfSection section) {
        TreeSet<Long> cuts = new TreeSet<>();
        cuts.add(0L);
        cuts.add(section.size());
        for (long place : placesPointedAt().getOrDefault(section, List.of())) {
            if (place >= 0 && place <= section.size()) {
                cuts.add(place);
            }
        }
        return pieces(section, cuts);
    }

    private static List<Item> pieces(ElfSection section, Iterable<Long> cuts) {
        List<Item> list = new ArrayList<>();
        Long previous = null;
        for (Long cut : cuts) {
            if (previous != null && cut > previous) {
                list.add(new Item(ItemKind.FRAGMENT, section, previous, cut - previous, List.of()));
            }
            previous = cut;
        }
        return list;
    }

    /** For each section of fragments the places in it that other sections point at. */
    private Map<ElfSection, List<Long>> placesPointedAt() {
        if (placesPointedAt.isEmpty()) {
            for (ElfSection from : object.sections()) {
                for (ElfRelocation relocation : object.relocations(from)) {
                    ElfSection to = relocation.symbol().section().orElse(from);
                    if (to != from
                            && (isFragments(to)
                                    || (architecture.hasReplacementsInText()
                                            && from.name().equals(".altinstructions")))) {
                        placesPointedAt
                                .computeIfAbsent(to, k -> new ArrayList<>())
                                .add(
                                        relocation.symbol().value()
                                                + relocation.addend()
                                                + reach(from, relocation));
                    }
                }
            }
        }
        return placesPointedAt;
    }

    private boolean isFragments(ElfSection section) {
        return architecture.isReplacements(section.name());
    }

    private long reach(ElfSection section, ElfRelocation relocation) {
        return architecture.reach(section, relocation);
    }

    void requireInside(ElfRelocation field, long end, String what) {
        Soundness.requireInside(field, bits(field.type()).size(), end, what);
    }

    /** What a relocation of a type that occurs in this object fills. */
    FieldBits bits(int type) {
        return architecture.field(type).orElse(FieldBits.bytes(0));
    }

    /** What the machine decides. */
    Architecture architecture() {
        return architecture;
    }

    /** What a relocation of a section points at. */
    Target target(ElfSection section, ElfRelocation relocation) {
        ElfSymbol symbol = relocation.symbol();
        Optional<ElfSection> home = symbol.section();
        if (home.isEmpty()) {
            return new Target.External(symbol, relocation.addend());
        }
        ElfSection there = home.get();
        long encoded = symbol.value() + relocation.addend();
        long place = encoded + reach(section, relocation);
        // gas names a local place by its section, but where a displacement into a section of
        // mergeable content would be lost by that: then the symbol tells the thing meant.
        long anchor = symbol.isSectionSymbol() ? place : symbol.value();
        if (there.isStrings()) {
            Soundness.requireString(there, anchor);
            return new Target.Text(there, anchor, encoded - anchor);
        }
        Item named = symbol.isSectionSymbol() ? null : bySymbol.get(symbol);
        if (named != null) {
            return new Target.InItem(named, encoded - named.offset(), place - named.offset());
        }
        NavigableMap<Long, Item> cut = items.get(there);
        if (cut == null || cut.isEmpty()) {
            return new Target.External(symbol, relocation.addend());
        }
        Map.Entry<Long, Item> around = cut.floorEntry(anchor);
        if (around == null) {
            around = cut.firstEntry();
        }
        Item item = around.getValue();
        return new Target.InItem(item, encoded - item.offset(), place - item.offset());
    }

    public ElfObject object() {
        return object;
    }

    /** What in the object has a form that is not understood; a reason to refuse. */
    public List<Problem> problems() {
        return List.copyOf(problems);
    }

    /** All items in file order. */
    public List<Item> items() {
        return all;
    }

    /** The address fields of a section by their offsets. */
    NavigableMap<Long, ElfRelocation> relocations(ElfSection section) {
        return relocations.getOrDefault(section, new TreeMap<>());
    }

    /** Notes what is not understood. */
    void report(Problem problem) {
        problems.add(problem);
    }

    /** The items of a section in the order of their places. */
    List<Item> itemsIn(ElfSection section) {
        return List.copyOf(items.getOrDefault(section, new TreeMap<>()).values());
    }

    /** The relocation of an address field; empty for a resolved branch. */
    Optional<ElfRelocation> relocation(Item item, Reference reference) {
        return reference.isResolved()
                ? Optional.empty()
                : Optional.ofNullable(
                        relocations(item.section()).get(item.offset() + reference.offset()));
    }

    /** The item that a symbol names or lies in. */
    public Optional<Item> item(ElfSymbol symbol) {
        return Optional.ofNullable(bySymbol.get(symbol));
    }

    /**
     * The entries of special tables that belong to an item: the tables in the order of {@link
     * Architecture#tables}, and the entries of each in the order of the table.
     */
    public List<Entry> entries(Item item) {
        return entries.getOrDefault(item, List.of());
    }

    /**
     * Where an item has jump-label sites (entries of {@code __jump_table}), relative to its start.
     * The kernel's build and the running kernel rewrite the instruction there between a jump and a
     * NOP.
     */
    public List<Long> jumpLabelSites(Item item) {
        return entries(item).stream()
                .filter(e -> e.table().section().equals("__jump_table"))
                .map(Entry::place)
                .toList();
    }

    /** The item that ends where this one starts, in the same section. */
    Optional<Item> endsAt(Item item) {
        NavigableMap<Long, Item> cut = items.getOrDefault(item.section(), new TreeMap<>());
        return Optional.ofNullable(cut.lowerEntry(item.offset()))
                .map(Map.Entry::getValue)
                .filter(before -> before.end() == item.offset());
    }

    /** The item that comes next in the same section. */
    Optional<Item> after(Item item) {
        NavigableMap<Long, Item> cut = items.getOrDefault(item.section(), new TreeMap<>());
        return Optional.ofNullable(cut.higherEntry(item.offset())).map(Map.Entry::getValue);
    }

    /** The address fields of an item in order of their offsets, which are relative to the item. */
    public List<Reference> references(Item item) {
        return references.computeIfAbsent(item, this::findReferences);
    }

    private List<Reference> findReferences(Item item) {
        List<Reference> list = new ArrayList<>();
        ElfSection section = item.section();
        NavigableMap<Long, ElfRelocation> fields =
                relocations
                        .getOrDefault(section, new TreeMap<>())
                        .subMap(item.offset(), true, item.end(), false);
        for (ElfRelocation field : fields.values()) {
            requireInside(field, item.end(), item.name());
            list.add(
                    new Reference(
                            field.offset() - item.offset(),
                            field.type(),
                            target(section, field),
                            false));
        }
        if (section.isExecutable()) {
            addResolvedBranches(item, fields, list);
            list.sort(Comparator.comparingLong(Reference::offset));
        }
        return List.copyOf(list);
    }

    /**
     * The assembler resolves branches within a section; those that leave the item are references
     * all the same.
     */
    private void addResolvedBranches(
            Item item, NavigableMap<Long, ElfRelocation> fields, List<Reference> list) {
        NavigableMap<Long, Item> neighbours = items.getOrDefault(item.section(), new TreeMap<>());
        if (neighbours.size() < 2) {
            return;
        }
        for (Branch branch : architecture.branches(item.section(), item.offset(), item.end())) {
            long target = branch.target();
            if (fields.containsKey(branch.field())
                    || (target >= item.offset() && target < item.end())) {
                continue;
            }
            Map.Entry<Long, Item> around = neighbours.floorEntry(target);
            if (around == null || target >= around.getValue().end()) {
                continue;
            }
            Item to = around.getValue();
            list.add(
                    new Reference(
                            branch.field() - item.offset(),
                            branch.type(),
                            new Target.InItem(
                                    to,
                                    target - to.offset() - branch.reach(),
                                    target - to.offset()),
                            true));
        }
    }
}
