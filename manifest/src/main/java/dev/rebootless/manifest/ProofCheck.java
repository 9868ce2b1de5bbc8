package dev.rebootless.manifest;

/**
 * One run of the check script in the guest.
 *
 * @param phase {@code before} the module is loaded, {@code during} its life, {@code after} its
 *     removal, {@code late} when its targets were inserted under it, {@code again} when that was
 *     done once more, or {@code run} for a script that was run on the stock kernel alone
 * @param exitCode 0 to 255, as a shell reports it
 * @param output what it printed on both streams, as UTF-8, at most {@link #MAX_OUTPUT_BYTES}
 * @param truncated whether it printed more than that
 * @param timedOut whether it was ended because it took too long
 * @param seconds it ran, on the guest's clock
 */
public record ProofCheck(
        String phase,
        int exitCode,
        String output,
        boolean truncated,
        boolean timedOut,
        double seconds) {
    public static final int MAX_OUTPUT_BYTES = 64 << 10;

    public boolean succeeded() {
        return exitCode == 0 && !timedOut;
    }
}
