package dev.rebootless.source.compile;

import java.nio.file.Path;
import java.time.Duration;

/**
 * A unit compiled before and after a patch.
 *
 * @param original the original object, in the unit cache: not to be changed
 * @param patched the patched object
 * @param originalCached whether the original was there already
 * @param originalTime what gcc took for the original, wall time; zero when it was cached
 * @param patchedTime what gcc took for the patched source, wall time
 * @param warnings what gcc said of the patched source, empty nearly always
 */
public record ObjectPair(
        UnitCommand unit,
        Path original,
        Path patched,
        boolean originalCached,
        Duration originalTime,
        Duration patchedTime,
        String warnings) {}
