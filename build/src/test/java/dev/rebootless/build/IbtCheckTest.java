package dev.rebootless.build;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.base.Progress;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.elf.Elf;
import dev.rebootless.elf.ElfObject;
import dev.rebootless.elf.ElfReader;
import dev.rebootless.elf.ElfRelocation;
import dev.rebootless.elf.ElfSection;
import dev.rebootless.elf.ElfSymbol;
import dev.rebootless.elf.ElfWriter;
import dev.rebootless.elf.RelocationTable;
import dev.rebootless.elf.SymbolPlace;
import dev.rebootless.livepatch.IbtCheck;
import dev.rebootless.source.kit.Kit;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * No boot shows a fault that IBT would raise, so each is planted in a sound module and must be
 * seen.
 */
class IbtCheckTest {
    @TempDir static Path folder;

    private static final Kit KIT = StockKernelKit.get(StockKernelKit.IBT_LINE);
    private static byte[] module = {};
    private static KitKernel kernel;

    @BeforeAll
    static void aSoundModule() throws IOException {
        kernel = KitKernel.read(KIT);
        module = ElfWriter.write(new Proving(folder, KIT).build("version-line").object());
    }

    private static ElfObject sound() {
        return ElfReader.read(module);
    }

    private static List<Problem> problems(ElfObject object) {
        List<Problem> problems = problems(object, Set.of());
        assertThat(problems).as("a refusal").isNotEmpty();
        return problems;
    }

    /** Empty where the module is accepted. */
    private static List<Problem> problems(ElfObject object, Set<String> takenBefore) {
        // Written and read again, as a module comes to the check.
        ElfObject read = ElfReader.read(ElfWriter.write(object));
        RebootlessException refusal =
                catchThrowableOfType(
                        RebootlessException.class,
                        () -> IbtCheck.require(read, kernel, takenBefore));
        if (refusal == null) {
            return List.of();
        }
        assertThat(refusal.status()).isEqualTo(ExitStatus.REFUSED);
        return refusal.problems();
    }

    /** The same object with one more relocation table. */
    private static ElfObject with(ElfObject object, ElfSymbol symbol, RelocationTable table) {
        List<ElfSymbol> symbols = new ArrayList<>(object.symbols());
        if (!symbols.contains(symbol)) {
            symbols.add(symbol);
        }
        List<ElfSection> sections = new ArrayList<>(object.sections());
        if (!sections.contains(table.target())) {
            sections.add(table.target());
        }
        List<RelocationTable> tables = new ArrayList<>(object.relocationTables());
        tables.add(table);
        return ElfObject.of(object.header(), sections, symbols, tables, List.of(), Map.of());
    }

    private static ElfObject pointingAt(String klpSymbol) {
        ElfSymbol symbol =
                new ElfSymbol(
                        klpSymbol, 0, 0, Elf.STT_NOTYPE, Elf.STB_GLOBAL, 0, SymbolPlace.LIVEPATCH);
        ElfSection data =
                ElfSection.progbits(".data", Elf.SHF_ALLOC | Elf.SHF_WRITE, 8, new byte[8]);
        return with(
                sound(),
                symbol,
                new RelocationTable(
                        ".klp.rela.vmlinux..data",
                        Elf.SHF_ALLOC | Elf.SHF_INFO_LINK | Elf.SHF_RELA_LIVEPATCH,
                        data,
                        List.of(new ElfRelocation(0, Elf.R_X86_64_64, symbol, 0))));
    }

    @Test
    void aSoundModuleIsAccepted() {
        assertThatCode(() -> IbtCheck.require(sound(), kernel, Set.of()))
                .doesNotThrowAnyException();
    }

    @Test
    void theAddressOfASealedFunctionIsRefusedAndThatOfOneThatIsCalledSoIsNot() {
        assertThat(problems(pointingAt(".klp.sym.vmlinux.nr_iowait,0")))
                .singleElement()
                .satisfies(p -> assertThat(p.code()).isEqualTo("RBL-IBT-SEALED"))
                .satisfies(p -> assertThat(p.place()).isEqualTo("nr_iowait"))
                .satisfies(p -> assertThat(p.message()).contains(".data", "sealed"));
        assertThatCode(() ->
                        IbtCheck.require(
                                pointingAt(".klp.sym.vmlinux.meminfo_proc_show,0"),
                                kernel,
                                Set.of()))
                .doesNotThrowAnyException();
    }

    /** do_dentry_open() is only called directly, so gcc gave it no ENDBR. */
    @Test
    void theAddressOfAFunctionWithoutEndbrIsRefusedUnlessTheShippedUnitTakesItToo() {
        ElfObject object = pointingAt(".klp.sym.vmlinux.do_dentry_open,0");
        assertThat(problems(object))
                .singleElement()
                .satisfies(p -> assertThat(p.code()).isEqualTo("RBL-IBT-SEALED"))
                .satisfies(p -> assertThat(p.message()).contains("no ENDBR"));
        assertThatCode(() -> IbtCheck.require(object, kernel, Set.of("do_dentry_open")))
                .doesNotThrowAnyException();
    }

