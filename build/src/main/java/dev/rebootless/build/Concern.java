package dev.rebootless.build;

/**
 * What of a livepatch no tool proves to be sound, so that a person has to decide; the warnings of
 * the build say it in words.
 */
public enum Concern {
    /** A function locks, or counts references, otherwise than before ({@code LockChanges}). */
    LOCKS,
    /** The type of a function changes ({@link SignatureChanges}). */
    SIGNATURES,
    /** What living objects hold is read otherwise from then on ({@code TypeCheck}). */
    TYPES,
    /** The main function of a kernel thread is replaced ({@link KernelThreads}). */
    KERNEL_THREAD
}
