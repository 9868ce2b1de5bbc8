import dev.rebootless.elf.ElfObject;
import dev.rebootless.elf.ElfReader;
import dev.rebootless.elf.ElfRelocation;
import dev.rebootless.elf.ElfSection;
import dev.rebootless.elf.ElfSymbol;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * What a file defines beside code: the third denominator counts files in which it is equal. Data that
 * only the starting kernel reads ({@code .init.data}, {@code .init.rodata}) are data like others.
 */
final class NamedData {
    /** What the compiler names, or numbers anew whenever a line moves. */
    private static final Pattern COMPILER_MADE =
            Pattern.compile("__func__|__FUNCTION__|__PRETTY_FUNCTION__|CSWTCH|__UNIQUE_ID.*|\\.LC.*");

    private NamedData() {}

    /** Name, size and content of each datum, with how many there are of them. */
    static Map<String, Integer> of(Path object) throws IOException {
        Map<String, Integer> data = new HashMap<>();
        ElfObject elf = ElfReader.read(object);
        for (ElfSymbol symbol : elf.symbols()) {
            ElfSection section = symbol.section().filter(ElfSection::isAllocated).orElse(null);
            if (section == null || !symbol.isObject()) {
                continue;
            }
            String name = symbol.name().replaceAll("\\.[0-9]+$", "");
            if (COMPILER_MADE.matcher(name).matches() || section.name().startsWith(".modinfo")) {
                continue;
            }
            byte[] bytes =
                    section.isNobits()
                            ? new byte[0]
                            : Arrays.copyOfRange(
                                    section.content(),
                                    (int) symbol.value(),
                                    (int) Math.min(section.size(), symbol.value() + symbol.size()));
            String points = pointers(elf, section, symbol);
            data.merge(
                    name + " " + symbol.size() + " " + Arrays.hashCode(bytes) + points,
                    1,
                    Integer::sum);
        }
        // Tables that the linker gathers are data, whatever their entries are called: exports
        // (include/asm-generic/export.h; of 6.12 include/linux/export.h), PCI quirks
        // (include/linux/pci.h).
        for (ElfSection section : elf.sections()) {
            if (section.name().startsWith("___ksymtab")
                    || section.name().equals(".export_symbol")
                    || section.name().startsWith(".pci_fixup")) {
                data.merge(section.name() + " " + section.size(), 1, Integer::sum);
            }
        }
        return data;
    }

    /** What the fields of a datum point to, by name: their bytes are zero in an object. */
    private static String pointers(ElfObject elf, ElfSection section, ElfSymbol of) {
        return elf.relocations(section).stream()
                .filter(r -> r.offset() >= of.value() && r.offset() < of.value() + of.size())
                .filter(r -> !name(r).isEmpty())
                .map(r -> " " + (r.offset() - of.value()) + ":" + name(r))
                .sorted()
                .reduce("", String::concat);
    }

    /**
     * Of static functions and data the assembler names the section, which is theirs alone. Of what
     * the compiler made, strings above all, neither name nor place says anything.
     */
    private static String name(ElfRelocation relocation) {
        String name = relocation.symbol().label().replaceAll("\\.[0-9]+$", "");
        return COMPILER_MADE.matcher(name).matches() || name.matches("\\.rodata\\..*(str|cst)") ? "" : name;
    }
}
