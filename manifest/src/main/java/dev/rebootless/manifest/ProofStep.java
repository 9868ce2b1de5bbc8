package dev.rebootless.manifest;

/**
 * A step that a boot took, in the order of their ends.
 *
 * @param action {@code insert} or {@code remove} a target or what it needs; {@code load} a
 *     livepatch or what comes before it, {@code enable}, {@code disable} or {@code reverse} (a
 *     transition, from its begin to its end), {@code unload}; {@code check}
 * @param what the module's name, the check's phase, or empty
 * @param done whether it worked; of a check, whether it exited with 0
 * @param seconds it took, on the guest's clock, in hundredths
 */
public record ProofStep(String action, String what, boolean done, double seconds) {}
