package dev.rebootless.livepatch;

import dev.rebootless.diff.Item;
import dev.rebootless.diff.ObjectModel;
import dev.rebootless.diff.Reference;
import dev.rebootless.diff.Target;
import dev.rebootless.elf.ElfSection;
import dev.rebootless.elf.x86.Instruction;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/** Which addresses a unit takes, other than to call or jump there. */
final class TakenAddresses {
    private TakenAddresses() {}

    /** The names of what the code and data of a unit take the address of. */
    static Set<String> in(ObjectModel unit) {
        Set<String> names = new HashSet<>();
        Map<ElfSection, Map<Long, Instruction>> decoded = new HashMap<>();
        for (Item item : unit.items()) {
            Map<Long, Instruction> fields =
                    item.section().isExecutable()
                            ? decoded.computeIfAbsent(item.section(), IbtCheck::fields)
                            : Map.of();
            for (Reference reference : unit.references(item)) {
                Instruction around = fields.get(item.offset() + reference.offset());
                if (around != null && around.kind().isRelativeBranch()) {
                    continue;
                }
                switch (reference.target()) {
                    case Target.External(var symbol, long _) -> names.add(symbol.name());
                    case Target.InItem(Item to, long _, long place) -> {
                        if (place == 0) {
                            to.symbols().forEach(s -> names.add(s.name()));
                        }
                    }
                    case Target.Text _ -> {}
                }
            }
        }
        return names;
    }
}
