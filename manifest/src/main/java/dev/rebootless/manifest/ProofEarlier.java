package dev.rebootless.manifest;

import java.util.OptionalDouble;

/**
 * What became of a livepatch that was loaded before the one to prove.
 *
 * @param name as the kernel lists it
 * @param fate {@code replaced} when the one to prove took over from it, {@code stays} when it was
 *     in force below and after that, {@code gone-before} when another earlier one had taken over
 *     already, {@code unclear} when that was not seen
 * @param removeSeconds that the removal of its module took once it was replaced, on the guest's
 *     clock, in hundredths
 */
public record ProofEarlier(String name, String fate, OptionalDouble removeSeconds) {}
