package dev.rebootless.kernel;

import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * The code of one target object as the distribution shipped it: what a rebuilt unit is compared
 * with, and where a livepatch finds what it replaces and refers to.
 *
 * <p>Both forms answer in addresses. Those of {@link KernelImage} are the linked ones; those of
 * {@link ModuleImage} are chosen here, since a module has none before it is loaded. Neither is
 * where the code will run; they only tell places apart.
 */
public sealed interface ShippedCode permits KernelImage, ModuleImage {
    /** The name of the target object of everything that is linked into the kernel image. */
    String VMLINUX = "vmlinux";

    /** The target object: {@link #VMLINUX}, or a module's name as {@code /proc/modules} has it. */
    String target();

    /**
     * The bytes at an address as they are in the file.
     *
     * @throws dev.rebootless.base.RebootlessException {@code RBL-KERNEL-ADDRESS} when they are not
     *     all in one section
     */
    byte[] read(long address, int length);

    /** Whether an address is in a section of code, that of init code included. */
    boolean isText(long address);

    /** The symbols, by address. */
    KernelSymbols symbols();

    /** The table about places in code that a section is, or became; empty when there is none. */
    Optional<CodeTable> codeTable(String section);

    /**
     * The first place from {@code start} on and below {@code end} at which ftrace can take over.
     */
    OptionalLong fentrySiteWithin(long start, long end);

    /** Whether what is at an address is freed once the kernel, or the module, is initialized. */
    boolean isInit(long address);

    /**
     * What a livepatch gives as the place of a symbol among its namesakes: 0 when the name is
     * unique, else n for the n-th as the kernel counts them in this target object.
     *
     * @return empty when the kernel may count differently before and after initialization, so that
     *     no number is sure
     */
    OptionalInt sympos(KernelSymbol symbol);

    /**
     * Where code of this target object calls, or jumps to, an address by its distance; calls
     * through pointers are not seen.
     *
     * @return addresses within these instructions, in no order
     */
    List<Long> callSites(long address);

    /** The functions with such places ({@link #callSites}), each once. */
    default List<KernelSymbol> callers(long address) {
        return callSites(address).stream()
                .flatMap(site -> symbols().containing(site).stream())
                .distinct()
                .toList();
    }
}
