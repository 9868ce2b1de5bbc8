package dev.rebootless.livepatch;

import dev.rebootless.base.Hashes;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.elf.Elf;
import dev.rebootless.elf.ElfObject;
import dev.rebootless.elf.ElfReader;
import dev.rebootless.elf.ElfRelocation;
import dev.rebootless.elf.ElfSection;
import dev.rebootless.elf.ElfSymbol;
import dev.rebootless.elf.ElfWriter;
import dev.rebootless.elf.RelocationTable;
import dev.rebootless.elf.SymbolPlace;
import dev.rebootless.kernel.ModuleImage;
import dev.rebootless.manifest.Manifest;
import dev.rebootless.manifest.ManifestJson;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * Makes one module of the units' extracted objects. The order matters:
 *
 * <ol>
 *   <li>link everything, with struct module, so that objtool sees init and exit as what they are;
 *   <li>objtool adds ORC data and the tables of return, retpoline and static call sites. It knows
 *       functions that do not return, thunks and static calls by their plain names, so until now
 *       every reference keeps its own name;
 *   <li>only then references to what the kernel does not export become klp relocations, and what
 *       only objtool reads is dropped.
 * </ol>
 */
public final class ModuleLinker {
    /**
     * struct module and {@code .klp.sym.OBJECT.} leave room for 55 characters
     * (include/linux/module.h).
     */
    public static final int MAX_NAME_LENGTH = 55;

    private final ShippedKernel kernel;
    private final Objtool objtool;

    public ModuleLinker(ShippedKernel kernel, Objtool objtool) {
        this.kernel = kernel;
        this.objtool = objtool;
    }

    /**
     * Links a module.
     *
     * @param units in the order of the manifest
     * @param work an empty folder for the object while objtool works on it
     * @throws RebootlessException exit status 4: {@code RBL-OBJTOOL-WARNING} when objtool says
     *     anything
     */
    public LivepatchModule link(Manifest manifest, List<UnitPatch> units, Path work) {
        LinkedObject linked = new LinkedObject();
        SequencedMap<String, List<Descriptor.Function>> functions = new LinkedHashMap<>();
        for (UnitPatch unit : units) {
            linked.add(unit.extraction().object(), unit.resolutions());
            linked.provide(unit.extraction().provided());
            // An object without functions is there for the references that wait for its module.
            if (!unit.extraction().replaced().isEmpty() || unit.isWrittenLate()) {
                functions
                        .computeIfAbsent(unit.target(), target -> new ArrayList<>())
                        .addAll(functions(unit));
            }
        }
        addStaticCallKeys(linked);
        ElfSymbol enable = linked.undefined(exported("klp_enable_patch"));
        ElfSymbol returnThunk = linked.undefined(exported("__x86_return_thunk"));
        Descriptor.Parts parts =
                Descriptor.write(
                        kernel.image().btf(),
                        manifest.module(),
                        manifest.replace(),
                        functions,
                        notes(functions.keySet()),
                        enable,
                        returnThunk);
        linked.add(parts.sections(), parts.symbols(), parts.tables(), Map.of());
        linked.add(plainSections(manifest, linked), List.of(), List.of(), Map.of());
        LinkedObject.Result result = linked.build();
        ElfObject finished =
                runObjtool(
                        result,
                        work,
                        functions.values().stream()
                                .flatMap(List::stream)
                                .map(f -> f.body().name())
                                .collect(Collectors.toSet()));
        Map<ElfSymbol, Resolution> meanings = meanings(finished, result);
        ElfObject timely =
                LateTables.leaveOut(
                        finished, meanings, LateTables.watched(units), kernel.image().btf());
        byte[] bytes = ElfWriter.write(withKlpRelocations(timely, meanings));
        // What no boot in an emulator shows is looked for in the module as it is written.
        ElfObject written = ElfReader.read(bytes);
        requireNoRuntimeConstants(written);
        IbtCheck.require(
                written,
                kernel,
                units.stream()
                        .flatMap(u -> TakenAddresses.in(u.changes().original()).stream())
                        .collect(Collectors.toSet()));
        return new LivepatchModule(manifest, bytes);
    }

