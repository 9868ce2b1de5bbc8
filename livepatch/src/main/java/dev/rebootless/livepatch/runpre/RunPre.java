package dev.rebootless.livepatch.runpre;

import dev.rebootless.diff.Item;
import dev.rebootless.diff.ItemKind;
import dev.rebootless.diff.ObjectModel;
import dev.rebootless.elf.Elf;
import dev.rebootless.elf.ElfSymbol;
import dev.rebootless.kernel.KernelSymbol;
import dev.rebootless.kernel.ShippedCode;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;

/**
 * Finds the functions of a rebuilt unit in the shipped image and proves that they are the same
 * code.
 *
 * <p>Ksplice (Arnold and Kaashoek, EuroSys 2009, section 4) named it: the code that is about to be
 * replaced ("run") must equal the code built before the patch ("pre"), or source, configuration or
 * compiler are not those of the kernel. It settles at the same time what static names mean, since
 * nothing else in the image says which unit a static symbol belongs to:
 *
 * <ol>
 *   <li>a function whose name occurs once in the kernel is there or nowhere: equal code proves it,
 *       and all that its code and its table entries point at is known with it;
 *   <li>of a name that occurs several times the unit's own is wanted, and equal code is no proof of
 *       that: a namesake in another unit may have it. The unit's own is the one that a proven
 *       function points at; or that uses static things of the unit where proven functions use them;
 *       or the only one in reach of the unit's proven functions, since the linker keeps the code of
 *       a unit together. Then its code must be equal too;
 *   <li>functions that contradict each other about where something is are trusted neither, and all
 *       is done again without them;
 *   <li>what is proven of a unit in one section must fit into the unit's size. Where it does not, a
 *       static function, although the only one of its name, is another unit's, and no static one of
 *       that section is proven.
 * </ol>
 */
public final class RunPre {
    private final ObjectModel model;
    private final ShippedCode image;

    /** For each function the places of its name in the image, and what comparing them gave. */
    private final Map<Item, Map<Long, CodeMatch.Result>> compared = new LinkedHashMap<>();

    /** Why functions are not to be believed that said what others contradict. */
    private final Map<Item, Mismatch> distrusted = new LinkedHashMap<>();

    // What one attempt finds out:
    private final Evidence<Item> items = new Evidence<>();
    private final Evidence<String> externals = new Evidence<>();
    private final Map<Item, Mismatch> mismatches = new LinkedHashMap<>();
    private final Set<Item> open = new LinkedHashSet<>();

    private RunPre(ObjectModel model, ShippedCode image) {
        this.model = model;
        this.image = image;
    }

    /** Matches all functions of a unit, and with them the data that they use. */
    public static UnitMatch match(ObjectModel original, ShippedCode image) {
        RunPre match = new RunPre(original, image);
        match.compareAll();
        // Each round distrusts a function more, or is the last.
        do {
            match.attempt();
        } while (match.distrustContradictions() || match.distrustTheScattered());
        return new UnitMatch(
                match.withData(match.items.settled()), match.externals.settled(), match.mismatches);
    }

    private void compareAll() {
        for (Item item : model.items()) {
            if (item.isFunction() && !item.symbols().isEmpty()) {
                Map<Long, CodeMatch.Result> results = new LinkedHashMap<>();
                for (long address : addressesOf(item)) {
                    results.put(address, CodeMatch.compare(model, image, item, address));
                }
                compared.put(item, results);
            }
        }
    }

    private void attempt() {
        items.clear();
        externals.clear();
        mismatches.clear();
        open.clear();
        mismatches.putAll(distrusted);
        compared.forEach((item, results) -> {
            if (distrusted.containsKey(item)) {
                return;
            }
            switch (results.size()) {
                case 0 -> mismatches.put(item, new Mismatch(item.name(), 0, -1, whyNotThere(item)));
                case 1 -> decide(item, results.values().iterator().next());
                default -> open.add(item);
            }
        });
        settle();
    }

    private String whyNotThere(Item item) {
        boolean named = !image.symbols().named(item.name()).isEmpty();
        if (named && isWeak(item)) {
            return "it is weak, and the shipped kernel has the strong function of another unit instead";
        }
        return named
                ? "the shipped kernel has this name only for functions that cannot be this one (static for global"
                        + " or the other way round)"
                : "the shipped kernel has no function of this name";
    }

    private static boolean isWeak(Item item) {
        return item.symbols().getFirst().binding() == Elf.STB_WEAK;
    }

    private long[] addressesOf(Item item) {
        ElfSymbol symbol = item.symbols().getFirst();
        return image.symbols().named(symbol.name()).stream()
                .filter(s -> CodeMatch.isDefinedBy(symbol, s))
                .mapToLong(KernelSymbol::address)
                .distinct()
                .toArray();
    }

