package dev.rebootless.build.runpre;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.diff.Entry;
import dev.rebootless.diff.Item;
import dev.rebootless.diff.ObjectModel;
import dev.rebootless.diff.Reference;
import dev.rebootless.diff.Target;
import dev.rebootless.elf.Elf;
import dev.rebootless.elf.ElfObject;
import dev.rebootless.elf.ElfRelocation;
import dev.rebootless.elf.ElfSection;
import dev.rebootless.elf.ElfSymbol;
import dev.rebootless.elf.RelocationTable;
import dev.rebootless.livepatch.runpre.RunPre;
import dev.rebootless.livepatch.runpre.UnitMatch;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The proof has no blind spot: whatever single thing in a proven function is made different, the
 * function is no longer proven. In each round one place in every function of a unit is changed.
 */
final class RunPreMutationTest {
    private static final String UNIT = "net/ipv4/tcp_input.c";
    private static final int ROUNDS = 8;

    private final StockKit kit = StockKit.newest();
    private final long seed = Long.getLong("rebootless.seed", System.nanoTime());
    private final Random random = new Random(seed);

    private List<Item> proven(ObjectModel model) {
        UnitMatch match = RunPre.match(model, kit.image());
        return model.items().stream()
                .filter(StockKit::isNamedFunction)
                .filter(i -> match.mismatch(i).isEmpty())
                .toList();
    }

    private static Item named(ObjectModel model, Item other) {
        return model.items().stream()
                .filter(i -> i.section().name().equals(other.section().name()))
                .filter(i -> i.name().equals(other.name()) && i.offset() == other.offset())
                .findFirst()
                .orElseThrow();
    }

    @Test
    void aReferenceToAnotherThingIsFoundWhereverItStands() {
        System.out.println("seed " + seed + " (-Drebootless.seed)");
        ObjectModel model = kit.original(UNIT);
        List<Item> proven = proven(model);
        List<String> missed = new ArrayList<>();
        int changed = 0;
        for (int round = 0; round < ROUNDS; round++) {
            Map<Item, Reference> chosen = new HashMap<>();
            for (Item item : proven) {
                List<Reference> references =
                        model.references(item).stream()
                                .filter(r -> !r.isResolved())
                                .filter(r -> !isJumpLabelTarget(model, item, r))
                                .toList();
                if (!references.isEmpty()) {
                    chosen.put(item, references.get(random.nextInt(references.size())));
                }
            }
            missed.addAll(redirect(model, chosen));
            changed += chosen.size();
        }
        assertThat(changed).isGreaterThan(proven.size());
        assertThat(missed).isEmpty();
    }

    /**
     * A short jump-label site (2 bytes) may be followed at once by a call: the bytes after the site
     * are code like any other.
     */
    @Test
    void aReferenceRightBehindAShortJumpLabelIsCompared() {
        ObjectModel model = kit.original("mm/vmscan.c");
        Map<Item, Reference> chosen = new HashMap<>();
        for (Item item : proven(model)) {
            byte[] code = item.section().content();
            for (long site : model.jumpLabelSites(item)) {
                boolean isShort = (code[(int) (item.offset() + site)] & 0xff) == 0xeb;
                model.references(item).stream()
                        .filter(r -> isShort && r.offset() >= site + 2 && r.offset() < site + 5)
                        .forEach(r -> chosen.put(item, r));
            }
        }
        assertThat(chosen).isNotEmpty();
        assertThat(redirect(model, chosen)).isEmpty();
    }

    /** The shipped code calls a static function; a global one of the name is another one. */
    @Test
    void aStaticFunctionIsNotTakenForAGlobalOneOfItsName() {
        ObjectModel model = kit.original("fs/proc/version.c");
        Item function =
                proven(model).stream()
                        .filter(i -> i.name().equals("version_proc_show"))
                        .findFirst()
                        .orElseThrow();
        ElfObject object = model.object();
        ElfSymbol before = function.symbols().getFirst();
        ElfSymbol global =
                new ElfSymbol(
                        before.name(),
                        before.value(),
                        before.size(),
                        before.type(),
                        Elf.STB_GLOBAL,
                        before.other(),
                        before.place());
        ObjectModel other =
                ObjectModel.of(
                        ElfObject.of(
                                object.header(),
                                object.sections(),
                                object.symbols().stream()
                                        .map(s -> s == before ? global : s)
                                        .toList(),
                                object.relocationTables().stream()
                                        .map(t ->
                                                RelocationTable.of(
                                                        t.target(),
                                                        t.relocations().stream()
                                                                .map(r ->
                                                                        r.symbol() == before
                                                                                ? r.to(
                                                                                        global,
                                                                                        r.addend())
                                                                                : r)
                                                                .toList()))
                                        .toList(),
                                List.of(),
                                Map.of()));

        assertThat(RunPre.match(other, kit.image()).mismatch(named(other, function))).isPresent();
    }

