package dev.rebootless.source.patch;

import java.util.Set;

/**
 * What a file of the kernel tree is to the build, told by its path alone. The layout is the one of
 * the kernel's own tree ({@code Documentation/kbuild/makefiles.rst} for the build files).
 */
public enum FileKind {
    /** A {@code .c} file that a kernel object may be built from. */
    C_SOURCE,
    /** A header: any number of units may include it. */
    HEADER,
    /** Assembler: {@code .S}, {@code .s}. */
    ASSEMBLER,
    /** Makefile, Kbuild, Kconfig, linker scripts, configurations, {@code scripts/}, objtool. */
    BUILD_SYSTEM,
    /** Text for people: no object is built from it. */
    DOCUMENTATION,
    /** Programs beside the kernel ({@code tools/}, {@code samples/}, {@code usr/}). */
    TOOLING,
    /** Anything else, such as {@code .tbl} or {@code .asn1}: code may be generated from it. */
    OTHER;

    private static final Set<String> PROSE_NAMES =
            Set.of("MAINTAINERS", "CREDITS", "COPYING", "README", "CODEOWNERS");

    /** The kind of a file, by its path relative to the tree, with {@code /} between names. */
    public static FileKind of(String path) {
        String name = path.substring(path.lastIndexOf('/') + 1);
        if (path.startsWith("Documentation/") || path.startsWith("LICENSES/")) {
            return DOCUMENTATION;
        }
        // objtool and its build rules make what is loaded; the rest of tools/ makes programs.
        if (path.startsWith("tools/objtool/") || path.startsWith("tools/build/")) {
            return BUILD_SYSTEM;
        }
        if (path.startsWith("tools/") || path.startsWith("samples/") || path.startsWith("usr/")) {
            return TOOLING;
        }
        if (path.startsWith("scripts/") || isBuildFile(name)) {
            return BUILD_SYSTEM;
        }
        if (PROSE_NAMES.contains(name)
                || name.endsWith(".rst")
                || name.endsWith(".txt")
                || name.startsWith("README")
                || name.startsWith(".git")
                || name.equals(".mailmap")) {
            return DOCUMENTATION;
        }
        if (name.endsWith(".c")) {
            return C_SOURCE;
        }
        if (name.endsWith(".h")) {
            return HEADER;
        }
        if (name.endsWith(".S") || name.endsWith(".s")) {
            return ASSEMBLER;
        }
        return OTHER;
    }

    /** Whether a change of such a file can reach the running kernel's code. */
    public boolean reachesTheKernel() {
        return switch (this) {
            case C_SOURCE, HEADER, ASSEMBLER, BUILD_SYSTEM, OTHER -> true;
            case DOCUMENTATION, TOOLING -> false;
        };
    }

    private static boolean isBuildFile(String name) {
        return name.startsWith("Makefile")
                || name.startsWith("Kbuild")
                || name.startsWith("Kconfig")
                || name.endsWith(".mk")
                || name.endsWith(".lds")
                || name.endsWith(".lds.S")
                || name.endsWith("config");
    }
}
