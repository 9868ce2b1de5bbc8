package dev.rebootless.host;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;

/** What the kernel's errors mean when it is asked to load or remove a livepatch. */
final class Errno {
    /** include/uapi/asm-generic/errno-base.h and errno.h. */
    static final int EPERM = 1;

    static final int ENOENT = 2;
    static final int ENOEXEC = 8;
    static final int EAGAIN = 11;
    static final int ENOMEM = 12;
    static final int EBUSY = 16;
    static final int EEXIST = 17;
    static final int ENODEV = 19;
    static final int EINVAL = 22;
    static final int ENOSYS = 38;
    static final int EKEYREJECTED = 129;

    private Errno() {}

    /** Its name, or its number where it has none here. */
    static String name(int errno) {
        return switch (errno) {
            case EPERM -> "EPERM";
            case ENOENT -> "ENOENT";
            case ENOEXEC -> "ENOEXEC";
            case EAGAIN -> "EAGAIN";
            case ENOMEM -> "ENOMEM";
            case EBUSY -> "EBUSY";
            case EEXIST -> "EEXIST";
            case ENODEV -> "ENODEV";
            case EINVAL -> "EINVAL";
            case ENOSYS -> "ENOSYS";
            case EKEYREJECTED -> "EKEYREJECTED";
            default -> "error " + errno;
        };
    }

    /**
     * Why finit_module() of a livepatch gave it (kernel/module/main.c, kernel/livepatch/core.c).
     */
    static String ofInsertion(int errno) {
        return switch (errno) {
            case EPERM ->
                    "modules may not be loaded: not root, or kernel.modules_disabled is set, or the kernel is locked"
                            + " down";
            case ENOENT -> "a symbol that the module needs is not in this kernel";
            case ENOEXEC -> "the kernel does not take the file for a module of its own";
            case ENOMEM -> "there is not enough memory";
            case EBUSY -> "another transition is running, or a function is taken by another tracer";
            case EEXIST -> "a module of this name is loaded";
            case EINVAL ->
                    "the livepatch does not fit this kernel: a function was not found, or the livepatch core refused it";
            case ENOSYS -> "this kernel loads no modules";
            case EKEYREJECTED ->
                    "its signature is missing or of a key that this kernel does not trust";
            default -> "see the kernel log";
        };
    }

    /** The kernel does not do what it was asked for (exit status 7). */
    static RebootlessException kernelSaidNo(
            String code, String place, String message, String remedy) {
        return new RebootlessException(
                ExitStatus.KERNEL_SAID_NO, new Problem(code, place, message, remedy));
    }
}