    /** The kernel fills in those of vmlinux when it boots, and those of modules never. */
    static void requireNoRuntimeConstants(ElfObject module) {
        for (ElfSection section : module.sections()) {
            if (section.name().startsWith("runtime_")) {
                throw RebootlessException.refused(
                        "RBL-RUNTIME-CONSTANT",
                        section.name(),
                        "code of the module has a constant that the kernel fills in when it boots, in vmlinux"
                                + " alone",
                        "report it with the patch");
            }
        }
    }

    /** By module the note that its loaded form must have; see {@link BuildGuard}. */
    private Map<String, byte[]> notes(Set<String> targets) {
        Map<String, byte[]> notes = new HashMap<>();
        for (String target : targets) {
            if (kernel.code(target) instanceof ModuleImage module) {
                notes.put(
                        target,
                        module.module()
                                .buildId()
                                .map(id -> buildIdNote(HexFormat.of().parseHex(id)).content())
                                .filter(note -> note.length == BuildGuard.NOTE_BYTES)
                                .orElseThrow(() ->
                                        RebootlessException.refused(
                                                "RBL-MODULE-BUILD-ID",
                                                target,
                                                "the shipped module has no build id of 20 bytes, so another build"
                                                        + " of it could not be told from it",
                                                "leave functions of this module to the next reboot")));
            }
        }
        return notes;
    }

    private static ElfSection buildIdNote(byte[] id) {
        // NT_GNU_BUILD_ID is 3 (include/uapi/linux/elf.h has the others).
        return Descriptor.note(".note.gnu.build-id", "GNU", 3, id);
    }

    private List<Descriptor.Function> functions(UnitPatch unit) {
        return unit.extraction().replaced().stream()
                .map(replacement -> {
                    PatchedAt at =
                            PatchedAt.of(kernel.code(unit.target()), unit, replacement.original());
                    return new Descriptor.Function(at.name(), at.sympos(), replacement.body());
                })
                .toList();
    }

    private void addStaticCallKeys(LinkedObject linked) {
        requireKeysToldApart(linked.resolutions());
        for (Resolution resolution : linked.resolutions()) {
            if (resolution.name().startsWith("__SCT__")) {
                linked.undefined(SymbolResolver.staticCallKey(resolution, kernel.image()));
            }
        }
    }

    /**
     * objtool finds the key of a call by the name of its trampoline alone (tools/objtool/check.c,
     * create_static_call_sections). With one of vmlinux and one of a module of the same name, a
     * site in the module's code could get the key of vmlinux, and the kernel would then let it call
     * another function. Keys of modules alone may be mixed up: whatever refers to one is left out
     * ({@link LateTables}), and the call itself has its own trampoline.
     */
    static void requireKeysToldApart(List<Resolution> resolutions) {
        Map<String, Boolean> late = new HashMap<>();
        for (Resolution resolution : resolutions) {
            if (!resolution.name().startsWith("__SCT__")) {
                continue;
            }
            boolean isLate = resolution instanceof Resolution.Klp klp && klp.isLate();
            Boolean other = late.put(resolution.name(), isLate);
            if (other != null && other != isLate) {
                throw RebootlessException.refused(
                        "RBL-STATIC-CALL-KEY",
                        resolution.name(),
                        "the patched code uses a static call of this name in vmlinux and another one in a"
                                + " module, and objtool cannot tell their keys apart",
                        "patch vmlinux and the module with a livepatch each");
            }
        }
    }

    private Resolution exported(String name) {
        return kernel.exports()
                .export(name)
                .<Resolution>map(e -> new Resolution.Exported(name, e.crc(), e.namespace()))
                .orElseThrow(() ->
                        RebootlessException.refused(
                                "RBL-KERNEL-UNFIT",
                                name,
                                "the kernel does not export it",
                                "use a kernel with CONFIG_LIVEPATCH=y and return thunks"));
    }

