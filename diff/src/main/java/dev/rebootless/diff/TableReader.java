package dev.rebootless.diff;

import dev.rebootless.base.Problem;
import dev.rebootless.elf.ElfRelocation;
import dev.rebootless.elf.ElfSection;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableMap;

/** Takes a special table apart into its entries. */
final class TableReader {
    private final ObjectModel model;
    private final SpecialTable table;
    private final ElfSection section;

    TableReader(ObjectModel model, SpecialTable table, ElfSection section) {
        this.model = model;
        this.table = table;
        this.section = section;
    }

    /** The entries in their order; where they have another form, a problem is reported. */
    List<Entry> read() {
        List<Entry> entries = new ArrayList<>();
        if (table.role() == SpecialTable.Role.IGNORED
                || table.role() == SpecialTable.Role.DERIVED) {
            return entries;
        }
        NavigableMap<Long, ElfRelocation> fields = model.relocations(section);
        long size = table.entrySize();
        if (size == 0) {
            int anchors = fields.size() / table.fieldsPerEntry();
            if (fields.isEmpty()) {
                return entries;
            }
            if (fields.size() % table.fieldsPerEntry() != 0 || section.size() % anchors != 0) {
                return malformed(entries);
            }
            size = section.size() / anchors;
        }
        if (section.size() % size != 0) {
            return malformed(entries);
        }
        for (long at = 0; at < section.size(); at += size) {
            ElfRelocation anchor = fields.get(at + table.anchor());
            if (anchor == null
                    || !(model.target(section, anchor) instanceof Target.InItem target)) {
                return malformed(entries);
            }
            Target.InItem in = owner(target);
            List<Reference> list = new ArrayList<>();
            for (ElfRelocation field : fields.subMap(at, at + size).values()) {
                model.requireInside(field, at + size, "an entry of " + section.name());
                list.add(
                        new Reference(
                                field.offset() - at,
                                field.type(),
                                field.offset() == anchor.offset()
                                        ? in
                                        : model.target(section, field),
                                false));
            }
            entries.add(new Entry(table, section, at, size, in.item(), in.place(), list));
        }
        return entries;
    }

    /**
     * The function that an anchor means: with -fpatchable-function-entry=N,M it is M NOPs before
     * the function's begin.
     */
    private Target.InItem owner(Target.InItem target) {
        Item before = target.item();
        if (!table.section().equals("__patchable_function_entries")
                || target.place() < before.size()) {
            return target;
        }
        return model.after(before)
                .map(next -> {
                    long shift = next.offset() - before.offset();
                    return new Target.InItem(
                            next, target.displacement() - shift, target.place() - shift);
                })
                .orElse(target);
    }

    private List<Entry> malformed(List<Entry> entries) {
        model.report(
                new Problem(
                        "RBL-TABLE-FORM",
                        section.name(),
                        "its entries do not have the form that the kernel's macros give them",
                        "report it with the object; the patch cannot be built until the form is"
                                + " known"));
        return entries;
    }
}
