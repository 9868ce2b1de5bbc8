package dev.rebootless.diff;

import dev.rebootless.elf.ElfObject;
import dev.rebootless.elf.ElfRelocation;
import dev.rebootless.elf.ElfSection;
import java.util.HashMap;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.TreeSet;

/**
 * The NOPs that belong to functions and stand before them: {@code -fpatchable-function-entry=N,M}
 * puts M of its N before the entry. A running kernel may put code of its own there, which calls to
 * the function then run through (arch/x86/kernel/callthunks.c, patch_dest).
 */
final class EntryPadding {
    /** Where gcc lists the first of each function's NOPs. */
    private static final String TABLE = "__patchable_function_entries";

    private final ElfObject object;
    private final Map<ElfSection, NavigableSet<Long>> starts = new HashMap<>();

    EntryPadding(ElfObject object) {
        this.object = object;
    }

    /** How many bytes of padding a function has. */
    long before(Item function) {
        Long start =
                starts.computeIfAbsent(function.section(), this::starts).floor(function.offset());
        // Another function's padding has that function's code behind it.
        boolean isOwn =
                start != null && CodeReader.isPadding(function.section(), start, function.offset());
        return isOwn ? function.offset() - start : 0;
    }

    private NavigableSet<Long> starts(ElfSection code) {
        NavigableSet<Long> found = new TreeSet<>();
        for (ElfSection table : object.sectionsNamed(TABLE)) {
            for (ElfRelocation field : object.relocations(table)) {
                long place = field.symbol().value() + field.addend();
                if (field.symbol().section().equals(Optional.of(code))
                        && place >= 0
                        && place <= code.size()) {
                    found.add(place);
                }
            }
        }
        return found;
    }
}
