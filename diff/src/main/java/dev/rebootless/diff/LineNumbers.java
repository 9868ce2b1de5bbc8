package dev.rebootless.diff;

import dev.rebootless.elf.Elf;
import dev.rebootless.elf.ElfSymbol;
import dev.rebootless.elf.x86.Instruction;
import dev.rebootless.elf.x86.OpcodeMap;
import dev.rebootless.elf.x86.X86Decoder;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * Finds the source lines that code hands to functions which report them: {@code __FILE__, __LINE__}
 * side by side among the arguments, as in {@code ASSERT_RTNL()} (include/linux/rtnetlink.h), {@code
 * pgd_ERROR()} (arch/x86/include/asm/pgtable_64.h) and {@code might_sleep()}. A line that moves is
 * no change of such a function:
 *
 * <pre>
 *   mov  $0x503,%edx      the line: the constant in the argument register after the file's
 *   mov  $.LC7,%rsi       the file: "net/core/dev.c"
 *   mov  $.LC8,%rdi
 *   call __warn_printk
 * </pre>
 *
 * <p>Only constants whose way into the call is followed instruction by instruction count; at any
 * instruction that is not understood here, all that was known is forgotten.
 */
final class LineNumbers {
    /** What {@code __FILE__} is in a header of a kernel build: a path with a folder. */
    private static final Pattern HEADER = Pattern.compile("[\\w.+-]*/[\\w./+-]+\\.h");

    /** {@code __FILE__ ":" __stringify(__LINE__)}, as in include/linux/fortify-string.h. */
    private static final Pattern LINE_IN_TEXT = Pattern.compile("([\\w./+-]+\\.[chS]:)\\d+");

    /** System V psABI 3.2.3, in order: rdi, rsi, rdx, rcx, r8, r9. */
    private static final List<Integer> ARGUMENTS = List.of(7, 6, 2, 1, 8, 9);

    private final Item item;
    private final Set<String> units;
    private final Set<Integer> lines = new HashSet<>();
    private final Set<Integer> files = new HashSet<>();
    private final Map<Integer, Integer> constants = new HashMap<>();

    private LineNumbers(Item item, Set<String> units) {
        this.item = item;
        this.units = units;
    }

    /** The offsets, relative to the function, of the fields of four bytes that hold such lines. */
    static Set<Integer> in(ObjectModel model, Item function) {
        LineNumbers finder = new LineNumbers(function, units(model));
        Map<Integer, Target> targets = new HashMap<>();
        boolean namesFile = false;
        for (Reference reference : model.references(function)) {
            targets.put((int) reference.offset(), reference.target());
            namesFile |= finder.isFile(Optional.of(reference.target()));
        }
        if (!namesFile) {
            return Set.of();
        }
        finder.find(targets);
        return Set.copyOf(finder.lines);
    }

    /** The offsets, relative to the function, of its address fields that point at a file's name. */
    static Set<Long> files(ObjectModel model, Item function) {
        LineNumbers finder = new LineNumbers(function, units(model));
        Set<Long> files = new HashSet<>();
        for (Reference reference : model.references(function)) {
            if (finder.isFile(Optional.of(reference.target()))) {
                files.add(reference.offset());
            }
        }
        return files;
    }

    /** True if two texts are equal but for lines that stand right after a file's name. */
    static boolean sameText(String ours, String theirs) {
        return ours.equals(theirs)
                || LINE_IN_TEXT
                        .matcher(ours)
                        .replaceAll("$1")
                        .equals(LINE_IN_TEXT.matcher(theirs).replaceAll("$1"));
    }

    /** The names of the sources that the object says it was made from. */
    private static Set<String> units(ObjectModel model) {
        Set<String> units = new HashSet<>();
        for (ElfSymbol symbol : model.object().symbols()) {
            if (symbol.type() == Elf.STT_FILE) {
                units.add(symbol.name());
            }
        }
        return units;
    }

    /** Whether it is the unit's own path or that of a header, and not any text with a dot in it. */
    private boolean isFile(Optional<Target> target) {
        if (target.isPresent()
                && target.get()
                        instanceof Target.Text(var section, long offset, long displacement)) {
            String text = Strings.at(section, offset);
            return HEADER.matcher(text).matches()
                    || units.stream().anyMatch(u -> text.equals(u) || text.endsWith("/" + u));
        }
        return false;
    }

    private void find(Map<Integer, Target> targets) {
        byte[] code = item.section().content();
        int start = (int) item.offset();
        for (int at = start; at < item.end(); ) {
            Instruction instruction = X86Decoder.decode(code, at, (int) item.end());
            at = instruction.end();
            switch (instruction.kind()) {
                case MOV_IMMEDIATE_TO_REGISTER -> {
                    int field = instruction.immediate().offset() - start;
                    setConstant(instruction, field, Optional.ofNullable(targets.get(field)));
                }
                case LEA -> {
                    int field = instruction.displacement().offset() - start;
                    forget(instruction.register().orElseThrow());
                    if (isFile(Optional.ofNullable(targets.get(field)))) {
                        files.add(instruction.register().orElseThrow());
                    }
                }
                case CALL_RELATIVE, CALL_INDIRECT, JUMP_RELATIVE, JUMP_INDIRECT -> {
                    arguments();
                    forgetAll();
                }
                case OTHER -> other(instruction, code);
                case NOP -> {}
                case JUMP_CONDITIONAL, RETURN, ENDBR64, INT3, UD2, UD1, UNKNOWN -> forgetAll();
            }
        }
    }

    private void setConstant(Instruction instruction, int field, Optional<Target> target) {
        int register = instruction.register().orElseThrow();
        forget(register);
        if (isFile(target)) {
            files.add(register);
        } else if (target.isEmpty() && instruction.immediate().size() == 4) {
            constants.put(register, field);
        }
    }

    /** At a call: the constant in the argument after a file's name is its line. */
    private void arguments() {
        for (int i = 0; i + 1 < ARGUMENTS.size(); i++) {
            Integer field = constants.get(ARGUMENTS.get(i + 1));
            if (files.contains(ARGUMENTS.get(i)) && field != null) {
                lines.add(field);
            }
        }
    }

    /** Moves between registers and memory (SDM volume 2: 89, 8B, C6, C7) write what they name. */
    private void other(Instruction instruction, byte[] code) {
        int at = instruction.offset();
        while (at < instruction.end() && isLegacyPrefix(code[at] & 0xff)) {
            at++;
        }
        int rex = (code[at] & 0xf0) == 0x40 ? code[at++] : 0;
        boolean understood = instruction.map() == OpcodeMap.ONE_BYTE && at + 1 < instruction.end();
        int opcode = understood ? code[at] & 0xff : -1;
        int modRm = understood ? code[at + 1] & 0xff : 0;
        boolean toRegister = modRm >= 0xc0;
        switch (opcode) {
            case 0x89 -> {
                if (toRegister) {
                    forget((modRm & 7) + ((rex & 1) << 3));
                }
            }
            case 0x8b -> forget((modRm >> 3 & 7) + ((rex & 4) << 1));
            case 0xc6, 0xc7 -> {
                if (toRegister) {
                    forgetAll();
                }
            }
            default -> forgetAll();
        }
    }

    private static boolean isLegacyPrefix(int value) {
        return switch (value) {
            case 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3 -> true;
            default -> false;
        };
    }

    private void forget(int register) {
        files.remove(register);
        constants.remove(register);
    }

    private void forgetAll() {
        files.clear();
        constants.clear();
    }
}
