package dev.rebootless.build.exposure;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.build.KitKernel;
import dev.rebootless.build.StockKernelKit;
import dev.rebootless.kernel.KernelSymbol;
import dev.rebootless.source.compile.BuiltCode;
import dev.rebootless.source.compile.UnitCommand;
import dev.rebootless.source.history.FunctionNames;
import dev.rebootless.source.history.SourceIndex;
import dev.rebootless.source.kit.Kit;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What kbuild plans, held against the symbols of the shipped image and of all its modules. */
class BuiltCodeTest {
    /** Functions of a file that no other defines; fewer say nothing: a name may be a variable's. */
    private static final int TELLING = 5;

    @Test
    void builtAreExactlyTheFilesWhoseFunctionsTheShippedKernelHas() throws IOException {
        Kit kit = StockKernelKit.get();
        BuiltCode built = BuiltCode.of(kit.kernelTree(), message -> {});
        SourceIndex index = SourceIndex.of(kit.tree(), kit.unitCache(), message -> {});
        KitKernel kernel = KitKernel.read(kit);
        Map<String, Set<String>> symbols = new HashMap<>();
        symbols.put(UnitCommand.VMLINUX, names(kernel.image().symbols().all()));
        for (String module : shippedModules(kit)) {
            symbols.put(module, names(kernel.module(module).symbols().all()));
        }
        Set<String> all = new HashSet<>();
        symbols.values().forEach(all::addAll);

        int confirmedBuilt = 0;
        int confirmedUnbuilt = 0;
        List<String> wrong = new ArrayList<>();
        for (String file : index.files()) {
            if (!file.endsWith(".c")
                    || file.matches("(tools|samples|scripts|usr)/.*")
                    || file.matches("arch/(?!x86/).*")) {
                continue;
            }
            Set<String> own = ownFunctions(kit, index, file);
            Set<String> targets = built.targetsOf(file);
            if (targets.isEmpty()) {
                Set<String> there = new HashSet<>(own);
                there.retainAll(all);
                if (own.size() >= TELLING && there.size() * 2 >= own.size()) {
                    wrong.add(file + " is called unbuilt, and the kernel has " + there);
                }
                confirmedUnbuilt += there.isEmpty() ? 1 : 0;
            } else if (!targets.contains(BuiltCode.ELSEWHERE)) {
                boolean everywhere =
                        targets.stream()
                                .allMatch(t ->
                                        own.stream()
                                                .anyMatch(
                                                        symbols.getOrDefault(t, Set.of())
                                                                ::contains));
                confirmedBuilt += everywhere ? 1 : 0;
            }
        }
        System.out.println(
                confirmedBuilt + " files are built, " + confirmedUnbuilt + " not; wrong: " + wrong);
        assertThat(wrong).isEmpty();
        // A 6.1 cloud kernel has 4,708 units, of which 83 have no function of their own left.
        assertThat(confirmedBuilt).isGreaterThan(4_000);
        assertThat(confirmedUnbuilt).isGreaterThan(15_000);
    }

    @Test
    void theModulesThatArePlannedAreThoseThatAreShipped() throws IOException {
        Kit kit = StockKernelKit.get();
        assertThat(BuiltCode.of(kit.kernelTree(), message -> {}).modules())
                .isEqualTo(shippedModules(kit));
    }

    @Test
    void whatKbuildIsAskedWithoutIsBuiltNevertheless() {
        BuiltCode built = BuiltCode.of(StockKernelKit.get().kernelTree(), message -> {});
        assertThat(built.targetsOf("kernel/module/version.c")).isNotEmpty();
        assertThat(built.targetsOf("kernel/module_signature.c")).isNotEmpty();
    }

    @Test
    void aHeaderIsBuiltWhereSomethingThatIsBuiltMayIncludeItAndADriverThatIsSwitchedOffIsNot() {
        BuiltCode built = BuiltCode.of(StockKernelKit.get().kernelTree(), message -> {});
        assertThat(built.targetsOf("fs/btrfs/ctree.h")).contains("btrfs");
        assertThat(built.targetsOf("fs/btrfs/ctree.h")).doesNotContain(UnitCommand.VMLINUX);
        assertThat(built.targetsOf("include/linux/fs.h")).contains(UnitCommand.VMLINUX, "btrfs");
        assertThat(built.targetsOf("drivers/gpu/drm/amd/amdgpu/amdgpu_cs.c")).isEmpty();
        // Nothing that is built leads to them.
        assertThat(built.targetsOf("drivers/gpu/drm/amd/amdgpu/amdgpu.h")).isEmpty();
        assertThat(built.targetsOf("drivers/vfio/pci/mlx5/cmd.h")).isEmpty();
    }

    private static Set<String> ownFunctions(Kit kit, SourceIndex index, String file)
            throws IOException {
        Set<String> own =
                new HashSet<>(
                        FunctionNames.of(
                                Files.readAllLines(
                                        kit.tree().resolve(file), StandardCharsets.ISO_8859_1)));
        own.removeIf(name -> index.definedIn(name).size() != 1);
        return own;
    }

    private static Set<String> names(List<KernelSymbol> symbols) {
        Set<String> names = new HashSet<>();
        symbols.forEach(s -> names.add(s.name().replaceFirst("\\..*", "")));
        return names;
    }

    private static Set<String> shippedModules(Kit kit) throws IOException {
        Set<String> names = new TreeSet<>();
        try (Stream<Path> walk = Files.walk(kit.modules())) {
            walk.map(f -> String.valueOf(f.getFileName()))
                    .filter(f -> f.matches(".*\\.ko(\\.xz|\\.zst)?"))
                    .forEach(f -> names.add(f.replaceFirst("\\.ko.*", "").replace('-', '_')));
        }
        return names;
    }
}
