package dev.rebootless.kernel;

import dev.rebootless.base.RebootlessException;

/**
 * The problems that foreign bytes give rise to, each with the code of the kind of file it is in.
 */
enum BadFile {
    /** A boot image (bzImage) or a kernel image (vmlinux). */
    IMAGE(
            "RBL-KERNEL-IMAGE",
            "use the vmlinuz of an x86-64 image package as it was shipped; fetch the package again if it may be damaged"),
    /** The symbol table inside an image. */
    KALLSYMS(
            "RBL-KERNEL-KALLSYMS",
            "use a kernel built with CONFIG_KALLSYMS and CONFIG_KALLSYMS_ALL, and its vmlinuz as it was shipped"),
    /** The type information inside an image. */
    BTF(
            "RBL-KERNEL-BTF",
            "use a kernel built with CONFIG_DEBUG_INFO_BTF, and its vmlinuz as it was shipped"),
    /** A module file. */
    MODULE(
            "RBL-KERNEL-MODULE",
            "use the .ko of the image package as it was shipped; fetch the package again if it may be damaged"),
    /** {@code Module.symvers}. */
    SYMVERS(
            "RBL-KERNEL-SYMVERS",
            "use the Module.symvers of the headers package as it was shipped; fetch the package again if it may be damaged"),
    /** A {@code .config}. */
    CONFIG("RBL-KERNEL-CONFIG", "use the config of the image or headers package as it was shipped");

    private final String code;
    private final String remedy;

    BadFile(String code, String remedy) {
        this.code = code;
        this.remedy = remedy;
    }

    /**
     * The problem as an exception (exit status 2: what was given is at fault).
     *
     * @param place the file, section or line, may be empty
     * @param message what is the matter with it
     */
    RebootlessException problem(String place, String message) {
        return RebootlessException.usage(code, place, message, remedy);
    }
}
