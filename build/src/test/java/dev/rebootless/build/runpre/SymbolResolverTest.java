package dev.rebootless.build.runpre;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.diff.Extraction;
import dev.rebootless.diff.Item;
import dev.rebootless.diff.ObjectModel;
import dev.rebootless.elf.ElfHeader;
import dev.rebootless.elf.ElfObject;
import dev.rebootless.elf.ElfSymbol;
import dev.rebootless.kernel.KernelSymbol;
import dev.rebootless.kernel.SymbolVersions;
import dev.rebootless.livepatch.OtherUnits;
import dev.rebootless.livepatch.Resolution;
import dev.rebootless.livepatch.SymbolResolver;
import dev.rebootless.livepatch.runpre.UnitMatch;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What the undefined symbols of an extracted object mean in the stock kernel. */
final class SymbolResolverTest {
    private static final UnitMatch NOTHING_PROVEN = new UnitMatch(Map.of(), Map.of(), Map.of());

    private final StockKit kit = StockKit.newest();
    private final ObjectModel unit = kit.original("fs/proc/version.c");

    private Map<ElfSymbol, Resolution> resolve(
            List<ElfSymbol> undefined, Map<ElfSymbol, ElfSymbol> originals, UnitMatch match) {
        ElfObject object =
                ElfObject.of(
                        ElfHeader.x86Relocatable(),
                        List.of(),
                        undefined,
                        List.of(),
                        List.of(),
                        Map.of());
        return SymbolResolver.resolve(
                new Extraction(object, List.of(), originals, Map.of()),
                unit,
                match,
                kit.kernel(),
                "vmlinux",
                OtherUnits.none());
    }

    private Resolution external(String name, UnitMatch match) {
        ElfSymbol symbol = ElfSymbol.undefined(name);
        return java.util.Objects.requireNonNull(
                resolve(List.of(symbol), Map.of(), match).get(symbol));
    }

    private Problem refusal(String name) {
        RebootlessException refused =
                catchThrowableOfType(
                        RebootlessException.class, () -> external(name, NOTHING_PROVEN));
        assertThat(refused).as("a refusal").isNotNull();
        assertThat(refused.status()).isEqualTo(ExitStatus.REFUSED);
        assertThat(refused.problems()).hasSize(1);
        assertThat(refused.problems().getFirst().place()).isEqualTo(name);
        return refused.problems().getFirst();
    }

    private Stream<KernelSymbol> symbols() {
        return java.util.stream.IntStream.range(0, kit.image().symbols().size())
                .mapToObj(kit.image().symbols()::get);
    }

    private List<KernelSymbol> named(String name) {
        // An oracle of its own: all symbols of the name, in kallsyms order.
        return symbols().filter(s -> s.name().equals(name)).toList();
    }

    /** The first name of static functions that occurs this often at different places. */
    private String nameOf(int count, Predicate<KernelSymbol> wanted) {
        return symbols()
                .filter(s -> s.type() == 't' && wanted.test(s))
                .map(KernelSymbol::name)
                .filter(name -> kit.image().symbols().named(name).size() == count)
                .filter(name -> kit.exports().export(name).isEmpty())
                .filter(name ->
                        kit.image().symbols().named(name).stream()
                                .allMatch(s -> wanted.test(s) && s.type() == 't'))
                .filter(name ->
                        kit.image().symbols().named(name).stream()
                                        .map(KernelSymbol::address)
                                        .distinct()
                                        .count()
                                == count)
                .findFirst()
                .orElseThrow();
    }

    private boolean isInit(KernelSymbol symbol) {
        return kit.image().initRange().contains(symbol.address());
    }

    @Test
    void whatTheKernelExportsStaysAnOrdinaryReferenceWithItsChecksum() {
        SymbolVersions.Export export = kit.exports().export("seq_printf").orElseThrow();

        assertThat(external("seq_printf", NOTHING_PROVEN))
                .isEqualTo(new Resolution.Exported("seq_printf", export.crc(), ""));
    }

    @Test
    void whatIsExportedIntoANamespaceIsImportedWithIt() {
        SymbolVersions.Export export =
                kit.exports().exports().stream()
                        .filter(e -> e.fromVmlinux() && !e.namespace().isEmpty())
                        .findFirst()
                        .orElseThrow();

        assertThat(external(export.name(), NOTHING_PROVEN))
                .isEqualTo(
                        new Resolution.Exported(export.name(), export.crc(), export.namespace()));
    }

