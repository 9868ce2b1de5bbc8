/**
 * Where x86-64 instructions begin and end, and which of their bytes a linker fills in.
 *
 * <p>This is what comparing object code needs, and no disassembler: no operands are named and no
 * text is made. {@link dev.rebootless.elf.x86.X86Decoder} finds the length of one instruction in
 * 64-bit mode, its kind where a comparison treats that kind in its own way (branches,
 * no-operations, traps, {@code lea}, {@code mov $imm,%reg}), and the places of its displacement and
 * its immediate.
 *
 * <p>How an instruction is built (Intel 64 and IA-32 Architectures Software Developer's Manual,
 * "SDM", volume 2, chapter 2), each part optional but the opcode:
 *
 * <pre>
 * legacy prefixes | REX, VEX, EVEX or XOP | opcode | ModRM | SIB | displacement | immediate
 * </pre>
 *
 * <p>Prefix and escape bytes choose one of the {@linkplain dev.rebootless.elf.x86.OpcodeMap opcode
 * maps}; the map says for each opcode byte whether a ModRM byte follows and which immediate (SDM
 * volume 2, appendix A). The ModRM byte says whether SIB and displacement follow (SDM volume 2,
 * section 2.1.5). A few opcodes depend on the ModRM byte as well (SDM table A-6, the groups).
 */
@NullMarked
package dev.rebootless.elf.x86;

import org.jspecify.annotations.NullMarked;
