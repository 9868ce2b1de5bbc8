package dev.rebootless.kernel;

import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.elf.Elf;
import dev.rebootless.elf.ElfObject;
import dev.rebootless.elf.ElfReader;
import dev.rebootless.elf.ElfSection;
import dev.rebootless.elf.ElfSymbol;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * A kernel module as shipped: a {@code .ko}, plain or compressed, signed or not. Immutable.
 *
 * <p>What counts here is its symbol table, local names and order included: a livepatch names a
 * symbol of a module by its place among its namesakes in that order.
 */
public final class KernelModule {
    /** The largest distribution module has some 30 MB with its debug data stripped. */
    private static final int MAX_BYTES = 512 << 20;

    /**
     * At the very end of a signed module (MODULE_SIG_STRING in include/linux/module_signature.h).
     */
    private static final byte[] SIGNED =
            "~Module signature appended~\n".getBytes(StandardCharsets.US_ASCII);

    /** struct module_signature of the same file, before that mark. */
    private static final int SIGNATURE_BYTES = 12;

    private static final int SIGNER_LENGTH = 3;
    private static final int KEY_ID_LENGTH = 4;

    /** Big endian. */
    private static final int SIGNATURE_LENGTH = 8;

    private final ElfObject object;
    private final String name;
    private final String vermagic;
    private final boolean signed;
    private final int unsignedLength;
    private final List<ElfSymbol> symbols;

    private KernelModule(
            ElfObject object, String name, String vermagic, boolean signed, int unsignedLength) {
        this.object = object;
        this.name = name;
        this.vermagic = vermagic;
        this.signed = signed;
        this.unsignedLength = unsignedLength;
        this.symbols =
                object.symbols().stream()
                        .filter(s -> !s.isUndefined() && !s.name().isEmpty())
                        .filter(s -> s.type() != Elf.STT_FILE && !s.isSectionSymbol())
                        .toList();
    }

    /**
     * Reads a file.
     *
     * @throws IOException when it cannot be read
     * @throws RebootlessException {@code RBL-KERNEL-MODULE} when it is no module, or damaged
     */
    public static KernelModule read(Path file) throws IOException {
        if (Files.size(file) > MAX_BYTES) {
            throw BadFile.MODULE.problem(
                    file.toString(), "it has more than " + MAX_BYTES + " bytes");
        }
        return read(Files.readAllBytes(file), file.toString());
    }

    /**
     * Reads a module from the bytes of its file.
     *
     * @param place what to call it in a message
     * @throws RebootlessException {@code RBL-KERNEL-MODULE} when it is no module, or damaged
     */
    public static KernelModule read(byte[] file, String place) {
        byte[] plain = plain(file, place);
        int length = unsignedLength(plain, place);
        ElfObject object;
        try {
            object = ElfReader.read(length == plain.length ? plain : Arrays.copyOf(plain, length));
        } catch (RebootlessException e) {
            Problem first = e.problems().getFirst();
            throw BadFile.MODULE.problem(place, first.message());
        }
        if (object.header().type() != Elf.ET_REL) {
            throw BadFile.MODULE.problem(place, "it is an ELF file, but no kernel module");
        }
        return new KernelModule(
                object,
                required(object, "name", place),
                required(object, "vermagic", place),
                length != plain.length,
                length);
    }

    /**
     * A module's file without its compression, as a plain insmod takes it; a signature stays. What
     * is not compressed comes back as it is. The result may be no module.
     *
     * @param place what to call it in a message
     * @throws RebootlessException {@code RBL-KERNEL-MODULE} when it is damaged, or larger than any
     *     module
     */
    public static byte[] plain(byte[] file, String place) {
        Optional<Compression> compression = Compression.at(file, 0);
        if (compression.isEmpty()) {
            return file;
        }
        try {
            long expected = Math.min(MAX_BYTES, 4L * file.length + 1);
            return compression.get().decompress(file, 0, file.length, (int) expected, MAX_BYTES);
        } catch (IOException e) {
            throw BadFile.MODULE.problem(
                    place,
                    "it cannot be decompressed (" + compression.get() + "): " + e.getMessage());
        }
    }

