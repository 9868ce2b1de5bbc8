package dev.rebootless.livepatch.runpre;

import dev.rebootless.diff.Item;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * What the run-pre match of a unit found: where in the shipped image its functions and data are.
 *
 * @param addresses item of the original object to its address in the image: functions whose code is
 *     proven equal, and what their proven code points at
 * @param externals names that the unit does not define itself, to the address that proven code uses
 *     for them
 * @param mismatches functions that no code of the image equals
 */
public record UnitMatch(
        Map<Item, Long> addresses, Map<String, Long> externals, Map<Item, Mismatch> mismatches) {
    public UnitMatch {
        addresses = Collections.unmodifiableMap(new LinkedHashMap<>(addresses));
        externals = Collections.unmodifiableMap(new LinkedHashMap<>(externals));
        mismatches = Collections.unmodifiableMap(new LinkedHashMap<>(mismatches));
    }

    /** Where an item of the original is in the image, if it is proven. */
    public OptionalLong address(Item item) {
        Long address = addresses.get(item);
        return address == null ? OptionalLong.empty() : OptionalLong.of(address);
    }

    /** Where a name that another unit defines is, if proven code uses it. */
    public OptionalLong external(String name) {
        Long address = externals.get(name);
        return address == null ? OptionalLong.empty() : OptionalLong.of(address);
    }

    /** Why a function is not proven. */
    public Optional<Mismatch> mismatch(Item function) {
        return Optional.ofNullable(mismatches.get(function));
    }
}
