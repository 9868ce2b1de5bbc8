package dev.rebootless.livepatch;

import dev.rebootless.elf.ElfSymbol;
import dev.rebootless.kernel.KernelImage;
import dev.rebootless.kernel.KernelSymbol;

/**
 * Where the livepatch core finds a replaced function of vmlinux.
 *
 * @param sympos which of several symbols of the name in kallsyms, from 1; 0 if it is unique
 * @param address in the image
 */
public record PatchedAt(String name, int sympos, long address) {
    /**
     * Of a function whose original is proven.
     *
     * @throws IllegalStateException if it is not: a fault of ours
     */
    public static PatchedAt of(KernelImage image, UnitPatch unit, ElfSymbol original) {
        long address =
                unit.changes()
                        .original()
                        .item(original)
                        .map(unit.match()::address)
                        .orElseThrow()
                        .orElseThrow(() ->
                                new IllegalStateException(original.name() + " is not proven"));
        KernelSymbol symbol =
                image.symbols().at(address).stream()
                        .filter(s -> s.name().equals(original.name()))
                        .findFirst()
                        .orElseThrow(() ->
                                new IllegalStateException(
                                        original.name() + " is not at its address"));
        return new PatchedAt(symbol.name(), image.symbols().sympos(symbol), address);
    }
}