    @Test
    void aNameThatOccursOnceIsBelievedAndHasNoPosition() {
        assertThat(external("linux_proc_banner", NOTHING_PROVEN))
                .isEqualTo(new Resolution.Klp("vmlinux", "linux_proc_banner", 0, "vmlinux"));
    }

    @Test
    void ofSeveralSymbolsOfANameTheProvenAddressTellsThePosition() {
        String name = nameOf(3, s -> !isInit(s));
        List<KernelSymbol> named = named(name);
        assertThat(named)
                .hasSize(3)
                .isSortedAccordingTo(Comparator.comparingLong(KernelSymbol::address));

        for (int i = 0; i < named.size(); i++) {
            UnitMatch match =
                    new UnitMatch(Map.of(), Map.of(name, named.get(i).address()), Map.of());
            assertThat(external(name, match))
                    .isEqualTo(new Resolution.Klp("vmlinux", name, i + 1, "vmlinux"));
        }
    }

    @Test
    void whatTheUnitDefinesIsWhereTheProofFoundIt() {
        Item function =
                unit.items().stream()
                        .filter(i -> i.name().equals("version_proc_show"))
                        .findFirst()
                        .orElseThrow();
        String name = nameOf(2, s -> !isInit(s));
        ElfSymbol undefined = ElfSymbol.undefined("version_proc_show");
        UnitMatch match =
                new UnitMatch(Map.of(function, named(name).get(1).address()), Map.of(), Map.of());

        // The address counts, not the name that the unit has for it.
        assertThat(
                        resolve(
                                List.of(undefined),
                                Map.of(undefined, function.symbols().getFirst()),
                                match))
                .containsEntry(undefined, new Resolution.Klp("vmlinux", name, 2, "vmlinux"));
    }

    @Test
    void aNameOfSeveralSymbolsWithoutProofIsRefused() {
        Problem problem = refusal(nameOf(2, s -> !isInit(s)));

        assertThat(problem.code()).isEqualTo("RBL-SYMBOL-AMBIGUOUS");
        assertThat(problem.message()).contains("2 symbols");
    }

    @Test
    void aReferenceIntoInitMemoryIsRefused() {
        String global =
                symbols()
                        .filter(s -> s.type() == 'T' && isInit(s))
                        .map(KernelSymbol::name)
                        .filter(name -> kit.image().symbols().named(name).size() == 1)
                        .filter(name -> kit.exports().export(name).isEmpty())
                        .findFirst()
                        .orElseThrow();

        Problem problem = refusal(global);

        assertThat(problem.code()).isEqualTo("RBL-INIT-REFERENCE");
        assertThat(problem.message()).contains("freed after boot");
    }

    @Test
    void aNameThatTheKernelDoesNotHaveIsRefused() {
        assertThat(refusal("rebootless_no_such_symbol").code()).isEqualTo("RBL-SYMBOL-UNKNOWN");
    }

    @Test
    void aNameThatOnlyAModuleExportsIsRefusedAndTheModuleIsNamed() {
        SymbolVersions.Export export =
                kit.exports().exports().stream()
                        .filter(e -> !e.fromVmlinux())
                        .filter(e -> kit.image().symbols().named(e.name()).isEmpty())
                        .findFirst()
                        .orElseThrow();

        Problem problem = refusal(export.name());
        assertThat(problem.code()).isEqualTo("RBL-SYMBOL-UNKNOWN");
        String module = Path.of(export.module()).getFileName().toString().replace('-', '_');
        assertThat(problem.message()).contains("in the module " + module);
    }

    @Test
    void theOnlySymbolOfANameIsNotMeantWhenItIsAStaticOneOfAnotherFile() {
        Problem problem = refusal(nameOf(1, s -> !isInit(s)));

        assertThat(problem.code()).isEqualTo("RBL-SYMBOL-UNKNOWN");
        assertThat(problem.message()).contains("static one of another file");
    }

    @Test
    void allThatCannotBeToldIsSaidAtOnce() {
        List<ElfSymbol> symbols = new ArrayList<>();
        for (String name : List.of("rebootless_no_such_symbol", nameOf(2, s -> !isInit(s)))) {
            symbols.add(ElfSymbol.undefined(name));
        }

        RebootlessException refused =
                catchThrowableOfType(
                        RebootlessException.class,
                        () -> resolve(symbols, Map.of(), NOTHING_PROVEN));
        assertThat(refused).isNotNull();
        assertThat(refused.problems())
                .extracting(Problem::code)
                .containsExactly("RBL-SYMBOL-UNKNOWN", "RBL-SYMBOL-AMBIGUOUS");
    }
}
