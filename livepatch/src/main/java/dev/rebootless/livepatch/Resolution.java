package dev.rebootless.livepatch;

import dev.rebootless.kernel.ShippedCode;

/** What an undefined symbol of a livepatch module means in the running kernel. */
public sealed interface Resolution {
    /**
     * Exported by vmlinux: the module loader finds it by name and checks its CRC.
     *
     * @param crc as in Module.symvers
     * @param namespace that the livepatch must import for it (MODULE_IMPORT_NS), mostly empty
     */
    record Exported(String name, int crc, String namespace) implements Resolution {}

    /**
     * Not exported, or exported by a module that may come later: the livepatch core finds it in
     * kallsyms.
     *
     * @param object the target object that has it, {@code vmlinux} or a module
     * @param sympos which of several symbols of the name, from 1; 0 if the name is unique
     * @param writtenWith the target object at whose loading references to it are written: that of
     *     the code that refers to it, and {@code vmlinux}, that is, at once, for what vmlinux has.
     *     The kernel takes no reference to vmlinux in the relocations of a module
     *     (kernel/livepatch/core.c, klp_resolve_symbols)
     */
    record Klp(String object, String name, int sympos, String writtenWith) implements Resolution {
        /** Of vmlinux. */
        static Klp ofVmlinux(String name, int sympos) {
            return new Klp(ShippedCode.VMLINUX, name, sympos, ShippedCode.VMLINUX);
        }

        /** Whether references to it are written only when a module is loaded. */
        public boolean isLate() {
            return !writtenWith.equals(ShippedCode.VMLINUX);
        }

        /**
         * The name that the kernel parses (kernel/livepatch/core.c, klp_resolve_symbols;
         * Documentation/livepatch/module-elf-format.rst).
         */
        public String symbolName() {
            return ".klp.sym." + object + "." + name + "," + sympos;
        }
    }

    /** New, and carried in the same livepatch by the unit that defines it. */
    record Inside(String name) implements Resolution {}

    String name();
}
