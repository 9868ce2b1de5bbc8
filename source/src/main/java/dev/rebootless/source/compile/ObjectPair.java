package dev.rebootless.source.compile;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/**
 * A unit compiled before and after a patch, in the form that can go into a module.
 *
 * @param original the original object, in the unit cache: not to be changed
 * @param patched the patched object
 * @param originalCached whether the original was there already
 * @param originalTime what gcc took for the original, wall time; zero when it was cached
 * @param patchedTime what gcc took for the patched source, wall time
 * @param warnings what gcc said of the patched source, empty nearly always
 * @param shipped the two objects in the form that vmlinux has, where that is another one: with
 *     constants that the booting kernel writes into code, while {@code original} and {@code
 *     patched} read the variables. Only this form's original is the shipped code
 */
public record ObjectPair(
        UnitCommand unit,
        Path original,
        Path patched,
        boolean originalCached,
        Duration originalTime,
        Duration patchedTime,
        String warnings,
        Optional<Shipped> shipped) {
    /** The form that vmlinux has. */
    public record Shipped(Path original, Path patched) {}

    /** The same pair, and what the shipped form is; times and warnings of both together. */
    ObjectPair asShipped(ObjectPair other) {
        return new ObjectPair(
                unit,
                original,
                patched,
                originalCached && other.originalCached,
                originalTime.plus(other.originalTime),
                patchedTime.plus(other.patchedTime),
                other.warnings,
                Optional.of(new Shipped(other.original, other.patched)));
    }
}
