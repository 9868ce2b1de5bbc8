package dev.rebootless.elf;

import java.util.List;

/**
 * A section group (SHT_GROUP): sections that are kept or dropped together.
 *
 * @param name of the group's section, usually {@code .group}
 * @param flags the group's first word, 1 for GRP_COMDAT
 * @param signature the symbol that names the group
 */
public record ElfGroup(String name, int flags, ElfSymbol signature, List<ElfSection> members) {
    public ElfGroup {
        members = List.copyOf(members);
    }
}
