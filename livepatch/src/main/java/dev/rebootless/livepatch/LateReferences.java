package dev.rebootless.livepatch;

import dev.rebootless.base.Problem;
import dev.rebootless.diff.SpecialTable;
import dev.rebootless.elf.Elf;
import dev.rebootless.elf.ElfObject;
import dev.rebootless.elf.ElfRelocation;
import dev.rebootless.elf.ElfSection;
import dev.rebootless.elf.ElfSymbol;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What of a unit of a module cannot wait until that module is loaded. The kernel applies
 * alternatives, jump labels and static calls of a livepatch when the livepatch itself is loaded
 * (kernel/module/main.c, load_module; Documentation/livepatch/module-elf-format.rst, section 4);
 * what they refer to in another module is not there yet, and what they write is overwritten once it
 * is.
 */
public final class LateReferences {
    /** Code that alternatives copy from before references in it are written. */
    private static final Set<String> COPIED = Set.of(".altinstr_replacement", ".altinstr_aux");

    /**
     * {@code struct alt_instr}: s32 the instruction, s32 its replacement; last two bytes lengths.
     */
    private static final String ALTERNATIVES = ".altinstructions";

    private static final int ALTERNATIVE_FIELDS = 2;
    private static final int LENGTH_FROM_END = 2;

    private LateReferences() {}

    /** Why a unit's part cannot be loaded before its module; empty if nothing speaks against it. */
    public static List<Problem> problems(UnitPatch unit) {
        ElfObject object = unit.extraction().object();
        Map<String, Problem> problems = new LinkedHashMap<>();
        Map<ElfSection, List<long[]>> sites = alternativeSites(object);
        for (ElfSection section : object.sections()) {
            for (ElfRelocation relocation : object.relocations(section)) {
                ElfSymbol symbol = relocation.symbol();
                if (!(unit.resolutions().get(symbol) instanceof Resolution.Klp klp)
                        || !klp.isLate()) {
                    continue;
                }
                String why = null;
                if (section.name().equals(LateTables.JUMP_LABELS)) {
                    if (!LateTables.isOnlyForWatching(unit, symbol)) {
                        why = "it is a static key of the module, which a jump label follows";
                    }
                } else if (isTable(section) || COPIED.contains(section.name())) {
                    why = "it is needed in " + section.name();
                } else if (isWithin(sites.getOrDefault(section, List.of()), relocation.offset())) {
                    why = "an instruction that has alternatives refers to it";
                }
                if (why != null) {
                    problems.putIfAbsent(symbol.name() + why, problem(unit, symbol, why));
                }
            }
        }
        return List.copyOf(problems.values());
    }

    private static Problem problem(UnitPatch unit, ElfSymbol symbol, String why) {
        return new Problem(
                "RBL-MODULE-EARLY",
                symbol.name(),
                "code of the module "
                        + unit.target()
                        + " refers to it, and "
                        + why
                        + "; the kernel sets such places up when the livepatch is loaded, which may be before the"
                        + " module is",
                "in the patch, use what the module has in an ordinary way, such as static_key_enabled() for a"
                        + " static key; or leave the function to the next reboot");
    }

    private static boolean isTable(ElfSection section) {
        return SpecialTable.X86_64.stream()
                .anyMatch(t ->
                        t.role() == SpecialTable.Role.CARRIED
                                && t.section().equals(section.name()));
    }

    private static boolean isWithin(List<long[]> ranges, long offset) {
        return ranges.stream().anyMatch(r -> offset >= r[0] && offset < r[1]);
    }

    /** The instructions that alternatives replace: first byte and the one behind the last. */
    private static Map<ElfSection, List<long[]>> alternativeSites(ElfObject object) {
        Map<ElfSection, List<long[]>> sites = new LinkedHashMap<>();
        for (ElfSection table : object.sectionsNamed(ALTERNATIVES)) {
            Set<Long> fields = new HashSet<>();
            object.relocations(table).forEach(r -> fields.add(r.offset()));
            int count = Math.max(1, fields.size() / ALTERNATIVE_FIELDS);
            int size = (int) (table.size() / count);
            for (ElfRelocation relocation : object.relocations(table)) {
                int within = (int) (relocation.offset() % size);
                ElfSection code = relocation.symbol().section().orElse(null);
                if (within == 0 && code != null && relocation.type() == Elf.R_X86_64_PC32) {
                    long start = relocation.symbol().value() + relocation.addend();
                    int length =
                            table.content()[(int) relocation.offset() + size - LENGTH_FROM_END]
                                    & 0xff;
                    sites.computeIfAbsent(code, c -> new ArrayList<>())
                            .add(new long[] {start, start + length});
                }
            }
        }
        return sites;
    }
}
