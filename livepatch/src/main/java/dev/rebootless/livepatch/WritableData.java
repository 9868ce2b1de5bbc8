package dev.rebootless.livepatch;

import dev.rebootless.diff.SpecialTable;
import dev.rebootless.elf.ElfObject;
import dev.rebootless.elf.ElfRelocation;
import dev.rebootless.elf.ElfSection;
import dev.rebootless.elf.ElfSymbol;
import java.util.List;
import java.util.stream.Stream;

/** Variables that a livepatch brings along for a unit, in memory that code may write. */
public final class WritableData {
    private WritableData() {}

    /** The names of all of them, sorted. */
    public static List<String> added(UnitPatch unit) {
        ElfObject object = unit.extraction().object();
        return sections(object)
                .flatMap(section -> object.symbolsIn(section).stream())
                .filter(symbol -> !symbol.isSectionSymbol() && !symbol.name().isEmpty())
                .map(ElfSymbol::name)
                .distinct()
                .sorted()
                .toList();
    }

    /**
     * What of the unit's module they refer to, by name and sorted: the kernel writes such a
     * reference when the module is loaded. When the module goes, it clears the reference, but only
     * if it finds there what it wrote (arch/x86/kernel/module.c, __write_relocate_add()); and where
     * it is not cleared, the module cannot be loaded again.
     */
    public static List<String> lateReferences(UnitPatch unit) {
        ElfObject object = unit.extraction().object();
        return sections(object)
                .flatMap(section -> object.relocations(section).stream())
                .map(ElfRelocation::symbol)
                .filter(symbol ->
                        unit.resolutions().get(symbol) instanceof Resolution.Klp klp
                                && klp.isLate())
                .map(ElfSymbol::name)
                .distinct()
                .sorted()
                .toList();
    }

    private static Stream<ElfSection> sections(ElfObject object) {
        return object.sections().stream()
                .filter(s -> s.isAllocated() && s.isWritable() && !s.isExecutable())
                .filter(s ->
                        SpecialTable.X86_64.stream().noneMatch(t -> t.section().equals(s.name())));
    }
}
