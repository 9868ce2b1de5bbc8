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
 * @param target the target object that the unit is part of, {@code vmlinux} or a module
 * @param resolutions what each undefined symbol of the extracted object means
 */
public record UnitPatch(
        String unit,
        String target,
        ChangeSet changes,
        UnitMatch match,
        Extraction extraction,
        Map<ElfSymbol, Resolution> resolutions) {
    public UnitPatch {
        resolutions = java.util.Collections.unmodifiableMap(new LinkedHashMap<>(resolutions));
    }

    /** Whether references of it are written only when its module is loaded. */
    public boolean isWrittenLate() {
        return resolutions.values().stream()
                .anyMatch(r -> r instanceof Resolution.Klp klp && klp.isLate());
    }
}
