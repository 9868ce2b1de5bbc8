package dev.rebootless.livepatch.runpre;

import dev.rebootless.diff.Item;
import dev.rebootless.diff.ItemKind;
import dev.rebootless.diff.ObjectModel;
import dev.rebootless.elf.Elf;
import dev.rebootless.elf.ElfSymbol;
import dev.rebootless.kernel.KernelImage;
import dev.rebootless.kernel.KernelSymbol;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Finds the functions of a rebuilt unit in the shipped image and proves that they are the same
 * code.
 *
 * <p>Ksplice (Arnold and Kaashoek, EuroSys 2009, section 4) named it: the code that is about to be
 * replaced ("run") must equal the code built before the patch ("pre"), or source, configuration or
 * compiler are not those of the kernel. It settles at the same time what static names mean, since
 * nothing else in the image says which unit a static symbol belongs to. For each function, every
 * address that kallsyms has for its name is tried:
 *
 * <ol>
 *   <li>one address matches: proven, and all that its code points at is known with it;
 *   <li>several match (the same static function in several units): those remain that a proven
 *       function of the unit points at, or that lie between proven functions of the unit, since the
 *       linker keeps a unit's code together;
 *   <li>none matches: a mismatch, with the first difference.
 * </ol>
 */
public final class RunPre {
    private final ObjectModel model;
    private final KernelImage image;
    private final Map<Item, Long> addresses = new LinkedHashMap<>();
    private final Map<String, Long> externals = new LinkedHashMap<>();
    private final Map<Item, Mismatch> mismatches = new LinkedHashMap<>();

    /** The function whose proven code first told where something is. */
    private final Map<Object, Item> teachers = new HashMap<>();

    private final Map<Item, List<CodeMatch.Result>> open = new LinkedHashMap<>();

    private RunPre(ObjectModel model, KernelImage image) {
        this.model = model;
        this.image = image;
    }

    /** Matches all functions of a unit, and with them the data that they use. */
    public static UnitMatch match(ObjectModel original, KernelImage image) {
        RunPre match = new RunPre(original, image);
        match.tryAll();
        match.settle();
        match.data();
        return new UnitMatch(match.addresses, match.externals, match.mismatches);
    }

    private void tryAll() {
        for (Item item : model.items()) {
            if (!item.isFunction() || item.symbols().isEmpty()) {
                continue;
            }
            List<CodeMatch.Result> matching = new ArrayList<>();
            Mismatch first = null;
            for (long address : addressesOf(item)) {
                CodeMatch.Result result = CodeMatch.compare(model, image, item, address);
                if (result.mismatch().isEmpty()) {
                    matching.add(result);
                } else if (first == null) {
                    first = result.mismatch().get();
                }
            }
            if (matching.size() == 1) {
                accept(item, matching.getFirst());
            } else if (matching.size() > 1) {
                open.put(item, matching);
            } else if (first != null) {
                mismatches.put(item, first);
            } else {
                mismatches.put(item, new Mismatch(item.name(), 0, -1, whyNotThere(item)));
            }
        }
    }

    private String whyNotThere(Item item) {
        boolean named = !image.symbols().named(item.name()).isEmpty();
        if (named && item.symbols().getFirst().binding() == Elf.STB_WEAK) {
            return "it is weak, and the shipped kernel has the strong function of another unit instead";
        }
        return named
                ? "the shipped kernel has this name only for functions that cannot be this one (static for global"
                        + " or the other way round)"
                : "the shipped kernel has no function of this name";
    }

    private long[] addressesOf(Item item) {
        ElfSymbol symbol = item.symbols().getFirst();
        return image.symbols().named(symbol.name()).stream()
                .filter(s -> CodeMatch.isDefinedBy(symbol, s))
                .mapToLong(KernelSymbol::address)
                .distinct()
                .toArray();
    }

    private void accept(Item item, CodeMatch.Result result) {
        result.addresses()
                .forEach((implied, address) -> {
                    // Nameless content (strings, constants) may be merged by the linker: its
                    // place proves nothing.
                    if (implied.isFunction() || implied.kind() == ItemKind.DATA) {
                        learn(item, addresses, implied, implied.name(), address);
                    }
                });
        result.externals().forEach((name, address) -> learn(item, externals, name, name, address));
    }

    /**
     * Takes down where something is. Where two functions contradict each other, one of them is a
     * namesake from another unit, and nothing tells which: neither is proven.
     */
    private <K> void learn(Item from, Map<K, Long> known, K key, String name, Long address) {
        Long before = known.putIfAbsent(key, address);
        if (before == null) {
            teachers.put(key, from);
        } else if (!before.equals(address)) {
            contradicts(from, name, address);
            Item teacher = teachers.get(key);
            if (teacher != null) {
                contradicts(teacher, name, before);
            }
        }
    }

