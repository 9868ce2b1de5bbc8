package dev.rebootless.elf;

import java.util.List;

/**
 * A section of relocations (SHT_RELA).
 *
 * @param name such as {@code .rela.text}
 * @param flags sh_flags; {@link Elf#SHF_RELA_LIVEPATCH} marks one that the kernel's livepatch core
 *     applies
 * @param target the section whose fields are relocated
 */
public record RelocationTable(
        String name, long flags, ElfSection target, List<ElfRelocation> relocations) {
    public RelocationTable {
        relocations = List.copyOf(relocations);
    }

    /** The ordinary table of a section, which the loader or linker applies. */
    public static RelocationTable of(ElfSection target, List<ElfRelocation> relocations) {
        return new RelocationTable(".rela" + target.name(), Elf.SHF_INFO_LINK, target, relocations);
    }

    /** True for a table that the kernel applies when the target object is loaded. */
    public boolean isLivepatch() {
        return (flags & Elf.SHF_RELA_LIVEPATCH) != 0;
    }
}