    private List<ElfSection> plainSections(Manifest manifest, LinkedObject linked) {
        // The loader checks the layout of struct module by the CRC of this name
        // (kernel/module/version.c).
        Map<String, Resolution.Exported> imports = new TreeMap<>();
        if (exported("module_layout") instanceof Resolution.Exported layout) {
            imports.put(layout.name(), layout);
        }
        for (Resolution resolution : linked.resolutions()) {
            if (resolution instanceof Resolution.Exported export) {
                imports.put(export.name(), export);
            }
        }
        String json = ManifestJson.compact(manifest);
        byte[] identity = Hashes.sha256().digest(json.getBytes(StandardCharsets.UTF_8));
        return List.of(
                Descriptor.modinfo(
                        manifest.module(),
                        manifest.kernel().vermagic(),
                        "Rebootless livepatch " + manifest.name(),
                        namespaces(imports.values())),
                Descriptor.versions(kernel.image().btf(), List.copyOf(imports.values())),
                Descriptor.note(
                        Manifest.NOTE_SECTION,
                        Manifest.NOTE_NAME,
                        Manifest.NOTE_TYPE,
                        json.getBytes(StandardCharsets.UTF_8)),
                // The manifest names all inputs, so its hash identifies the module.
                buildIdNote(Arrays.copyOf(identity, 20)));
    }

    /** What MODULE_IMPORT_NS of a module would name (include/linux/module.h). */
    private static List<String> namespaces(Collection<Resolution.Exported> imports) {
        return imports.stream()
                .map(Resolution.Exported::namespace)
                .filter(n -> !n.isEmpty())
                .distinct()
                .sorted()
                .toList();
    }

