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
    /**
     * Makefile, Kbuild, Kconfig, linker scripts, configurations, {@code scripts/}, objtool, the
     * built-in initramfs.
     */
    BUILD_SYSTEM,
    /**
     * In {@code tools/}, but not known to be of a program beside the kernel only: {@code
     * kernel/bpf/Makefile} builds {@code tools/lib/bpf/relo_core.c} into vmlinux, and programs that
     * make the kernel include {@code tools/include}.
     */
    SHARED_WITH_TOOLS,
    /** Text for people: no object is built from it. */
    DOCUMENTATION,
    /** Programs beside the kernel, in {@code tools/} and {@code samples/}. */
    TOOLING,
    /**
     * Anything else, such as {@code .tbl}, {@code .asn1} or {@code x86-opcode-map.txt}: code may be
     * generated from it.
     */
    OTHER;

    private static final Set<String> PROSE_NAMES =
            Set.of("MAINTAINERS", "CREDITS", "COPYING", "README", "CODEOWNERS");

    /**
     * The folders of {@code tools/} with nothing in them that the kernel or its build uses. What is
     * not here, such as a folder that a later kernel adds, counts as used. {@code FileKindTest}
     * looks through a kernel's Makefiles and includes for what this list gets wrong.
     */
    private static final Set<String> PROGRAM_FOLDERS =
            Set.of(
                    "accounting",
                    "bootconfig",
                    "certs",
                    "cgroup",
                    "counter",
                    "debugging",
                    "edid",
                    "firewire",
                    "firmware",
                    "gpio",
                    "hv",
                    "iio",
                    "io_uring",
                    "kvm",
                    "laptop",
                    "leds",
                    "memory-model",
                    "mm",
                    "net",
                    "pci",
                    "pcmcia",
                    "perf",
                    "power",
                    "rcu",
                    "sched_ext",
                    "spi",
                    "testing",
                    "thermal",
                    "time",
                    "tracing",
                    "usb",
                    "verification",
                    "virtio",
                    "vm",
                    "wmi",
                    "workqueue",
                    "writeback");

    /**
     * What the kernel takes from those folders nevertheless: {@code lib/test_bitmap.c} and others
     * include the one, {@code drivers/nvdimm/Makefile} can build from the other.
     */
    private static final Set<String> TAKEN_FROM_PROGRAMS =
            Set.of(
                    "tools/testing/selftests/kselftest_module.h",
                    "tools/testing/nvdimm/test/iomap.c");

    /** The kind of a file, by its path relative to the tree, with {@code /} between names. */
    public static FileKind of(String path) {
        String name = path.substring(path.lastIndexOf('/') + 1);
        if (path.startsWith("Documentation/") || path.startsWith("LICENSES/")) {
            return DOCUMENTATION;
        }
        if (path.startsWith("tools/")) {
            return ofTools(path);
        }
        // Debian builds none of the samples, which are modules of their own. usr/include is only
        // compiled to see that it compiles.
        if (path.startsWith("samples/") || path.startsWith("usr/include/")) {
            return TOOLING;
        }
        // The rest of usr/ makes the initramfs inside the image; arch/x86/tools/relocs writes into
        // the image.
        if (path.startsWith("scripts/")
                || path.startsWith("usr/")
                || path.matches("arch/[^/]+/tools/.*")
                || isBuildFile(name)) {
            return BUILD_SYSTEM;
        }
        // A .txt elsewhere may be the source of code, as arch/x86/lib/x86-opcode-map.txt is.
        if (PROSE_NAMES.contains(name)
                || name.endsWith(".rst")
                || (name.endsWith(".txt") && path.contains("/Documentation/"))
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
            case C_SOURCE, HEADER, ASSEMBLER, BUILD_SYSTEM, SHARED_WITH_TOOLS, OTHER -> true;
            case DOCUMENTATION, TOOLING -> false;
        };
    }

    private static FileKind ofTools(String path) {
        String below = path.substring("tools/".length());
        String folder = below.substring(0, Math.max(below.indexOf('/'), 0));
        // These make what is loaded, or build what does.
        if (Set.of("objtool", "build", "scripts").contains(folder)
                || below.startsWith("bpf/resolve_btfids/")) {
            return BUILD_SYSTEM;
        }
        boolean program = PROGRAM_FOLDERS.contains(folder) || folder.equals("bpf");
        return program && !TAKEN_FROM_PROGRAMS.contains(path) ? TOOLING : SHARED_WITH_TOOLS;
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
