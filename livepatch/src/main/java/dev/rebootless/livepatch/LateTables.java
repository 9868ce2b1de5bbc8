package dev.rebootless.livepatch;

import dev.rebootless.elf.ElfObject;
import dev.rebootless.elf.ElfRelocation;
import dev.rebootless.elf.ElfSection;
import dev.rebootless.elf.ElfSymbol;
import dev.rebootless.elf.RelocationTable;
import dev.rebootless.elf.SymbolPlace;
import dev.rebootless.kernel.Btf;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Entries of a livepatch's tables whose key is in a module that may come later. The kernel reads
 * these tables when the livepatch itself is loaded (kernel/module/main.c, load_module), and so
 * cannot know such a key. Three kinds can be left out of the table, once objtool has seen them:
 *
 * <ul>
 *   <li>a <b>static call</b>: without an entry the call goes through the trampoline {@code
 *       __SCT__*} of the module, which the kernel always keeps up to date
 *       (arch/x86/kernel/static_call.c, arch_static_call_transform). Nothing is lost but a jump;
 *   <li>the jump label of a <b>tracepoint</b>: the place stays as it was compiled, which is as the
 *       key was declared, off: the tracepoint does not fire in the patched function;
 *   <li>the jump label of a <b>pr_debug</b>: the message cannot be switched in the patched
 *       function. It stays as its key was declared: off, or on where the file has {@code #define
 *       DEBUG} (include/linux/dynamic_debug.h, _DPRINTK_KEY_INIT).
 * </ul>
 *
 * What follows any other static key would do something else than it should, and is refused ({@link
 * LateReferences}).
 */
public final class LateTables {
    /** include/linux/jump_label.h, struct jump_entry. */
    static final String JUMP_LABELS = "__jump_table";

    /** include/linux/static_call_types.h, struct static_call_site; objtool writes it. */
    private static final String STATIC_CALLS = ".static_call_sites";

    /** DEFINE_TRACE_FN (include/linux/tracepoint.h). */
    private static final String TRACEPOINT = "__tracepoint_";

    /**
     * Where DEFINE_DYNAMIC_DEBUG_METADATA puts what it defines, whatever its name
     * (include/linux/dynamic_debug.h).
     */
    private static final String DEBUG_MESSAGES = "__dyndbg";

    private static final Map<String, String> STRUCTURES =
            Map.of(JUMP_LABELS, "jump_entry", STATIC_CALLS, "static_call_site");

    private LateTables() {}

    private static boolean isTracepoint(ElfSymbol key) {
        return key.name().startsWith(TRACEPOINT);
    }

    private static boolean isDebugMessage(UnitPatch unit, ElfSymbol key) {
        return Optional.ofNullable(unit.extraction().originals().get(key))
                .flatMap(ElfSymbol::section)
                .filter(section -> section.name().equals(DEBUG_MESSAGES))
                .isPresent();
    }

    /**
     * Whether a jump label that follows this key may be left out: nothing changes but what is seen.
     */
    static boolean isOnlyForWatching(UnitPatch unit, ElfSymbol key) {
        return isTracepoint(key) || isDebugMessage(unit, key);
    }

    /** What all such keys of the units mean in the running kernel. */
    static Set<Resolution> watched(List<UnitPatch> units) {
        Set<Resolution> watched = new HashSet<>();
        for (UnitPatch unit : units) {
            unit.resolutions()
                    .forEach((symbol, resolution) -> {
                        if (isLate(resolution) && isOnlyForWatching(unit, symbol)) {
                            watched.add(resolution);
                        }
                    });
        }
        return watched;
    }

    /** What the administrator has to know of what is left out, by unit. */
    public static List<String> warnings(List<UnitPatch> units) {
        List<String> warnings = new ArrayList<>();
        for (UnitPatch unit : units) {
            ElfObject object = unit.extraction().object();
            Set<String> tracepoints = new TreeSet<>();
            Set<String> functions = new TreeSet<>();
            for (ElfSection table : object.sectionsNamed(JUMP_LABELS)) {
                for (ElfRelocation relocation : object.relocations(table)) {
                    ElfSymbol key = relocation.symbol();
                    if (!isLate(unit.resolutions().get(key))) {
                        continue;
                    }
                    if (isTracepoint(key)) {
                        tracepoints.add(key.name().substring(TRACEPOINT.length()));
                    } else if (isDebugMessage(unit, key)) {
                        functions.add(codeOf(object, table, relocation));
                    }
                }
            }
            String where = unit.unit() + ": in the patched code of the module " + unit.target();
            if (!tracepoints.isEmpty()) {
                warnings.add(
                        where
                                + " these tracepoints do not fire: "
                                + String.join(", ", tracepoints));
            }
            if (!functions.isEmpty()) {
                warnings.add(
                        where
                                + " pr_debug messages cannot be switched on or off: "
                                + String.join(", ", functions));
            }
        }
        return warnings;
    }

    /** The function in which a jump label is: the field before its key names the code. */
    private static String codeOf(ElfObject object, ElfSection table, ElfRelocation key) {
        ElfRelocation code = null;
        for (ElfRelocation other : object.relocations(table)) {
            boolean before = other.offset() < key.offset();
            // An entry's fields follow each other: the code first, then where it jumps, the key.
            if (before && other.offset() >= key.offset() - Long.BYTES) {
                code = code == null || other.offset() < code.offset() ? other : code;
            }
        }
        return Optional.ofNullable(code)
                .flatMap(c -> c.symbol().section())
                .flatMap(section ->
                        object.symbolsIn(section).stream()
                                .filter(ElfSymbol::isFunction)
                                .map(ElfSymbol::name)
                                .findFirst())
                .orElse("?");
    }

