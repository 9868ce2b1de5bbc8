package dev.rebootless.livepatch;

import dev.rebootless.diff.ChangeSet;
import dev.rebootless.diff.Extraction;
import dev.rebootless.elf.ElfSymbol;
import dev.rebootless.livepatch.runpre.UnitMatch;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * One unit's part of a livepatch, with every reference resolved.
 *
 * @param unit the source file
 * @param resolutions what each undefined symbol of the extracted object means
 */
public record UnitPatch(
        String unit,
        ChangeSet changes,
        UnitMatch match,
        Extraction extraction,
        Map<ElfSymbol, Resolution> resolutions) {
    public UnitPatch {
        resolutions = java.util.Collections.unmodifiableMap(new LinkedHashMap<>(resolutions));
    }
}
