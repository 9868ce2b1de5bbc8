package dev.rebootless.livepatch;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.kernel.Btf;

/** Structures that a module is made of or reads, as the kernel's BTF has them. */
final class Layouts {
    private Layouts() {}

    /**
     * A structure by its name.
     *
     * @throws RebootlessException exit status 4, {@code RBL-BTF}, when the kernel has none
     */
    static Btf.Struct struct(Btf btf, String name) {
        return btf.struct(name).orElseThrow(() -> unknown(name));
    }

    /**
     * Where a structure has a field, in bytes.
     *
     * @throws RebootlessException exit status 4, {@code RBL-BTF}, when it has none of that name
     */
    static int offset(Btf.Struct struct, String field) {
        return struct.field(field)
                .map(Btf.Field::offset)
                .orElseThrow(() -> unknown(struct.name() + "." + field));
    }

    static RebootlessException unknown(String name) {
        return RebootlessException.refused(
                "RBL-BTF",
                name,
                "the kernel's BTF does not describe it",
                "use a kernel with CONFIG_LIVEPATCH, CONFIG_MODVERSIONS and CONFIG_DEBUG_INFO_BTF, of a version that has it");
    }
}