    /** Takes the comparison with the place that is the function's own for its verdict. */
    private void decide(Item item, CodeMatch.Result result) {
        if (result.mismatch().isPresent()) {
            mismatches.put(item, result.mismatch().get());
            return;
        }
        result.addresses()
                .forEach((implied, address) -> {
                    // Nameless content (strings, constants) may be merged by the linker: its
                    // place proves nothing.
                    if (implied.isFunction() || implied.kind() == ItemKind.DATA) {
                        items.add(implied, address, item);
                    }
                });
        result.externals().forEach((name, address) -> externals.add(name, address, item));
    }

    /** Settles names that occur several times, as long as something new comes to light. */
    private void settle() {
        boolean found = true;
        while (found) {
            found = false;
            for (Item item : List.copyOf(open)) {
                Optional<CodeMatch.Result> own = own(item, results(item));
                if (own.isPresent()) {
                    open.remove(item);
                    decide(item, own.get());
                    found = true;
                }
            }
        }
        open.forEach(item -> mismatches.put(item, undecided(item, results(item))));
    }

    private Map<Long, CodeMatch.Result> results(Item item) {
        return compared.getOrDefault(item, Map.of());
    }

    /** Which of the namesakes is this unit's, by what is proven so far. */
    private Optional<CodeMatch.Result> own(Item item, Map<Long, CodeMatch.Result> namesakes) {
        OptionalLong known = items.address(item);
        if (known.isPresent()) {
            CodeMatch.Result there = namesakes.get(known.getAsLong());
            return Optional.of(there != null ? there : notAmongThem(item, known.getAsLong()));
        }
        List<CodeMatch.Result> using =
                namesakes.values().stream().filter(r -> usesWhatIsOurs(item, r)).toList();
        if (using.size() == 1) {
            return Optional.of(using.getFirst());
        }
        Span span = span(item, items.settled());
        for (Span wanted : List.of(span.widened(sizeAround(item)), span)) {
            List<CodeMatch.Result> near =
                    namesakes.entrySet().stream()
                            .filter(e -> wanted.contains(e.getKey()))
                            .map(Map.Entry::getValue)
                            .toList();
            if (near.size() == 1) {
                return Optional.of(near.getFirst());
            }
        }
        return Optional.empty();
    }

    private static CodeMatch.Result notAmongThem(Item item, long address) {
        return new CodeMatch.Result(
                Optional.of(
                        new Mismatch(
                                item.name(),
                                address,
                                -1,
                                "proven functions of the unit refer to a place that is not a function of this name")),
                Map.of(),
                Map.of());
    }

    /**
     * Whether code uses static things of this unit, and all where proven functions use them: code
     * of another unit cannot know them.
     */
    private boolean usesWhatIsOurs(Item function, CodeMatch.Result result) {
        if (result.mismatch().isPresent()) {
            return false;
        }
        boolean uses = false;
        for (Map.Entry<Item, Long> entry : result.addresses().entrySet()) {
            Item used = entry.getKey();
            boolean isStatic =
                    used != function
                            && (used.isFunction() || used.kind() == ItemKind.DATA)
                            && !used.symbols().isEmpty()
                            && !used.isGlobal();
            if (isStatic) {
                OptionalLong address = items.address(used);
                if (address.isPresent() && address.getAsLong() != entry.getValue()) {
                    return false;
                }
                uses |= address.isPresent();
            }
        }
        return uses;
    }

    private static Mismatch undecided(Item item, Map<Long, CodeMatch.Result> namesakes) {
        List<CodeMatch.Result> equal =
                namesakes.values().stream().filter(r -> r.mismatch().isEmpty()).toList();
        if (equal.isEmpty()) {
            return namesakes.values().iterator().next().mismatch().orElseThrow();
        }
        return new Mismatch(
                item.name(),
                0,
                -1,
                equal.size()
                        + " of the "
                        + namesakes.size()
                        + " functions of this name in the shipped kernel have this very code,"
                        + " and nothing tells which of them is this unit's");
    }

    /** Where functions contradict each other, nothing tells which is right. */
    private boolean distrustContradictions() {
        Map<Item, Mismatch> doubtful = new LinkedHashMap<>();
        items.disputed().forEach((item, by) -> by.forEach(f -> doubt(doubtful, f, item.name())));
        externals.disputed().forEach((name, by) -> by.forEach(f -> doubt(doubtful, f, name)));
        distrusted.putAll(doubtful);
        return !doubtful.isEmpty();
    }

    private void doubt(Map<Item, Mismatch> doubtful, Item function, String about) {
        doubtful.put(
                function,
                new Mismatch(
                        function.name(),
                        items.address(function).orElse(0),
                        -1,
                        "it says that "
                                + about
                                + " is elsewhere than other functions of the unit say"));
    }

