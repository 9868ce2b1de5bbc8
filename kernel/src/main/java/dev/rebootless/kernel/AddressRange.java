package dev.rebootless.kernel;

/**
 * Addresses from {@code start} to below {@code end}, as unsigned numbers.
 *
 * @param start the first
 * @param end the first that is no longer in it
 */
public record AddressRange(long start, long end) {
    /** Whether an address is in it; never when {@code end} is not above {@code start}. */
    public boolean contains(long address) {
        return Long.compareUnsigned(address, start) >= 0 && Long.compareUnsigned(address, end) < 0;
    }
}
