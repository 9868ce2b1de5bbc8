package dev.rebootless.cli;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.elf.ElfRelocation;
import dev.rebootless.elf.ElfSection;
import dev.rebootless.elf.ElfSymbol;
import dev.rebootless.elf.RelocationTable;
import dev.rebootless.elf.SymbolPlace;
import dev.rebootless.kernel.KernelModule;
import dev.rebootless.kernel.Notes;
import dev.rebootless.manifest.Manifest;
import dev.rebootless.manifest.ManifestJson;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A {@code .ko} that somebody hands us, which may be any module, or none.
 *
 * @param bytes of the file as it is, a signature included; shared, not to be written to
 */
record ModuleFile(Path path, byte[] bytes, KernelModule module, Optional<Manifest> manifest) {
    /** Documentation/livepatch/module-elf-format.rst, "Livepatch symbols". */
    private static final Pattern KLP_SYMBOL =
            Pattern.compile("\\.klp\\.sym\\.([^.]+)\\.(.+),(\\d{1,9})");

    /** The same, "Livepatch relocation sections". */
    private static final Pattern KLP_SECTION = Pattern.compile("\\.klp\\.rela\\.([^.]+)\\.(.+)");

    /**
     * Reads a file.
     *
     * @throws RebootlessException exit status 2: {@code RBL-FILE}, {@code RBL-KERNEL-MODULE}, or
     *     {@code RBL-MANIFEST} when it has a manifest that cannot be understood
     */
    static ModuleFile read(Path path) {
        Inputs.requireFile(path);
        try {
            KernelModule module = KernelModule.read(path);
            return new ModuleFile(path, Files.readAllBytes(path), module, manifest(module));
        } catch (IOException e) {
            throw RebootlessException.usage(
                    "RBL-FILE",
                    path.toString(),
                    "cannot be read: " + e.getMessage(),
                    "check the file's name and rights");
        }
    }

    /**
     * The manifest, where there must be one.
     *
     * @throws RebootlessException exit status 2 {@code RBL-MANIFEST}
     */
    Manifest requireManifest() {
        return manifest.orElseThrow(() ->
                RebootlessException.usage(
                        "RBL-MANIFEST",
                        path.toString(),
                        "has no manifest: it is no livepatch of Rebootless",
                        "give a module that `rebootless build` made"));
    }

    private static Optional<Manifest> manifest(KernelModule module) {
        Optional<ElfSection> section = module.object().section(Manifest.NOTE_SECTION);
        if (section.isEmpty() || section.get().isNobits()) {
            return Optional.empty();
        }
        byte[] json =
                Notes.find(section.get().content(), Manifest.NOTE_NAME, Manifest.NOTE_TYPE)
                        .orElseThrow(() ->
                                RebootlessException.usage(
                                        "RBL-MANIFEST",
                                        Manifest.NOTE_SECTION,
                                        "is damaged",
                                        "build the module again"));
        return Optional.of(ManifestJson.parse(new String(json, StandardCharsets.UTF_8)));
    }

    /** What the kernel will look up in kallsyms, in the order of the symbol table. */
    List<Documents.KlpSymbol> klpSymbols() {
        List<Documents.KlpSymbol> found = new ArrayList<>();
        for (ElfSymbol symbol : module.object().symbols()) {
            Matcher matcher = KLP_SYMBOL.matcher(symbol.name());
            if (symbol.place() instanceof SymbolPlace.Livepatch && matcher.matches()) {
                found.add(
                        new Documents.KlpSymbol(
                                matcher.group(1),
                                matcher.group(2),
                                Integer.parseInt(matcher.group(3))));
            }
        }
        return List.copyOf(found);
    }

    /** How many relocations the livepatch core applies in each section. */
    List<Documents.KlpRelocations> klpRelocations() {
        List<Documents.KlpRelocations> found = new ArrayList<>();
        for (RelocationTable table : module.object().relocationTables()) {
            Matcher matcher = KLP_SECTION.matcher(table.name());
            if (table.isLivepatch() && matcher.matches()) {
                found.add(
                        new Documents.KlpRelocations(
                                matcher.group(1), matcher.group(2), table.relocations().size()));
            }
        }
        return List.copyOf(found);
    }

    /** The exported symbols that it uses, sorted. */
    List<String> imports() {
        Map<String, Integer> used = new TreeMap<>();
        for (RelocationTable table : module.object().relocationTables()) {
            for (ElfRelocation relocation : table.relocations()) {
                if (relocation.symbol().isUndefined() && !relocation.symbol().name().isEmpty()) {
                    used.merge(relocation.symbol().name(), 1, Integer::sum);
                }
            }
        }
        return List.copyOf(used.keySet());
    }

    /**
     * The target objects: those that the manifest lists, and without one those that klp symbols and
     * relocations are for, sorted. What a foreign livepatch replaces in other objects is not seen
     * from outside.
     */
    List<String> targetObjects() {
        if (manifest.isPresent()) {
            return manifest.get().objects().stream().map(Manifest.TargetObject::name).toList();
        }
        return Stream.concat(
                        klpSymbols().stream().map(Documents.KlpSymbol::object),
                        klpRelocations().stream().map(Documents.KlpRelocations::object))
                .distinct()
                .sorted()
                .toList();
    }

    /** Whether the kernel would load it as a livepatch (check_modinfo_livepatch()). */
    boolean isLivepatch() {
        return !module.modinfo("livepatch").isEmpty();
    }
}
