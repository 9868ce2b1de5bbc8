package dev.rebootless.source.compile;

import java.util.List;

/**
 * How kbuild compiles one translation unit. Every path in it is relative to the tree, which is also
 * the folder the compiler runs in.
 *
 * @param source the {@code .c} file
 * @param arguments the compiler's arguments without its name, the source, {@code -c}, the output
 *     and the dependency file; debug information is still asked for as kbuild does
 * @param objtool the arguments of the objtool run on the object, without the program and the
 *     object; empty where kbuild runs none on this unit
 * @param target the target object it becomes part of: {@code vmlinux}, or a module's name as the
 *     kernel shows it in {@code /proc/modules}
 * @param targetFile the composite object that kbuild links it into, without {@code .o}, such as
 *     {@code fs/proc/proc} or, for a module, the path of its {@code .ko} without that suffix
 */
public record UnitCommand(
        String source,
        List<String> arguments,
        List<String> objtool,
        String target,
        String targetFile) {
    /** The target object of everything that is linked into the kernel image. */
    public static final String VMLINUX = "vmlinux";

    public UnitCommand {
        arguments = List.copyOf(arguments);
        objtool = List.copyOf(objtool);
    }

    /** Whether the unit is part of the kernel image and not of a module. */
    public boolean inVmlinux() {
        return target.equals(VMLINUX);
    }

    /** The object as kbuild names it: the source with {@code .o} for {@code .c}. */
    public String object() {
        return source.substring(0, source.length() - 2) + ".o";
    }
}
