package dev.rebootless.diff;

import dev.rebootless.elf.ElfObject;
import dev.rebootless.elf.ElfSymbol;
import java.util.List;
import java.util.Map;

/**
 * The smallest object that carries what changed, and what its undefined symbols mean.
 *
 * @param object the extracted object: carried functions and data; everything else is undefined
 * @param replaced the functions to be replaced
 * @param originals for undefined symbols that stand for something in the original unit: its symbol
 *     in the original object. The others are symbols that the unit itself refers to by name
 * @param provided new names that other units may refer to, and what bears them in the object, where
 *     every symbol is local
 */
public record Extraction(
        ElfObject object,
        List<Replacement> replaced,
        Map<ElfSymbol, ElfSymbol> originals,
        Map<String, ElfSymbol> provided) {
    public Extraction {
        replaced = List.copyOf(replaced);
        provided = java.util.Collections.unmodifiableMap(new java.util.LinkedHashMap<>(provided));
        originals = java.util.Collections.unmodifiableMap(new java.util.LinkedHashMap<>(originals));
    }

    /**
     * A function and its new body.
     *
     * @param original symbol in the original object
     * @param body symbol in the extracted object
     */
    public record Replacement(ElfSymbol original, ElfSymbol body) {}
}