    private static boolean isLate(@Nullable Resolution resolution) {
        return resolution instanceof Resolution.Klp klp && klp.isLate();
    }

    /**
     * The linked module without the entries whose key is not there when the tables are read.
     *
     * @param object as objtool left it
     * @param meanings of its undefined symbols
     * @param watched as {@link #watched} says
     */
    static ElfObject leaveOut(
            ElfObject object,
            Map<ElfSymbol, Resolution> meanings,
            Set<Resolution> watched,
            Btf btf) {
        Map<ElfSection, ElfSection> shorter = new HashMap<>();
        List<RelocationTable> tables = new ArrayList<>();
        for (RelocationTable table : object.relocationTables()) {
            Optional<Layout> layout =
                    Optional.ofNullable(STRUCTURES.get(table.target().name()))
                            .map(name -> Layout.of(btf, name));
            Set<Long> out = new HashSet<>();
            layout.ifPresent(l -> out.addAll(l.late(table, meanings, watched)));
            if (out.isEmpty()) {
                tables.add(table);
                continue;
            }
            ElfSection section = layout.orElseThrow().without(table.target(), out);
            shorter.put(table.target(), section);
            tables.add(
                    new RelocationTable(
                            table.name(),
                            table.flags(),
                            section,
                            layout.orElseThrow().without(table.relocations(), out)));
        }
        if (shorter.isEmpty()) {
            return object;
        }
        return moved(object, shorter, tables, meanings);
    }

    /** The object with other sections in the place of some, and without what nothing refers to. */
    private static ElfObject moved(
            ElfObject object,
            Map<ElfSection, ElfSection> shorter,
            List<RelocationTable> tables,
            Map<ElfSymbol, Resolution> meanings) {
        Map<ElfSymbol, ElfSymbol> symbols = new HashMap<>();
        List<ElfSymbol> list = new ArrayList<>();
        Set<ElfSymbol> used = new HashSet<>();
        tables.forEach(t -> t.relocations().forEach(r -> used.add(r.symbol())));
        for (ElfSymbol symbol : object.symbols()) {
            // A name that nothing refers to any more would be looked up all the same.
            if (isLate(meanings.get(symbol)) && !used.contains(symbol)) {
                continue;
            }
            ElfSection section = symbol.section().map(shorter::get).orElse(null);
            ElfSymbol result =
                    section == null
                            ? symbol
                            : symbol.at(new SymbolPlace.In(section), symbol.value());
            symbols.put(symbol, result);
            list.add(result);
        }
        return ElfObject.of(
                object.header(),
                object.sections().stream().map(s -> shorter.getOrDefault(s, s)).toList(),
                list,
                tables.stream()
                        .map(t ->
                                new RelocationTable(
                                        t.name(),
                                        t.flags(),
                                        t.target(),
                                        t.relocations().stream()
                                                .map(r ->
                                                        r.to(
                                                                symbols.getOrDefault(
                                                                        r.symbol(), r.symbol()),
                                                                r.addend()))
                                                .toList()))
                        .toList(),
                object.groups(),
                object.linkOrder());
    }

    /**
     * A table of structures of one size.
     *
     * @param size of one, in bytes
     * @param key offset of the key in it
     */
    private record Layout(int size, int key) {
        static Layout of(Btf btf, String name) {
            Btf.Struct struct = btf.struct(name).orElseThrow();
            return new Layout((int) struct.size(), struct.field("key").orElseThrow().offset());
        }

        /** The numbers of the entries whose key is not there yet. */
        Set<Long> late(
                RelocationTable table,
                Map<ElfSymbol, Resolution> meanings,
                Set<Resolution> watched) {
            Set<Long> late = new HashSet<>();
            for (ElfRelocation relocation : table.relocations()) {
                Resolution meaning = meanings.get(relocation.symbol());
                if (meaning == null || !isLate(meaning)) {
                    continue;
                }
                boolean allowed =
                        table.target().name().equals(STATIC_CALLS) || watched.contains(meaning);
                if (!allowed || relocation.offset() % size != key) {
                    throw new IllegalStateException(
                            table.name()
                                    + " refers to "
                                    + relocation.symbol()
                                    + ", which comes late");
                }
                late.add(relocation.offset() / size);
            }
            return late;
        }

        ElfSection without(ElfSection section, Set<Long> out) {
            byte[] content = section.content();
            byte[] kept = new byte[content.length - out.size() * size];
            int at = 0;
            for (int entry = 0; entry < content.length / size; entry++) {
                if (!out.contains((long) entry)) {
                    System.arraycopy(content, entry * size, kept, at, size);
                    at += size;
                }
            }
            return section.withContent(kept);
        }

        List<ElfRelocation> without(List<ElfRelocation> relocations, Set<Long> out) {
            return relocations.stream()
                    .filter(r -> !out.contains(r.offset() / size))
                    .map(r -> {
                        long entry = r.offset() / size;
                        long before = out.stream().filter(o -> o < entry).count();
                        return r.at(r.offset() - before * size);
                    })
                    .toList();
        }
    }
}
