package dev.rebootless.diff;

import dev.rebootless.elf.Elf;
import dev.rebootless.elf.ElfRelocation;
import dev.rebootless.elf.ElfSection;
import dev.rebootless.elf.x86.Instruction;
import dev.rebootless.elf.x86.OpcodeMap;
import dev.rebootless.elf.x86.X86Decoder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** AMD64 psABI, table 4.9; Intel SDM volume 2. */
final class X86_64 implements Architecture {
    private static final int CMP_ACCUMULATOR = 0x3d;
    private static final int GROUP_1 = 0x81;
    private static final int CMP = 7;

    private final CodeReader code = new CodeReader();

    @Override
    public String name() {
        return "x86-64";
    }

    @Override
    public List<SpecialTable> tables() {
        return SpecialTable.X86_64;
    }

    @Override
    public Optional<FieldBits> field(int type) {
        return Optional.of(FieldBits.bytes(Elf.fieldSize(type)));
    }

    /** The assembler writes PLT32 for calls of global functions and PC32 for local ones. */
    @Override
    public int form(int type) {
        return type == Elf.R_X86_64_PLT32 ? Elf.R_X86_64_PC32 : type;
    }

    @Override
    public long reach(ElfSection section, ElfRelocation relocation) {
        if (!section.isExecutable()
                || (relocation.type() != Elf.R_X86_64_PC32
                        && relocation.type() != Elf.R_X86_64_PLT32)) {
            return 0;
        }
        return code.distanceToEnd(section, relocation.offset());
    }

    @Override
    public boolean isPadding(ElfSection section, long from, long to) {
        return CodeReader.isPadding(section, from, to);
    }

    @Override
    public List<Branch> branches(ElfSection section, long from, long to) {
        List<Branch> list = new ArrayList<>();
        byte[] content = section.content();
        for (int at = (int) from; at < to; ) {
            Instruction instruction = X86Decoder.decode(content, at, (int) to);
            at += instruction.length();
            if (instruction.target().isPresent()) {
                int field = instruction.displacement().offset();
                int type =
                        instruction.displacement().size() == 1
                                ? Elf.R_X86_64_PC8
                                : Elf.R_X86_64_PC32;
                list.add(new Branch(field, type, instruction.target().getAsLong(), at - field));
            }
        }
        return list;
    }

    /** call and jmp (E8, E9) and jcc (0F 80 to 0F 8F) with a distance: SDM volume 2, appendix A. */
    @Override
    public boolean isBranch(ElfSection section, long field, int type) {
        if (field < 2) {
            return true;
        }
        byte[] content = section.content();
        int opcode = content[(int) field - 1] & 0xff;
        return opcode == 0xe8
                || opcode == 0xe9
                || ((opcode & 0xf0) == 0x80 && (content[(int) field - 2] & 0xff) == 0x0f);
    }

    /** call with a distance (E8): SDM volume 2, appendix A. */
    @Override
    public boolean isCall(ElfSection section, long field, int type) {
        return field >= 1
                && (section.content()[(int) field - 1] & 0xff) == 0xe8
                && (type == Elf.R_X86_64_PC32 || type == Elf.R_X86_64_PLT32);
    }

    /**
     * cmp with an immediate of 32 bits (3D, and 81 /7): SDM volume 2, "CMP". With the kernel's code
     * model ({@code -mcmodel=kernel}) that is how gcc compares with an address.
     */
    @Override
    public boolean isCompared(ElfSection section, long from, long to, long field) {
        byte[] content = section.content();
        for (int at = (int) from; at < to; ) {
            Instruction instruction = X86Decoder.decode(content, at, (int) to);
            if (instruction.end() > field) {
                return instruction.map() == OpcodeMap.ONE_BYTE
                        && instruction.immediate().size() > 0
                        && instruction.immediate().offset() == field
                        && (instruction.opcode() == CMP_ACCUMULATOR
                                || (instruction.opcode() == GROUP_1
                                        && isExtendedBy(CMP, instruction, content)))
                        && mayAskForEquality(content, instruction.end(), (int) to);
            }
            at = instruction.end();
        }
        return false;
    }

    /**
     * Whether what comes after a comparison may ask for equality: the first jcc, setcc or cmovcc
     * (70 to 7F, 0F 80 to 8F, 90 to 9F, 40 to 4F: SDM volume 2, appendix B.1, condition 4 and 5).
     * Where a pointer walks within a string it is only asked whether it is beyond the begin.
     */
    private static boolean mayAskForEquality(byte[] content, int from, int to) {
        for (int at = from; at < to; ) {
            Instruction next = X86Decoder.decode(content, at, to);
            int group = next.opcode() & 0xf0;
            boolean conditional =
                    next.map() == OpcodeMap.ONE_BYTE
                            ? group == 0x70
                            : next.map() == OpcodeMap.MAP_0F
                                    && (group == 0x80 || group == 0x90 || group == 0x40);
            if (conditional) {
                return (next.opcode() & 0x0e) == 4;
            }
            boolean leavesFlags =
                    switch (next.kind()) {
                        case LEA, NOP, MOV_IMMEDIATE_TO_REGISTER -> true;
                        default ->
                                next.map() == OpcodeMap.ONE_BYTE
                                        && next.opcode() >= 0x88
                                        && next.opcode() <= 0x8b;
                    };
            if (!leavesFlags) {
                return true;
            }
            at = next.end();
        }
        return true;
    }

    /** The reg field of the ModRM byte, which comes right after the opcode. */
    private static boolean isExtendedBy(int extension, Instruction instruction, byte[] content) {
        int at = instruction.offset();
        while ((content[at] & 0xff) != instruction.opcode()) {
            at++;
        }
        return (content[at + 1] >> 3 & 7) == extension;
    }

    @Override
    public boolean mayReturn(ElfSection section, long from, long to) {
        for (int at = (int) from; at < to; ) {
            Instruction instruction = X86Decoder.decode(section.content(), at, (int) to);
            switch (instruction.kind()) {
                case RETURN, JUMP_INDIRECT, UNKNOWN -> {
                    return true;
                }
                default -> at += instruction.length();
            }
        }
        return false;
    }

    @Override
    public Map<Integer, FieldBits> lines(ObjectModel model, Item function) {
        Map<Integer, FieldBits> lines = new HashMap<>();
        LineNumbers.in(model, function).forEach(at -> lines.put(at, FieldBits.bytes(4)));
        return lines;
    }

    /** gcc has section anchors for machines only whose displacements are short. */
    @Override
    public boolean mayBeAnchor(ElfSection section, long field, int type) {
        return false;
    }

    @Override
    public Set<String> tracers() {
        return Set.of("__fentry__");
    }

    @Override
    public boolean isMappingSymbol(String symbol) {
        return false;
    }

    @Override
    public boolean isReplacements(String section) {
        return section.startsWith(".altinstr") || section.equals(".fixup");
    }

    @Override
    public boolean hasReplacementsInText() {
        return false;
    }

    @Override
    public int constantBytes(String section) {
        return 0;
    }

    @Override
    public boolean canExtract() {
        return true;
    }

    @Override
    public boolean allowsSharedFields() {
        return true;
    }
}
