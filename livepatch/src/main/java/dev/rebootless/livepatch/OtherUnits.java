package dev.rebootless.livepatch;

import dev.rebootless.kernel.ShippedCode;
import java.util.Map;
import java.util.Set;

/**
 * What the patch makes of names in other units, for the one whose references are resolved.
 *
 * @param defined what another unit newly defines and carries
 * @param madeGlobal what was static in another unit and is no longer: where the shipped code has
 *     it, by the name that it has had there
 */
public record OtherUnits(Set<String> defined, Map<String, ShippedPlace> madeGlobal) {
    public OtherUnits {
        defined = Set.copyOf(defined);
        madeGlobal = Map.copyOf(madeGlobal);
    }

    /** For a unit that uses nothing new of others. */
    public static OtherUnits none() {
        return new OtherUnits(Set.of(), Map.of());
    }

    /** A proven place in the shipped code. */
    public record ShippedPlace(ShippedCode code, long address) {}
}
