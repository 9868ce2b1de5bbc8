package dev.rebootless.kernel;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * What vmlinux and the modules export, with the checksums of CONFIG_MODVERSIONS: a {@code
 * Module.symvers}, as write_dump() of scripts/mod/modpost.c writes it (Documentation/kbuild/
 * modules.rst, "Symbols From the Kernel"). A line has a CRC, a symbol, a module, the kind of export
 * and a namespace, which may be empty, with tabs between them. Immutable.
 */
public final class SymbolVersions {
    /** A generic kernel's has some 2 MB. */
    private static final int MAX_FILE_BYTES = 64 << 20;

    private static final String VMLINUX = "vmlinux";
    private static final String PLAIN = "EXPORT_SYMBOL";
    private static final String GPL = "EXPORT_SYMBOL_GPL";

    private final Map<String, Export> exports;

    private SymbolVersions(Map<String, Export> exports) {
        this.exports = exports;
    }

    /**
     * An exported symbol.
     *
     * @param crc of its type, all 32 bits
     * @param module {@code vmlinux}, or the path of the module in the build without its {@code
     *     .ko}, such as {@code fs/smb/client/cifs}
     * @param gplOnly whether only modules under the GPL may use it
     * @param namespace that a module must import to use it, mostly empty
     */
    public record Export(String name, int crc, String module, boolean gplOnly, String namespace) {
        /** Whether vmlinux exports it, not a module. */
        public boolean fromVmlinux() {
            return module.equals(VMLINUX);
        }
    }

    /**
     * Reads a file.
     *
     * @throws IOException when it cannot be read
     * @throws dev.rebootless.base.RebootlessException {@code RBL-KERNEL-SYMVERS} when a line is not
     *     as it must be
     */
    public static SymbolVersions read(Path file) throws IOException {
        if (Files.size(file) > MAX_FILE_BYTES) {
            throw BadFile.SYMVERS.problem(
                    file.toString(), "it has more than " + MAX_FILE_BYTES + " bytes");
        }
        return parse(Files.readString(file, StandardCharsets.ISO_8859_1));
    }

    /**
     * Reads the text of a file.
     *
     * @throws dev.rebootless.base.RebootlessException {@code RBL-KERNEL-SYMVERS} when a line is not
     *     as it must be
     */
    public static SymbolVersions parse(String text) {
        Map<String, Export> exports = new LinkedHashMap<>();
        int line = 0;
        int at = 0;
        while (at < text.length()) {
            int end = text.indexOf('\n', at);
            if (end < 0) {
                end = text.length();
            }
            line++;
            Export export = export(text.substring(at, end), line);
            Export before = exports.put(export.name(), export);
            if (before != null) {
                throw bad(
                        line,
                        export.name()
                                + " is exported by "
                                + before.module()
                                + " and by "
                                + export.module());
            }
            at = end + 1;
        }
        return new SymbolVersions(exports);
    }

    private static Export export(String text, int line) {
        String[] fields = text.split("\t", -1);
        // The namespace came in 5.4; before, the line ended with the kind of export.
        if (fields.length != 4 && fields.length != 5) {
            throw bad(line, "there are " + fields.length + " fields, not 5");
        }
        if (fields[1].isEmpty() || fields[2].isEmpty()) {
            throw bad(line, "the symbol or its module is missing");
        }
        boolean gplOnly = fields[3].equals(GPL);
        if (!gplOnly && !fields[3].equals(PLAIN)) {
            throw bad(line, "\"" + fields[3] + "\" is no kind of export that is known");
        }
        return new Export(
                fields[1],
                crc(fields[0], line),
                fields[2],
                gplOnly,
                fields.length == 5 ? fields[4] : "");
    }

    private static int crc(String text, int line) {
        if (text.startsWith("0x") && text.length() <= 10) {
            try {
                return Integer.parseUnsignedInt(text, 2, text.length(), 16);
            } catch (NumberFormatException e) {
                // Said below.
            }
        }
        throw bad(line, "\"" + text + "\" is no CRC");
    }

    private static RuntimeException bad(int line, String message) {
        return BadFile.SYMVERS.problem("Module.symvers:" + line, message);
    }

    /** The export of a name; empty when nothing exports it. */
    public Optional<Export> export(String name) {
        return Optional.ofNullable(exports.get(name));
    }

    /** All, in the order of the file. */
    public Collection<Export> exports() {
        return Collections.unmodifiableCollection(exports.values());
    }
}