    private void contradicts(Item item, String name, long address) {
        mismatches.put(
                item,
                new Mismatch(
                        item.name(),
                        address,
                        -1,
                        "it says that "
                                + name
                                + " is elsewhere than other functions of the unit say"));
    }

    /**
     * Settles functions with several equal twins in the image, as long as something new comes to
     * light.
     */
    private void settle() {
        boolean found = true;
        while (found && !open.isEmpty()) {
            found = false;
            for (Item item : List.copyOf(open.keySet())) {
                List<CodeMatch.Result> left = candidates(item);
                if (left.size() == 1) {
                    open.remove(item);
                    accept(item, left.getFirst());
                    found = true;
                }
            }
        }
        open.forEach((item, results) ->
                mismatches.put(
                        item,
                        new Mismatch(
                                item.name(),
                                0,
                                -1,
                                results.size()
                                        + " functions of this name in the shipped kernel have this very code,"
                                        + " and nothing tells which of them is this unit's")));
    }

    private List<CodeMatch.Result> candidates(Item item) {
        List<CodeMatch.Result> results = open.getOrDefault(item, List.of());
        Long known = addresses.get(item);
        if (known != null) {
            return results.stream().filter(r -> known.equals(r.addresses().get(item))).toList();
        }
        List<CodeMatch.Result> consistent = results.stream().filter(this::isConsistent).toList();
        if (consistent.size() == 1) {
            return consistent;
        }
        Span span = span(item);
        return consistent.stream()
                .filter(r -> span.contains(r.addresses().getOrDefault(item, 0L)))
                .toList();
    }

    private boolean isConsistent(CodeMatch.Result result) {
        return result.addresses().entrySet().stream()
                .filter(e ->
                        e.getKey().kind() == ItemKind.FUNCTION
                                || e.getKey().kind() == ItemKind.DATA)
                .allMatch(
                        e -> addresses.getOrDefault(e.getKey(), e.getValue()).equals(e.getValue()));
    }

    /** From the lowest to the highest proven address of the unit's items in one output section. */
    private record Span(long low, long high) {
        boolean contains(long address) {
            return low != 0
                    && Long.compareUnsigned(address, low) >= 0
                    && Long.compareUnsigned(address, high) <= 0;
        }
    }

    /**
     * The piece of the linked section that the unit's own section became: only kept together within
     * one section.
     */
    private Span span(Item item) {
        long low = 0;
        long high = 0;
        for (Map.Entry<Item, Long> entry : addresses.entrySet()) {
            if (!outputSection(entry.getKey()).equals(outputSection(item))
                    || mismatches.containsKey(entry.getKey())) {
                continue;
            }
            long address = entry.getValue();
            low = low == 0 || Long.compareUnsigned(address, low) < 0 ? address : low;
            high = Long.compareUnsigned(address, high) > 0 ? address : high;
        }
        return new Span(low, high);
    }

    /**
     * The section that the item has without -ffunction-sections and -fdata-sections, as the shipped
     * kernel was built.
     */
    private static String outputSection(Item item) {
        String name = item.section().name();
        for (String prefix :
                List.of(".text.unlikely", ".text", ".data.rel.ro", ".rodata", ".bss")) {
            if (name.equals(prefix) || name.startsWith(prefix + ".")) {
                return prefix;
            }
        }
        return name.startsWith(".data.")
                        && !name.startsWith(".data..")
                        && !name.equals(".data.once")
                ? ".data"
                : name;
    }

    /**
     * Data that no proven function uses: by its only name, or by the only place between the unit's
     * other data.
     */
    private void data() {
        Map<String, Integer> count = new HashMap<>();
        model.items()
                .forEach(i -> i.symbols().forEach(s -> count.merge(s.name(), 1, Integer::sum)));
        for (Item item : model.items()) {
            if (item.kind() != ItemKind.DATA
                    || item.symbols().isEmpty()
                    || addresses.containsKey(item)) {
                continue;
            }
            ElfSymbol symbol = item.symbols().getFirst();
            List<KernelSymbol> named =
                    image.symbols().named(item.name()).stream()
                            .filter(s -> CodeMatch.isDefinedBy(symbol, s))
                            .toList();
            if (named.size() == 1 && count.getOrDefault(item.name(), 0) == 1) {
                addresses.put(item, named.getFirst().address());
                continue;
            }
            Span span = span(item);
            List<KernelSymbol> near =
                    named.stream().filter(s -> span.contains(s.address())).toList();
            if (near.size() == 1 && count.getOrDefault(item.name(), 0) == 1) {
                addresses.put(item, near.getFirst().address());
            }
        }
    }
}
