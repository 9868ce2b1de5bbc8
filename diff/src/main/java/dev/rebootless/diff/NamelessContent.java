package dev.rebootless.diff;

import dev.rebootless.elf.ElfSection;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Content without a name that no code refers to: what assembler macros write into tables which the
 * linker gathers from all units, such as the quirks of {@code DECLARE_PCI_FIXUP_FINAL}
 * (include/linux/pci.h) or the flags of {@code BTF_ID_FLAGS} (include/linux/btf_ids.h). Only a
 * starting kernel, or nothing that a livepatch could reach, reads it; but a patch that changes it
 * does something, and that must not be passed over.
 */
final class NamelessContent {
    private NamelessContent() {}

    /** The sections in which it differs, in the order of the objects. */
    static List<ElfSection> changed(
            ObjectModel original, ObjectModel patched, Comparison comparison) {
        Map<String, List<Item>> ours = bySection(original);
        Map<String, List<Item>> theirs = bySection(patched);
        Set<String> names = new LinkedHashSet<>(ours.keySet());
        names.addAll(theirs.keySet());
        List<ElfSection> changed = new ArrayList<>();
        for (String name : names) {
            List<Item> before = ours.getOrDefault(name, List.of());
            List<Item> after = theirs.getOrDefault(name, List.of());
            if (!same(before, after, comparison)) {
                changed.add((before.isEmpty() ? after : before).getFirst().section());
            }
        }
        return changed;
    }

    private static boolean same(List<Item> ours, List<Item> theirs, Comparison comparison) {
        if (ours.size() != theirs.size()) {
            return false;
        }
        for (int i = 0; i < ours.size(); i++) {
            if (!comparison.same(ours.get(i), theirs.get(i))) {
                return false;
            }
        }
        return true;
    }

    private static Map<String, List<Item>> bySection(ObjectModel model) {
        Map<String, List<Item>> sections = new LinkedHashMap<>();
        for (Item item : model.items()) {
            if (item.symbols().isEmpty() && !isReferredTo(model, item.section())) {
                sections.computeIfAbsent(item.section().name(), k -> new ArrayList<>()).add(item);
            }
        }
        return sections;
    }

    /**
     * True where code refers to all nameless content, so that its functions tell of any change: the
     * compiler's constants, and the pieces of code that alternatives lead to.
     */
    private static boolean isReferredTo(ObjectModel model, ElfSection section) {
        String name = section.name();
        return section.isExecutable()
                || section.isNobits()
                || name.equals(".rodata")
                || name.startsWith(".rodata.")
                || name.startsWith(".data.rel.ro")
                || model.architecture().isReplacements(name)
                || model.architecture().constantBytes(name) > 0;
    }
}
