package dev.rebootless.source.compile;

import dev.rebootless.source.sandbox.ProgramRoot;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A prepared kernel source tree, and how make and the compiler are called in it.
 *
 * @param folder the tree
 * @param unitCache a folder of this tree's own for compile commands and originals; made when it is
 *     not there
 * @param compiler the compiler's program name, such as {@code gcc-12}
 * @param makeArguments what the tree was prepared with, such as {@code CC=gcc-12}
 * @param programs where compiler, make and all that they start are taken from
 */
public record KernelTree(
        Path folder,
        Path unitCache,
        String compiler,
        List<String> makeArguments,
        ProgramRoot programs) {
    /**
     * What the top makefile includes and would otherwise remake, even under {@code -n}: the
     * prepared configuration is never made anew.
     */
    private static final List<String> PREPARED =
            List.of(
                    "prepare",
                    "include/config/auto.conf",
                    "include/config/auto.conf.cmd",
                    "include/generated/autoconf.h",
                    "syncconfig");

    public KernelTree {
        makeArguments = List.copyOf(makeArguments);
    }

    /** One for this machine's own programs. */
    public KernelTree(Path folder, Path unitCache, String compiler, List<String> makeArguments) {
        this(folder, unitCache, compiler, makeArguments, ProgramRoot.HOST);
    }

    /** The arguments of every call of make in the tree, without its targets. */
    List<String> make() {
        List<String> arguments = new ArrayList<>(makeArguments);
        // -o takes a file as it is. kbuild tries compiler options in TMPOUT and takes them as
        // unsupported
        // where it cannot write.
        PREPARED.forEach(made -> arguments.addAll(List.of("-o", made)));
        arguments.add("TMPOUT=/tmp/try");
        return arguments;
    }
}
