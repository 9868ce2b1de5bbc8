package dev.rebootless.livepatch;

import dev.rebootless.kernel.KernelImage;
import dev.rebootless.kernel.ModuleImage;
import dev.rebootless.kernel.ShippedCode;
import dev.rebootless.kernel.SymbolVersions;

/** The kernel build that a livepatch is for, as the distribution shipped it. */
public interface ShippedKernel {
    KernelImage image();

    /** What vmlinux and the modules export. */
    SymbolVersions exports();

    /**
     * A module.
     *
     * @param name as {@code /proc/modules} has it
     * @throws dev.rebootless.base.RebootlessException when it is not shipped, or damaged
     */
    ModuleImage module(String name);

    /** The code of a target object, {@code vmlinux} or a module. */
    default ShippedCode code(String target) {
        return target.equals(ShippedCode.VMLINUX) ? image() : module(target);
    }
}