    /**
     * seq_show() is many functions' name: which of them the unit's address is of, it cannot say.
     */
    @Test
    void ofFunctionsThatShareANameNoneCountsAsTakenBefore() {
        String shared =
                kernel.image().symbols().all().stream()
                        .filter(s -> kernel.image().isText(s.address()))
                        .filter(s -> !kernel.image().isInit(s.address()))
                        .map(s -> s.name())
                        .filter(name -> !name.contains(".") && !name.startsWith("__pfx_"))
                        .filter(name -> kernel.image().symbols().named(name).size() > 1)
                        .filter(name -> isWithoutEndbr(pointingAt(klp(name))))
                        .findFirst()
                        .orElseThrow();
        assertThat(problems(pointingAt(klp(shared)), Set.of(shared)))
                .as(shared)
                .isNotEmpty()
                .allMatch(IbtCheckTest::isForWantOfEndbr);
    }

    private static String klp(String name) {
        return ".klp.sym.vmlinux." + name + ",1";
    }

    private static boolean isWithoutEndbr(ElfObject object) {
        List<Problem> problems = problems(object, Set.of());
        return !problems.isEmpty() && problems.stream().allMatch(IbtCheckTest::isForWantOfEndbr);
    }

    private static boolean isForWantOfEndbr(Problem problem) {
        return problem.message().contains("no ENDBR");
    }

    @Test
    void aFunctionOfTheModuleThatIsCalledThroughAPointerNeedsItsEndbr() {
        ElfObject object = sound();
        ElfSymbol init = object.symbolsNamed("init_module").getFirst();
        byte[] code = init.section().orElseThrow().content().clone();
        // A NOP of the same length.
        System.arraycopy(new byte[] {0x0f, 0x1f, 0x40, 0x00}, 0, code, (int) init.value(), 4);
        ElfObject changed = replaced(object, init.section().orElseThrow(), code);
        assertThat(problems(changed))
                .singleElement()
                .satisfies(p -> assertThat(p.code()).isEqualTo("RBL-IBT-TARGET"))
                .satisfies(p -> assertThat(p.place()).isEqualTo("init_module"));
    }

    @Test
    void theCallbackThatGuardsAModulesBuildNeedsItsEndbr() throws IOException {
        ElfObject object = new Proving(folder, KIT).build("vlan-header").object();
        ElfSymbol callback = object.symbolsNamed("rebootless_require_build_0").getFirst();
        ElfSection text = callback.section().orElseThrow();
        byte[] code = text.content().clone();
        System.arraycopy(new byte[] {0x0f, 0x1f, 0x40, 0x00}, 0, code, (int) callback.value(), 4);
        assertThat(problems(replaced(object, text, code)))
                .singleElement()
                .satisfies(p -> assertThat(p.code()).isEqualTo("RBL-IBT-TARGET"))
                .satisfies(p -> assertThat(p.place()).isEqualTo("rebootless_require_build_0"));
    }

    @Test
    void aFunctionOfTheModuleThatIsCalledThroughAPointerMustNotBeSealed() {
        ElfObject object = sound();
        ElfSymbol exit = object.symbolsNamed("cleanup_module").getFirst();
        ElfSection seals = ElfSection.progbits(".ibt_endbr_seal", Elf.SHF_ALLOC, 4, new byte[4]);
        ElfObject changed =
                with(
                        object,
                        exit,
                        RelocationTable.of(
                                seals, List.of(new ElfRelocation(0, Elf.R_X86_64_PC32, exit, 0))));
        assertThat(problems(changed))
                .singleElement()
                .satisfies(p -> assertThat(p.code()).isEqualTo("RBL-IBT-TARGET"))
                .satisfies(p -> assertThat(p.place()).isEqualTo("cleanup_module"));
    }

    @Test
    void aPatchThatNewlyCallsASealedFunctionThroughAPointerIsRefused() {
        RebootlessException refusal =
                catchThrowableOfType(
                        RebootlessException.class,
                        () ->
                                new Build(KIT, Progress.SILENT, false)
                                        .run(
                                                new BuildRequest(
                                                        List.of(
                                                                Patches.patch(
                                                                        "6.12/refused/sealed-function")),
                                                        folder,
                                                        java.util.Optional.of("sealed"),
                                                        true,
                                                        List.of(),
                                                        false,
                                                        java.util.Optional.empty())));
        assertThat(refusal.problems())
                .singleElement()
                .satisfies(p -> assertThat(p.code()).isEqualTo("RBL-IBT-SEALED"))
                .satisfies(p -> assertThat(p.place()).isEqualTo("nr_iowait"));
        assertThat(folder.resolve("livepatch-sealed.ko")).doesNotExist();
    }

    /** The same with other code in one section. */
    private static ElfObject replaced(ElfObject object, ElfSection old, byte[] code) {
        ElfSection section = ElfSection.progbits(old.name(), old.flags(), old.alignment(), code);
        Map<ElfSymbol, ElfSymbol> moved = new java.util.LinkedHashMap<>();
        for (ElfSymbol symbol : object.symbols()) {
            moved.put(
                    symbol,
                    symbol.isIn(old)
                            ? symbol.at(new SymbolPlace.In(section), symbol.value())
                            : symbol);
        }
        List<RelocationTable> tables = new ArrayList<>();
        for (RelocationTable table : object.relocationTables()) {
            tables.add(
                    new RelocationTable(
                            table.name(),
                            table.flags(),
                            table.target() == old ? section : table.target(),
                            table.relocations().stream()
                                    .map(r ->
                                            r.to(
                                                    moved.getOrDefault(r.symbol(), r.symbol()),
                                                    r.addend()))
                                    .toList()));
        }
        return ElfObject.of(
                object.header(),
                object.sections().stream().map(s -> s == old ? section : s).toList(),
                List.copyOf(moved.values()),
                tables,
                List.of(),
                Map.of());
    }
}