    @Test
    void aByteThatDiffersIsFoundWhereverItStands() {
        System.out.println("seed " + seed);
        ObjectModel model = kit.original(UNIT);
        List<Item> proven = proven(model);
        List<String> missed = new ArrayList<>();
        for (int round = 0; round < ROUNDS; round++) {
            Map<ElfSection, byte[]> contents = new HashMap<>();
            Map<Item, Long> places = new HashMap<>();
            for (Item item : proven) {
                List<Long> free = plainBytes(model, item);
                long at = free.get(random.nextInt(free.size()));
                byte[] bytes = contents.computeIfAbsent(item.section(), s -> s.content().clone());
                bytes[(int) (item.offset() + at)] ^= (byte) (1 << random.nextInt(8));
                places.put(item, at);
            }
            ObjectModel other = ObjectModel.of(withContents(model.object(), contents));
            UnitMatch match = RunPre.match(other, kit.image());
            places.forEach((item, at) -> {
                if (match.mismatch(named(other, item)).isEmpty()) {
                    missed.add(item.name() + "+0x" + Long.toHexString(at));
                }
            });
        }
        assertThat(missed).isEmpty();
    }

    /** What the kernel's tables say of a function is compared as its code is. */
    @ParameterizedTest
    @ValueSource(strings = {"__bug_table", ".altinstructions", "__jump_table", ".smp_locks"})
    void aTableEntryThatDiffersIsFoundWhereverItStands(String table) {
        System.out.println("seed " + seed);
        ObjectModel model = kit.original("mm/vmscan.c");
        Map<Item, Entry> chosen = new HashMap<>();
        for (Item item : proven(model)) {
            List<Entry> entries =
                    model.entries(item).stream()
                            .filter(e -> e.table().section().equals(table))
                            .toList();
            if (!entries.isEmpty()) {
                chosen.put(item, entries.get(random.nextInt(entries.size())));
            }
        }
        assertThat(chosen).isNotEmpty();
        for (Map.Entry<Item, Entry> one : chosen.entrySet()) {
            Entry entry = one.getValue();
            for (long at = 0; at < entry.size(); at++) {
                long here = at;
                boolean isAddress =
                        entry.references().stream()
                                .anyMatch(r ->
                                        here >= r.offset()
                                                && here < r.offset() + Elf.fieldSize(r.type()));
                if (!isAddress) {
                    byte[] bytes = entry.section().content().clone();
                    bytes[(int) (entry.offset() + at)] ^= (byte) (1 << random.nextInt(8));
                    ElfObject other = withContents(model.object(), Map.of(entry.section(), bytes));
                    assertRefused(one.getKey(), other, table + " byte " + at);
                }
            }
            for (Reference reference : entry.references()) {
                if (!entry.isUnused(reference)) {
                    assertRefused(
                            one.getKey(),
                            redirected(model, entry, reference),
                            table + " " + reference);
                }
            }
        }
    }

    /** Not proven, or not even an object: a length that cuts an address field in two is damage. */
    private void assertRefused(Item function, ElfObject changed, String what) {
        String place = "%s of %s".formatted(what, function.name());
        try {
            ObjectModel other = ObjectModel.of(changed);
            assertThat(RunPre.match(other, kit.image()).mismatch(named(other, function)))
                    .as(place)
                    .isPresent();
        } catch (RebootlessException e) {
            assertThat(e.problems().getFirst().code()).as(place).isEqualTo("RBL-ELF");
        }
    }

    private ElfObject redirected(ObjectModel model, Entry entry, Reference reference) {
        long at = entry.offset() + reference.offset();
        ElfRelocation relocation =
                model.object().relocations(entry.section()).stream()
                        .filter(r -> r.offset() == at)
                        .findFirst()
                        .orElseThrow();
        return withRelocations(
                model.object(),
                Map.of(entry.section(), Map.of(at, elsewhere(model, reference, relocation))));
    }

    /** The distance of a jump label belongs to its table entry, and is not code. */
    private static boolean isJumpLabelTarget(ObjectModel model, Item item, Reference reference) {
        return model.jumpLabelSites(item).stream()
                .anyMatch(site -> isJumpOf(item, site, reference));
    }

    private static boolean isJumpOf(Item item, long site, Reference reference) {
        byte[] code = item.section().content();
        return (code[(int) (item.offset() + site)] & 0xff) == 0xe9
                && reference.offset() == site + 1;
    }

    /** Offsets of bytes that are neither part of an address nor of a jump label. */
    private static List<Long> plainBytes(ObjectModel model, Item item) {
        Set<Long> taken = new HashSet<>();
        for (Reference reference : model.references(item)) {
            for (int i = 0; i < Elf.fieldSize(reference.type()); i++) {
                taken.add(reference.offset() + i);
            }
        }
        for (long site : model.jumpLabelSites(item)) {
            for (int i = 0; i < 5; i++) {
                taken.add(site + i);
            }
        }
        List<Long> free = new ArrayList<>();
        for (long at = 0; at < item.size(); at++) {
            if (!taken.contains(at)) {
                free.add(at);
            }
        }
        return free;
    }