    /** A unit's part of a section of the image is no larger than the unit's own section. */
    private boolean distrustTheScattered() {
        Map<Item, Long> proven = items.settled();
        Map<Item, Mismatch> scattered = new LinkedHashMap<>();
        for (Item item : compared.keySet()) {
            if (item.isGlobal() || !proven.containsKey(item) || mismatches.containsKey(item)) {
                continue;
            }
            Span span = span(item, proven);
            if (Long.compareUnsigned(span.high() - span.low(), sizeAround(item)) > 0) {
                scattered.put(
                        item,
                        new Mismatch(
                                item.name(),
                                proven.getOrDefault(item, 0L),
                                -1,
                                "what was found of the unit's "
                                        + outputSection(item)
                                        + " is spread over more of the shipped kernel than the unit is large"));
            }
        }
        distrusted.putAll(scattered);
        return !scattered.isEmpty();
    }

    /**
     * From the lowest to the highest proven address of the unit's items in one output section;
     * {@code low} above {@code high} where none is proven.
     */
    private record Span(long low, long high) {
        static final Span NONE = new Span(-1, 0);

        boolean contains(long address) {
            return Long.compareUnsigned(address, low) >= 0
                    && Long.compareUnsigned(address, high) <= 0;
        }

        boolean isNone() {
            return Long.compareUnsigned(low, high) > 0;
        }

        Span including(long address) {
            return new Span(
                    Long.compareUnsigned(address, low) < 0 ? address : low,
                    Long.compareUnsigned(address, high) > 0 ? address : high);
        }

        Span widened(long by) {
            if (isNone()) {
                return this;
            }
            return new Span(
                    Long.compareUnsigned(low, by) < 0 ? 0 : low - by,
                    Long.compareUnsigned(high, -1 - by) > 0 ? -1 : high + by);
        }
    }

    /**
     * The piece of the linked section that the unit's own section became, as far as it is known. A
     * weak item may be in another unit, so its place says nothing.
     */
    private Span span(Item item, Map<Item, Long> known) {
        Span span = Span.NONE;
        String section = outputSection(item);
        for (Map.Entry<Item, Long> entry : known.entrySet()) {
            Item there = entry.getKey();
            if (!there.symbols().isEmpty()
                    && !isWeak(there)
                    && outputSection(there).equals(section)) {
                span = span.including(entry.getValue());
            }
        }
        return span;
    }

    /**
     * How many bytes the unit has at most in the output section of an item: before each item there
     * may be padding for calls (-fpatchable-function-entry) as well as for alignment.
     */
    private long sizeAround(Item item) {
        String section = outputSection(item);
        return model.items().stream()
                .filter(i -> outputSection(i).equals(section))
                .mapToLong(i -> i.size() + 2 * Math.max(16, i.section().alignment()))
                .sum();
    }

    /**
     * The section that the item has without -ffunction-sections and -fdata-sections, as the shipped
     * kernel was built. What the source itself puts into a section keeps it: such names have two
     * dots ({@code .data..read_mostly}) or another beginning ({@code .init.text}).
     */
    private static String outputSection(Item item) {
        String name = item.section().name();
        for (String prefix :
                List.of(
                        ".text.unlikely",
                        ".text.hot",
                        ".text.startup",
                        ".text",
                        ".data.rel.ro",
                        ".rodata",
                        ".bss")) {
            if (isPartOf(name, prefix)) {
                return prefix;
            }
        }
        return isPartOf(name, ".data") && !name.equals(".data.once") ? ".data" : name;
    }

    private static boolean isPartOf(String section, String prefix) {
        return section.equals(prefix)
                || (section.startsWith(prefix + ".") && !section.startsWith(prefix + ".."));
    }

    /**
     * What is proven, and with it data that no proven function uses: by its only name, or by the
     * only place of its name between the unit's other data.
     */
    private Map<Item, Long> withData(Map<Item, Long> proven) {
        Map<Item, Long> all = new LinkedHashMap<>(proven);
        Map<String, Integer> count = new HashMap<>();
        model.items()
                .forEach(i -> i.symbols().forEach(s -> count.merge(s.name(), 1, Integer::sum)));
        for (Item item : model.items()) {
            if (item.kind() != ItemKind.DATA
                    || item.symbols().isEmpty()
                    || count.getOrDefault(item.name(), 0) != 1
                    || proven.containsKey(item)) {
                continue;
            }
            ElfSymbol symbol = item.symbols().getFirst();
            List<KernelSymbol> named =
                    image.symbols().named(item.name()).stream()
                            .filter(s -> CodeMatch.isDefinedBy(symbol, s))
                            .toList();
            Span span = span(item, proven);
            List<KernelSymbol> own =
                    named.size() == 1
                            ? named
                            : named.stream().filter(s -> span.contains(s.address())).toList();
            if (own.size() == 1) {
                all.put(item, own.getFirst().address());
            }
        }
        return all;
    }
}
