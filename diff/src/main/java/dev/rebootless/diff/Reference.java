package dev.rebootless.diff;

/**
 * A field of an item that holds an address: a relocation, or a relative branch that the assembler
 * resolved.
 *
 * @param offset of the field, relative to the item's or entry's start
 * @param type R_* of the architecture
 * @param isResolved true for a branch without relocation; its bytes are then part of the distance,
 *     not of the code
 */
public record Reference(long offset, int type, Target target, boolean isResolved) {
    /** The same field, pointing elsewhere. */
    Reference to(Target other) {
        return new Reference(offset, type, other, isResolved);
    }
}