    /** Points each chosen reference elsewhere; returns the functions that still match. */
    private List<String> redirect(ObjectModel model, Map<Item, Reference> chosen) {
        Map<ElfSection, Map<Long, ElfRelocation>> changed = new HashMap<>();
        chosen.forEach((item, reference) -> {
            long at = item.offset() + reference.offset();
            ElfRelocation relocation =
                    model.object().relocations(item.section()).stream()
                            .filter(r -> r.offset() == at)
                            .findFirst()
                            .orElseThrow();
            changed.computeIfAbsent(item.section(), s -> new HashMap<>())
                    .put(at, elsewhere(model, reference, relocation));
        });
        ObjectModel other = ObjectModel.of(withRelocations(model.object(), changed));
        UnitMatch match = RunPre.match(other, kit.image());
        List<String> missed = new ArrayList<>();
        chosen.forEach((item, reference) -> {
            if (match.mismatch(named(other, item)).isEmpty()) {
                missed.add(item.name() + " " + reference);
            }
        });
        return missed;
    }

    private ElfRelocation elsewhere(
            ObjectModel model, Reference reference, ElfRelocation relocation) {
        return switch (reference.target()) {
            case Target.External(ElfSymbol symbol, long addend) ->
                    relocation.to(otherThan(model, symbol), addend);
            case Target.Text text -> relocation.to(relocation.symbol(), relocation.addend() + 1);
            // Eight bytes on may stand the same code: many alternatives are one "mov %rdi,%rax"
            // after the
            // other, and which of them is pointed at makes no difference. One byte on is another
            // one.
            case Target.InItem in ->
                    relocation.to(
                            relocation.symbol(),
                            relocation.addend()
                                    + (in.item().section().name().equals(".altinstr_replacement")
                                            ? 1
                                            : 8));
        };
    }

    private ElfSymbol otherThan(ObjectModel model, ElfSymbol symbol) {
        List<ElfSymbol> others =
                model.object().symbols().stream()
                        .filter(s -> s.isUndefined() && !s.name().equals(symbol.name()))
                        .filter(s -> kit.image().symbols().named(s.name()).size() == 1)
                        .filter(s -> !sameAddress(s.name(), symbol.name()))
                        .toList();
        return others.get(random.nextInt(others.size()));
    }

    private boolean sameAddress(String a, String b) {
        return kit.image().symbols().named(a).getFirst().address()
                == kit.image().symbols().named(b).getFirst().address();
    }

    private static ElfObject withRelocations(
            ElfObject object, Map<ElfSection, Map<Long, ElfRelocation>> changed) {
        List<RelocationTable> tables = new ArrayList<>();
        for (RelocationTable table : object.relocationTables()) {
            Map<Long, ElfRelocation> here = changed.getOrDefault(table.target(), Map.of());
            tables.add(
                    RelocationTable.of(
                            table.target(),
                            table.relocations().stream()
                                    .map(r -> here.getOrDefault(r.offset(), r))
                                    .toList()));
        }
        return ElfObject.of(
                object.header(),
                object.sections(),
                object.symbols(),
                tables,
                object.groups(),
                object.linkOrder());
    }

    private static ElfObject withContents(ElfObject object, Map<ElfSection, byte[]> contents) {
        Map<ElfSection, ElfSection> moved = new HashMap<>();
        for (ElfSection section : object.sections()) {
            byte[] bytes = contents.get(section);
            moved.put(section, bytes == null ? section : section.withContent(bytes));
        }
        Map<ElfSymbol, ElfSymbol> symbols = new HashMap<>();
        for (ElfSymbol symbol : object.symbols()) {
            ElfSymbol there =
                    symbol.section()
                            .map(s ->
                                    symbol.at(
                                            new dev.rebootless.elf.SymbolPlace.In(
                                                    moved.getOrDefault(s, s)),
                                            symbol.value()))
                            .orElse(symbol);
            symbols.put(symbol, there);
        }
        List<RelocationTable> tables = new ArrayList<>();
        for (RelocationTable table : object.relocationTables()) {
            tables.add(
                    RelocationTable.of(
                            moved.getOrDefault(table.target(), table.target()),
                            table.relocations().stream()
                                    .map(r ->
                                            r.to(
                                                    symbols.getOrDefault(r.symbol(), r.symbol()),
                                                    r.addend()))
                                    .toList()));
        }
        return ElfObject.of(
                object.header(),
                object.sections().stream().map(s -> moved.getOrDefault(s, s)).toList(),
                object.symbols().stream().map(s -> symbols.getOrDefault(s, s)).toList(),
                tables,
                List.of(),
                Map.of());
    }
}
