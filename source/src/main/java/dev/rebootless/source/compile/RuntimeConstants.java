package dev.rebootless.source.compile;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.elf.ElfReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/**
 * Constants that the booting kernel writes into its own code
 * (arch/x86/include/asm/runtime-const.h): the places are listed in sections {@code
 * runtime_TYPE_VARIABLE} of vmlinux, and those of modules are never looked at. Code in a module
 * would go on with the placeholder, {@code 0x0123456789abcdef}, as an address.
 *
 * <p>So what goes into a module is compiled with the form that the kernel has for other
 * architectures, which reads the variables.
 */
final class RuntimeConstants {
    private static final String HEADER = "arch/x86/include/asm/runtime-const.h";

    /** The form for architectures without: {@code #define runtime_const_ptr(sym) (sym)}. */
    private static final String PLAIN = "include/asm-generic/runtime-const.h";

    private static final String SECTION = "runtime_";

    private final Path tree;

    RuntimeConstants(Path tree) {
        this.tree = tree;
    }

    /** Whether the tree's kernel has such constants at all. */
    private boolean exist() {
        return Files.isRegularFile(tree.resolve(HEADER));
    }

    /** Whether code of an object has some. */
    boolean areIn(Path object) {
        try {
            if (!exist()) {
                return false;
            }
            byte[] bytes = Files.readAllBytes(object);
            // Most objects have none, and looking for the name, of which linkers write only the
            // longer of two with one end, is much faster than reading all.
            return new String(bytes, StandardCharsets.ISO_8859_1).contains(SECTION)
                    && ElfReader.read(bytes).sections().stream()
                            .anyMatch(s -> s.name().startsWith(SECTION));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * What takes the place of the header so that the variables are read: its path, and the file.
     *
     * @throws RebootlessException exit status 4 {@code RBL-RUNTIME-CONSTANT} when the tree has no
     *     such form
     */
    Map<String, Path> replacement() {
        Path plain = tree.resolve(PLAIN);
        if (!Files.isRegularFile(plain)) {
            throw RebootlessException.refused(
                    "RBL-RUNTIME-CONSTANT",
                    HEADER,
                    "the kernel writes constants into code of vmlinux while it boots, and the source has no"
                            + " other form of such code",
                    "install the fixed kernel and reboot");
        }
        return Map.of(HEADER, plain);
    }
}
