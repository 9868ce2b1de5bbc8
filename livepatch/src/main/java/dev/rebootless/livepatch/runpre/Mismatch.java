package dev.rebootless.livepatch.runpre;

/**
 * Why a rebuilt function is not the shipped one.
 *
 * @param function its name
 * @param address of the shipped function compared with; 0 if the image has none of that name
 * @param offset of the first difference in the function, in bytes; -1 where it is not a matter of a
 *     place
 * @param reason what differs, one sentence
 */
public record Mismatch(String function, long address, long offset, String reason) {}
