import dev.rebootless.elf.ElfObject;
import dev.rebootless.elf.ElfReader;
import dev.rebootless.elf.ElfSection;
import dev.rebootless.elf.ElfSymbol;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Pattern;

/** What a file defines beside code: the third denominator counts files in which it is equal. */
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
            if (COMPILER_MADE.matcher(name).matches()
                    || section.name().startsWith(".init")
                    || section.name().startsWith(".modinfo")) {
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
        // An export is data without a name of type object: a section for each
        // (include/asm-generic/export.h), or entries of one (include/linux/export.h of 6.12).
        for (ElfSection section : elf.sections()) {
            if (section.name().startsWith("___ksymtab") || section.name().equals(".export_symbol")) {
                data.merge(section.name() + " " + section.size(), 1, Integer::sum);
            }
        }
        return data;
    }

    /** What the fields of a datum point to, by name: their bytes are zero in an object. */
    private static String pointers(ElfObject elf, ElfSection section, ElfSymbol of) {
        return elf.relocations(section).stream()
                .filter(r -> r.offset() >= of.value() && r.offset() < of.value() + of.size())
                .filter(r -> !r.symbol().isSectionSymbol())
                .map(r -> " " + (r.offset() - of.value()) + ":" + r.symbol().name().replaceAll("\\.[0-9]+$", ""))
                .filter(p -> !COMPILER_MADE.matcher(p.substring(p.indexOf(':') + 1)).matches())
                .sorted()
                .reduce("", String::concat);
    }
}
