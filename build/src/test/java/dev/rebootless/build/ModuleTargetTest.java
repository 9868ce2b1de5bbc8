package dev.rebootless.build;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.base.Subprocess;
import dev.rebootless.elf.ElfRelocation;
import dev.rebootless.elf.ElfSection;
import dev.rebootless.elf.RelocationTable;
import dev.rebootless.kernel.ShippedModules;
import dev.rebootless.manifest.Manifest;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Livepatches for modules, before they are loaded. */
final class ModuleTargetTest {
    @TempDir Path folder;

    private Proving.Module build(String... patches) {
        return new Proving(folder).build(patches);
    }

    private static List<String> klpSections(Proving.Module module) {
        return module.object().relocationTables().stream()
                .map(RelocationTable::name)
                .filter(n -> n.startsWith(".klp.rela."))
                .sorted()
                .toList();
    }

    /** What the relocations of one klp section refer to. */
    private static List<String> referredTo(Proving.Module module, String prefix) {
        return module.object().relocationTables().stream()
                .filter(t -> t.name().startsWith(prefix))
                .flatMap(t -> t.relocations().stream())
                .map(ElfRelocation::symbol)
                .map(s -> s.name())
                .distinct()
                .sorted()
                .toList();
    }

    private static String modinfo(Proving.Module module) {
        ElfSection section = module.object().section(".modinfo").orElseThrow();
        return new String(section.content(), StandardCharsets.UTF_8);
    }

    @Test
    void aFunctionOfAModuleIsReplacedInThatModule() {
        Proving.Module module = build("vlan-header");

        Manifest.TargetObject target = module.manifest().objects().getFirst();
        assertThat(module.manifest().objects()).hasSize(1);
        assertThat(target.name()).isEqualTo("8021q");
        assertThat(target.buildId()).hasValueSatisfying(id -> assertThat(id).hasSize(40));
        assertThat(target.functions())
                .extracting(Manifest.PatchedFunction::name)
                .containsExactly("vlan_seq_show");
        // Its own data is there only once the module is; what vmlinux exports is an ordinary
        // reference.
        assertThat(referredTo(module, ".klp.rela.8021q."))
                .contains(".klp.sym.8021q.vlan_net_id,0")
                .allMatch(name -> name.startsWith(".klp.sym.8021q."));
        assertThat(klpSections(module)).noneMatch(name -> name.startsWith(".klp.rela.vmlinux."));
    }

    @Test
    void twoModulesAndVmlinuxAreTargetsOfOneLivepatch() {
        Proving.Module module = build("vlan-header", "conntrack-header", "version-line");

        assertThat(module.manifest().objects())
                .extracting(Manifest.TargetObject::name)
                .containsExactly("vmlinux", "8021q", "nf_conntrack");
    }

    @Test
    void whatAnotherModuleExportsIsFoundWhenTheTargetIsLoaded() {
        Proving.Module module = build("nft-table");

        assertThat(referredTo(module, ".klp.rela.nf_tables."))
                .contains(".klp.sym.nfnetlink.nfnetlink_unicast,0");
        assertThat(module.manifest().warnings())
                .anyMatch(w ->
                        w.contains("nfnetlink_unicast") && w.contains("of the module nfnetlink,"));
        assertThat(modinfo(module)).contains("depends=\0");
    }

    @Test
    void whatIsExportedIntoANamespaceIsImportedWithTheNamespace() {
        Proving.Module module = build("ccm-digest");

        assertThat(modinfo(module)).contains("import_ns=CRYPTO_INTERNAL\0");
        assertThat(module.object().symbolsNamed("crypto_cipher_encrypt_one"))
                .hasSize(1)
                .allMatch(s -> s.isUndefined());
    }

    /**
     * The kernel counts in the order of the symbol table: here the one in .text.unlikely comes
     * first, although .text is before it in memory.
     */
    @Test
    void ofNamesakesInTextAndTextUnlikelyTheOneMeantIsCountedInTheOrderOfTheSymbolTable()
            throws IOException {
        Proving.Module module = build("wireguard-cookie");

        List<String> found =
                referredTo(module, ".klp.rela.wireguard.").stream()
                        .filter(n -> n.startsWith(".klp.sym.wireguard.blake2s.constprop.0,"))
                        .toList();
        assertThat(found).hasSize(1);
        int sympos = Integer.parseInt(found.getFirst().replaceAll(".*,", ""));

        // readelf is an oracle of its own: NUM: VALUE SIZE TYPE BIND VIS NDX NAME.
        Path shipped = ShippedModules.of(StockKernelKit.get().modules()).file("wireguard");
        List<String[]> namesakes =
                Subprocess.of("readelf", "-sW", shipped.toString())
                        .run()
                        .out()
                        .lines()
                        .map(l -> l.strip().split("\\s+"))
                        .filter(c -> c.length == 8 && c[7].equals("blake2s.constprop.0"))
                        .toList();
        String text =
                Subprocess.of("readelf", "-SW", shipped.toString())
                        .run()
                        .out()
                        .lines()
                        .map(l -> l.replaceAll("[\\[\\]]", " ").strip().split("\\s+"))
                        .filter(c -> c.length > 2 && c[1].equals(".text"))
                        .map(c -> c[0])
                        .findFirst()
                        .orElseThrow();
        assertThat(namesakes).hasSize(2);
        assertThat(namesakes.stream().map(c -> c[6]).distinct()).hasSize(2);
        assertThat(namesakes.get(sympos - 1)[6]).isEqualTo(text);
    }

    @Test
    void aModuleThatCannotComeBackOnThisKernelIsSaid() {
        Proving.Module module = build("vlan-header");

        boolean clears =
                KitKernel.read(StockKernelKit.get())
                        .image()
                        .symbols()
                        .unique("clear_relocate_add")
                        .isPresent();
        assertThat(
                        module.manifest().warnings().stream()
                                .anyMatch(w -> w.contains("be loaded again until")))
                .isEqualTo(!clears);
    }

    /** The kernel clears references only where it finds what it wrote, also on later lines. */
    @ParameterizedTest
    @ValueSource(strings = {StockKernelKit.LINE, StockKernelKit.IBT_LINE})
    void aNewVariableOfAModuleThatPointsIntoItIsSaidToOutlastItAndToHinderIt(String line) {
        Proving proving = new Proving(folder, StockKernelKit.get(line));

        assertThat(proving.build("vlan-pointer").manifest().warnings())
                .anyMatch(w ->
                        w.contains("keep their content")
                                && w.contains("net/8021q/vlanproc.c: vlan_shown_id"))
                .anyMatch(w -> w.contains("8021q") && w.contains("be loaded again until"));
        assertThat(proving.build("vlan-header").manifest().warnings())
                .noneMatch(w -> w.contains("keep their content"));
    }
}