    /** How many bytes there are without the signature, as mod_verify_sig() counts them. */
    private static int unsignedLength(byte[] file, String place) {
        int mark = file.length - SIGNED.length;
        if (mark < 0 || !Arrays.equals(file, mark, file.length, SIGNED, 0, SIGNED.length)) {
            return file.length;
        }
        int block = mark - SIGNATURE_BYTES;
        if (block >= 0) {
            long signature =
                    Integer.toUnsignedLong(
                            Integer.reverseBytes(Foreign.int32(file, block + SIGNATURE_LENGTH)));
            long rest =
                    block
                            - signature
                            - (file[block + SIGNER_LENGTH] & 0xFF)
                            - (file[block + KEY_ID_LENGTH] & 0xFF);
            if (rest > 0) {
                return (int) rest;
            }
        }
        throw BadFile.MODULE.problem(place, "its signature is longer than the file");
    }

    private static String required(ElfObject object, String key, String place) {
        return values(object, key).stream()
                .findFirst()
                .orElseThrow(() ->
                        BadFile.MODULE.problem(
                                place, "its .modinfo has no " + key + ": it is no kernel module"));
    }

    /** {@code .modinfo} is a row of {@code key=value}, each with a zero at its end. */
    private static List<String> values(ElfObject object, String key) {
        Optional<ElfSection> section = object.section(".modinfo");
        if (section.isEmpty()) {
            return List.of();
        }
        byte[] content = section.get().content();
        byte[] wanted = (key + "=").getBytes(StandardCharsets.UTF_8);
        List<String> values = new ArrayList<>();
        int at = 0;
        while (at < content.length) {
            int end = at;
            while (end < content.length && content[end] != 0) {
                end++;
            }
            int value = at + wanted.length;
            if (value <= end && Arrays.equals(content, at, value, wanted, 0, wanted.length)) {
                values.add(new String(content, value, end - value, StandardCharsets.UTF_8));
            }
            at = end + 1;
        }
        return List.copyOf(values);
    }

    /** The name that the kernel knows it by, such as {@code nf_tables}. */
    public String name() {
        return name;
    }

    /** What must be equal in the kernel and in a module that it loads: release and some options. */
    public String vermagic() {
        return vermagic;
    }

    /** The values of a key in {@code .modinfo}, such as {@code depends}, in order; often none. */
    public List<String> modinfo(String key) {
        return values(object, key);
    }

    /** The build id, in lower-case hexadecimal digits (NT_GNU_BUILD_ID); empty when it has none. */
    public Optional<String> buildId() {
        return object.sections().stream()
                .filter(s -> s.type() == Elf.SHT_NOTE && s.size() <= Notes.MAX_BYTES)
                .flatMap(s -> Notes.buildId(s.content()).stream())
                .findFirst();
    }

    /** Whether a signature was behind it. Whose it is, and whether it holds, was not looked at. */
    public boolean isSigned() {
        return signed;
    }

    /** How many bytes it has, decompressed, before its signature. */
    public int unsignedLength() {
        return unsignedLength;
    }

    /** All of it, without the signature. */
    public ElfObject object() {
        return object;
    }

    public List<ElfSection> sections() {
        return object.sections();
    }

    /**
     * The symbols that it defines, local and global, in the order of the symbol table; without
     * those of files and sections, which have no name to look them up by.
     */
    public List<ElfSymbol> symbols() {
        return symbols;
    }

    /** Those of {@link #symbols} with this name. */
    public List<ElfSymbol> symbolsNamed(String wanted) {
        return symbols.stream().filter(s -> s.name().equals(wanted)).toList();
    }

    /**
     * What a livepatch gives as the place of a symbol among its namesakes: 0 when the name is
     * unique, else n for the n-th in the symbol table. The kernel counts all defined symbols of the
     * name in that order, whatever their address (module_kallsyms_on_each_symbol() in
     * kernel/module/kallsyms.c); those in init sections only until the module has been initialized.
     * So a namesake {@link #isInit} makes every other one ambiguous.
     *
     * @throws IllegalArgumentException when the symbol is not one of these
     */
    public int sympos(ElfSymbol symbol) {
        List<ElfSymbol> namesakes = symbolsNamed(symbol.name());
        for (int i = 0; i < namesakes.size(); i++) {
            if (namesakes.get(i) == symbol) {
                return namesakes.size() == 1 ? 0 : i + 1;
            }
        }
        throw new IllegalArgumentException("not a symbol of this module: " + symbol);
    }

    /** Whether a symbol is freed once the module is initialized (module_init_section()). */
    public boolean isInit(ElfSymbol symbol) {
        return symbol.section().filter(s -> s.name().startsWith(".init")).isPresent();
    }
}