    private ElfObject runObjtool(LinkedObject.Result result, Path work, Set<String> bodies) {
        Path object = work.resolve("livepatch.o");
        try {
            Files.write(object, ElfWriter.write(tagged(result)));
            List<String> said = ObjtoolWarnings.of(objtool.run(object), bodies);
            if (!said.isEmpty()) {
                throw RebootlessException.refused(
                        "RBL-OBJTOOL-WARNING",
                        "",
                        "objtool warns of the linked module: " + String.join("\n", said),
                        "report it with the patch; a module that objtool doubts is never built");
            }
            return ElfReader.read(Files.readAllBytes(object));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * objtool may reorder symbols, and names repeat. The size of an undefined symbol means nothing
     * to it or to the loader, so it carries the symbol's number through.
     */
    private static ElfObject tagged(LinkedObject.Result result) {
        Map<ElfSymbol, ElfSymbol> tagged = new HashMap<>();
        List<ElfSymbol> symbols = new ArrayList<>();
        int number = 1;
        for (ElfSymbol symbol : result.object().symbols()) {
            if (result.undefined().containsKey(symbol)) {
                ElfSymbol with =
                        new ElfSymbol(
                                symbol.name(),
                                0,
                                number++,
                                Elf.STT_NOTYPE,
                                Elf.STB_GLOBAL,
                                0,
                                SymbolPlace.UNDEFINED);
                tagged.put(symbol, with);
                symbols.add(with);
            } else {
                symbols.add(symbol);
            }
        }
        return replaceSymbols(result.object(), symbols, tagged, result.object().relocationTables());
    }

    private static ElfObject replaceSymbols(
            ElfObject object,
            List<ElfSymbol> symbols,
            Map<ElfSymbol, ElfSymbol> changed,
            List<RelocationTable> tables) {
        List<RelocationTable> moved = new ArrayList<>();
        for (RelocationTable table : tables) {
            List<ElfRelocation> relocations =
                    table.relocations().stream()
                            .map(r ->
                                    r.to(changed.getOrDefault(r.symbol(), r.symbol()), r.addend()))
                            .toList();
            moved.add(
                    new RelocationTable(table.name(), table.flags(), table.target(), relocations));
        }
        return ElfObject.of(
                object.header(),
                object.sections(),
                symbols,
                moved,
                object.groups(),
                object.linkOrder());
    }

    /** What the undefined symbols of objtool's result mean. */
    private static Map<ElfSymbol, Resolution> meanings(
            ElfObject finished, LinkedObject.Result result) {
        List<Resolution> order = List.copyOf(result.undefined().values());
        Map<ElfSymbol, Resolution> meanings = new LinkedHashMap<>();
        for (ElfSymbol symbol : finished.symbols()) {
            if (symbol.isUndefined()) {
                int number = (int) symbol.size();
                if (number < 1
                        || number > order.size()
                        || !order.get(number - 1).name().equals(symbol.name())) {
                    throw RebootlessException.refused(
                            "RBL-OBJTOOL-SYMBOL",
                            symbol.name(),
                            "objtool added a reference to it, or lost its number",
                            "report it with the patch");
                }
                meanings.put(symbol, order.get(number - 1));
            }
        }
        return meanings;
    }

    private static ElfObject withKlpRelocations(
            ElfObject object, Map<ElfSymbol, Resolution> meanings) {
        List<ElfSection> kept = object.sections().stream().filter(ModuleLinker::isKept).toList();
        Map<ElfSymbol, ElfSymbol> changed = new LinkedHashMap<>();
        List<ElfSymbol> symbols = new ArrayList<>();
        for (ElfSymbol symbol : object.symbols()) {
            if (symbol.section().isPresent() && !kept.contains(symbol.section().get())) {
                continue;
            }
            Resolution meaning = meanings.get(symbol);
            ElfSymbol result =
                    switch (meaning) {
                        case null -> symbol;
                        case Resolution.Exported export -> ElfSymbol.undefined(export.name());
                        case Resolution.Inside inside ->
                                throw new IllegalStateException(
                                        inside.name() + " is undefined after the link");
                        case Resolution.Klp klp ->
                                new ElfSymbol(
                                        klp.symbolName(),
                                        0,
                                        0,
                                        Elf.STT_NOTYPE,
                                        Elf.STB_GLOBAL,
                                        0,
                                        SymbolPlace.LIVEPATCH);
                    };
            changed.put(symbol, result);
            symbols.add(result);
        }
        List<RelocationTable> tables = new ArrayList<>();
        for (RelocationTable table : object.relocationTables()) {
            if (kept.contains(table.target())) {
                tables.addAll(split(table, meanings));
            }
        }
        // A symbol that nothing refers to any more (objtool's hints) would only be looked up for
        // nothing.
        ElfObject whole =
                ElfObject.of(
                        object.header(),
                        kept,
                        object.symbols().stream().filter(changed::containsKey).toList(),
                        tables,
                        List.of(),
                        Map.of());
        return replaceSymbols(whole, symbols, changed, tables);
    }

    /**
     * What only the link and objtool read is not loaded: scripts/module.lds.S discards it as well.
     */
    private static boolean isKept(ElfSection section) {
        return section.isAllocated() && !section.name().startsWith(".discard");
    }

    /**
     * Ordinary relocations stay; those on symbols that the kernel does not export go to a klp
     * section.
     */
    private static List<RelocationTable> split(
            RelocationTable table, Map<ElfSymbol, Resolution> meanings) {
        List<ElfRelocation> ordinary = new ArrayList<>();
        Map<String, List<ElfRelocation>> klp = new TreeMap<>();
        for (ElfRelocation relocation : table.relocations()) {
            if (meanings.get(relocation.symbol()) instanceof Resolution.Klp meaning) {
                klp.computeIfAbsent(meaning.writtenWith(), k -> new ArrayList<>()).add(relocation);
            } else {
                ordinary.add(relocation);
            }
        }
        List<RelocationTable> tables = new ArrayList<>();
        if (!ordinary.isEmpty()) {
            tables.add(new RelocationTable(table.name(), table.flags(), table.target(), ordinary));
        }
        klp.forEach((target, relocations) ->
                tables.add(
                        new RelocationTable(
                                ".klp.rela." + target + "." + table.target().name(),
                                Elf.SHF_ALLOC | Elf.SHF_INFO_LINK | Elf.SHF_RELA_LIVEPATCH,
                                table.target(),
                                relocations.stream()
                                        .sorted(Comparator.comparingLong(ElfRelocation::offset))
                                        .toList())));
        return tables;
    }
}
