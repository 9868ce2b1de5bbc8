package dev.rebootless.kernel;

/**
 * A symbol of vmlinux, as kallsyms has it.
 *
 * @param name as in the symbol table
 * @param type the letter of nm(1): {@code T} and {@code t} code, {@code D}, {@code d}, {@code B},
 *     {@code b}, {@code R}, {@code r} data, {@code W} weak, {@code A} per-CPU; a capital for a
 *     global symbol
 * @param address in the image as linked, before KASLR; of a per-CPU symbol its offset
 * @param index its place in kallsyms, 0 for the first
 */
public record KernelSymbol(String name, char type, long address, int index) {}
