package dev.rebootless.livepatch;

/** What an undefined symbol of a livepatch module means in the running kernel. */
public sealed interface Resolution {
    /**
     * Exported by vmlinux: the module loader finds it by name and checks its CRC.
     *
     * @param crc as in Module.symvers
     */
    record Exported(String name, int crc) implements Resolution {}

    /**
     * Not exported: the livepatch core finds it in kallsyms.
     *
     * @param object target object, {@code vmlinux}
     * @param sympos which of several symbols of the name, from 1; 0 if the name is unique
     */
    record Klp(String object, String name, int sympos) implements Resolution {
        /**
         * The name that the kernel parses (kernel/livepatch/core.c, klp_resolve_symbols;
         * Documentation/livepatch/module-elf-format.rst).
         */
        public String symbolName() {
            return ".klp.sym." + object + "." + name + "," + sympos;
        }
    }

    String name();
}
