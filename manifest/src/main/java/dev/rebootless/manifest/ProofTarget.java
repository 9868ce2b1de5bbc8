package dev.rebootless.manifest;

import java.util.List;
import java.util.OptionalDouble;

/**
 * What one boot showed of a module that the livepatch patches. Times are seconds that inserting it
 * took, with all that it needs, on the guest's clock, in hundredths; what was not shown has none,
 * and says why in {@code notShown}.
 *
 * @param name of the module
 * @param presentSeconds inserted before the livepatch, which then found it there
 * @param lateSeconds inserted while the livepatch was in force, and patched as it came
 * @param againSeconds the same, once more, after it was removed under the livepatch
 * @param notShown what was left out, and why
 */
public record ProofTarget(
        String name,
        OptionalDouble presentSeconds,
        OptionalDouble lateSeconds,
        OptionalDouble againSeconds,
        List<String> notShown) {
    public ProofTarget {
        notShown = List.copyOf(notShown);
    }
}
