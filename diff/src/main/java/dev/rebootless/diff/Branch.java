package dev.rebootless.diff;

/**
 * A distance to another place of the same section, in an instruction, that the assembler may have
 * resolved without a relocation: of a branch, or of a load or computation of a nearby address.
 *
 * @param field offset in the section of the field that holds the distance
 * @param type the relocation that the assembler would have written for it, R_* of the architecture
 * @param target offset in the section; may lie outside of it
 * @param reach how far the place that the distance counts from is from the field, in bytes, as in
 *     {@link Architecture#reach}
 */
record Branch(long field, int type, long target, long reach) {}
