package dev.rebootless.diff;

import dev.rebootless.elf.ElfSection;
import dev.rebootless.elf.x86.Instruction;
import dev.rebootless.elf.x86.X86Decoder;
import java.util.HashMap;
import java.util.Map;

/** What must be known of the instructions in a section of code to tell what its fields mean. */
final class CodeReader {
    private final Map<ElfSection, Map<Integer, Integer>> ends = new HashMap<>();

    /**
     * How far it is from a displacement field to the end of its instruction, in bytes: what a
     * PC-relative field's addend takes back.
     *
     * @param offset of the field in the section
     */
    long distanceToEnd(ElfSection section, long offset) {
        Integer end = ends.computeIfAbsent(section, CodeReader::instructionEnds).get((int) offset);
        return end == null ? 4 : end - offset;
    }

    /** For each instruction's displacement field: where the instruction ends. */
    private static Map<Integer, Integer> instructionEnds(ElfSection section) {
        Map<Integer, Integer> map = new HashMap<>();
        byte[] code = section.content();
        for (int at = 0; at < code.length; ) {
            Instruction instruction = X86Decoder.decode(code, at, code.length);
            if (instruction.displacement().size() == 4) {
                map.put(instruction.displacement().offset(), at + instruction.length());
            }
            at += instruction.length();
        }
        return map;
    }

    /** NOPs, INT3 and zeros are what assembler and compiler fill code up with. */
    static boolean isPadding(ElfSection section, long from, long to) {
        byte[] code = section.content();
        for (int at = (int) from; at < to; ) {
            if (code[at] == 0) {
                at++;
                continue;
            }
            Instruction instruction = X86Decoder.decode(code, at, (int) to);
            if (instruction.kind() != Instruction.Kind.NOP
                    && instruction.kind() != Instruction.Kind.INT3) {
                return false;
            }
            at += instruction.length();
        }
        return true;
    }
}
