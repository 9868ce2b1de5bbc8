package dev.rebootless.diff;

import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Follows constants and names of files through the instructions of a function into its calls: the
 * constant in the argument register after that of a file's name is a line of that file, as in
 * {@link LineNumbers}. Whoever decodes tells it what each instruction does, and to forget all at
 * any instruction that is not understood.
 */
final class LineTracker {
    private final List<Integer> arguments;
    private final Set<Long> fileFields;
    private final Set<Long> fields = new HashSet<>();
    private final Set<Integer> files = new HashSet<>();
    private final Map<Integer, Constant> constants = new HashMap<>();
    private final Map<Integer, FieldBits> lines = new HashMap<>();

    private record Constant(long at, FieldBits bits) {}

    /**
     * @param arguments the registers that hand over the first arguments of a call, in order
     */
    LineTracker(ObjectModel model, Item function, List<Integer> arguments) {
        this.arguments = arguments;
        this.fileFields = LineNumbers.files(model, function);
        model.references(function).forEach(r -> fields.add(r.offset()));
    }

    /** Whether the function has any use for a file's name. */
    boolean seesFiles() {
        return !fileFields.isEmpty();
    }

    /** Whether there is an address field at an offset of the function. */
    boolean isField(long at) {
        return fields.contains(at);
    }

    /** A constant is loaded; an address field is none. */
    void constant(int register, long at, FieldBits bits) {
        forget(register);
        if (!isField(at)) {
            constants.put(register, new Constant(at, bits));
        }
    }

    /** A register is computed, of the address in the field at an offset if there is one. */
    void address(int register, long at) {
        forget(register);
        if (fileFields.contains(at)) {
            files.add(register);
        }
    }

    /**
     * What is in a register goes elsewhere too: if it is a constant, it may be more than a line.
     */
    void use(int register) {
        constants.remove(register);
    }

    /** A register is written. */
    void forget(int register) {
        files.remove(register);
        constants.remove(register);
    }

    /** An instruction that is not understood. */
    void forgetAll() {
        files.clear();
        constants.clear();
    }

    /** A call. */
    void call() {
        for (int i = 0; i + 1 < arguments.size(); i++) {
            Constant constant = constants.get(arguments.get(i + 1));
            if (files.contains(arguments.get(i)) && constant != null) {
                lines.put((int) constant.at(), constant.bits());
            }
        }
        forgetAll();
    }

    /** The fields that hold lines, by their offset in the function. */
    Map<Integer, FieldBits> lines() {
        return Map.copyOf(lines);
    }
}
