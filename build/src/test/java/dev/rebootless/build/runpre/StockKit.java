package dev.rebootless.build.runpre;

import dev.rebootless.base.Progress;
import dev.rebootless.build.KitKernel;
import dev.rebootless.diff.Item;
import dev.rebootless.diff.ObjectModel;
import dev.rebootless.elf.Elf;
import dev.rebootless.elf.ElfReader;
import dev.rebootless.kernel.KernelImage;
import dev.rebootless.kernel.ShippedCode;
import dev.rebootless.kernel.SymbolVersions;
import dev.rebootless.livepatch.ShippedKernel;
import dev.rebootless.livepatch.runpre.RunPre;
import dev.rebootless.livepatch.runpre.UnitMatch;
import dev.rebootless.source.compile.UnitCommand;
import dev.rebootless.source.compile.UnitCommands;
import dev.rebootless.source.compile.UnitCompiler;
import dev.rebootless.source.kit.DebianSuite;
import dev.rebootless.source.kit.KernelRequest;
import dev.rebootless.source.kit.Kit;
import dev.rebootless.source.kit.Kits;
import dev.rebootless.source.patch.PatchedTree;
import dev.rebootless.source.patch.SourcePatch;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.function.Function;

/** The kit of the newest cloud kernel that apt serves on a line, and what tests do with it. */
final class StockKit {
    private static final ConcurrentMap<String, StockKit> BY_LINE = new ConcurrentHashMap<>();

    private final Kit kit;
    private final ShippedKernel kernel;
    private final UnitCommands commands;
    private final UnitCompiler compiler;

    private StockKit(Function<Kits, KernelRequest> wanted) {
        Kits kits = new Kits(Kits.userCache(), Progress.SILENT);
        kit = kits.add(wanted.apply(kits));
        kernel = KitKernel.read(kit);
        commands = commands(kit);
        compiler = compiler(kit);
    }

    static StockKit newest() {
        return newest("6.1");
    }

    /** Made once for each run and line; the others wait for it. */
    static StockKit newest(String line) {
        return BY_LINE.computeIfAbsent(
                line, _ -> new StockKit(kits -> kits.newestCloudRelease(line)));
    }

    /** Of what another suite serves, with the toolchain of that suite. */
    static StockKit newest(String line, String suite) {
        return BY_LINE.computeIfAbsent(
                line + " " + suite,
                _ -> new StockKit(kits -> kits.newestCloudRelease(line, new DebianSuite(suite))));
    }

    static UnitCommands commands(Kit kit) {
        return new UnitCommands(kit.kernelTree());
    }

    static UnitCompiler compiler(Kit kit) {
        return new UnitCompiler(
                kit.kernelTree(),
                Optional.of(kit.facts().compiler().version()),
                kit.facts().release() + "/" + kit.facts().buildId());
    }

    Kit kit() {
        return kit;
    }

    ShippedKernel kernel() {
        return kernel;
    }

    KernelImage image() {
        return kernel.image();
    }

    SymbolVersions exports() {
        return kernel.exports();
    }

    UnitCommands commands() {
        return commands;
    }

    UnitCompiler compiler() {
        return compiler;
    }

    /** The unpatched unit, every function in a section of its own. */
    ObjectModel original(String source) {
        return ObjectModel.of(ElfReader.read(compiler.original(commands.of(source))));
    }

    /** The unpatched unit, laid out as it was shipped. */
    ObjectModel shippedLayout(String source) {
        return ObjectModel.of(ElfReader.read(compiler.shippedLayout(commands.of(source))));
    }

    /** The unit with a patch applied, compiled with the unit's own command. */
    ObjectModel patched(String source, Path patch, Path folder) {
        UnitCommand unit = commands.of(source);
        PatchedTree tree = PatchedTree.apply(kit.tree(), SourcePatch.read(List.of(patch)));
        return ObjectModel.of(
                ElfReader.read(
                        compiler.compile(tree, List.of(unit), folder, Progress.SILENT)
                                .getFirst()
                                .patched()));
    }

    /**
     * The functions that match in neither of the two layouts.
     *
     * @param functions how many the unit has
     */
    record Verdict(int functions, List<Item> unproven) {}

    /** Matches all functions of a unit; the shipped layout is compiled only where it is needed. */
    Verdict matchAll(String source) {
        ObjectModel model = original(source);
        ShippedCode code = kernel.code(commands.of(source).target());
        UnitMatch match = RunPre.match(model, code);
        List<Item> functions = model.items().stream().filter(StockKit::isNamedFunction).toList();
        List<Item> unproven =
                functions.stream().filter(f -> match.mismatch(f).isPresent()).toList();
        if (!unproven.isEmpty()) {
            ObjectModel shipped = shippedLayout(source);
            UnitMatch other = RunPre.match(shipped, code);
            List<Item> left = new ArrayList<>();
            for (Item item : unproven) {
                boolean proven =
                        shipped.items().stream()
                                .filter(StockKit::isNamedFunction)
                                .filter(i -> i.name().equals(item.name()))
                                .anyMatch(i -> other.mismatch(i).isEmpty());
                if (!proven) {
                    left.add(item);
                }
            }
            unproven = left;
        }
        return new Verdict(functions.size(), unproven);
    }

    static boolean isNamedFunction(Item item) {
        return item.isFunction() && !item.symbols().isEmpty();
    }

    /** A weak function for which another unit has a strong one: the linker drops the weak one. */
    boolean isOverridden(Item function) {
        boolean weak = function.symbols().stream().allMatch(s -> s.binding() == Elf.STB_WEAK);
        // nm(1): W and w are weak symbols, T is a strong global one.
        return weak
                && image().symbols().named(function.name()).stream().anyMatch(s -> s.type() == 'T');
    }
}
