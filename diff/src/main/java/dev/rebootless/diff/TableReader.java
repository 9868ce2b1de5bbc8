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
            List<Reference> ranges = list.stream().map(r -> asRange(r, list, in)).toList();
            entries.add(new Entry(table, section, at, size, in.item(), in.place(), ranges));
        }
        return entries;
    }

    /**
     * The end of a piece of code is where the next one begins, but does not mean that. Where an
     * empty piece would be, something else begins or ends: then neither end means a thing, and both
     * are said to be where the entry's anchor points.
     */
    private Reference asRange(Reference reference, List<Reference> all, Target.InItem anchor) {
        for (Reference other : all) {
            boolean isEnd = startOf(reference) == other.offset();
            boolean isStart = startOf(other) == reference.offset();
            if ((isEnd || isStart)
                    && reference.target() instanceof Target.InItem here
                    && other.target() instanceof Target.InItem there
                    && here.item().section().equals(there.item().section())) {
                long shift = here.item().offset() - there.item().offset();
                boolean isEmpty = here.place() + shift == there.place();
                if (isEmpty) {
                    return reference.to(anchor);
                } else if (isEnd) {
                    return reference.to(
                            new Target.InItem(
                                    there.item(),
                                    here.displacement() + shift,
                                    here.place() + shift));
                }
            }
        }
        return reference;
    }

    private int startOf(Reference reference) {
        return model.architecture().startOf(table, reference.offset());
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
