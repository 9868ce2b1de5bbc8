package dev.rebootless.build;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Hashes;
import dev.rebootless.base.Lazy;
import dev.rebootless.base.Problem;
import dev.rebootless.base.Progress;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.lab.CpuProfile;
import dev.rebootless.lab.Lab;
import dev.rebootless.lab.ProofRequest;
import dev.rebootless.lab.TargetModule;
import dev.rebootless.livepatch.LivepatchModule;
import dev.rebootless.livepatch.ModuleLinker;
import dev.rebootless.livepatch.UnitPatch;
import dev.rebootless.manifest.Manifest;
import dev.rebootless.manifest.ManifestJson;
import dev.rebootless.manifest.Proof;
import dev.rebootless.source.compile.ObjectPair;
import dev.rebootless.source.compile.ObjtoolFlags;
import dev.rebootless.source.compile.TypeCheck;
import dev.rebootless.source.compile.UnitCommand;
import dev.rebootless.source.compile.UnitCompiler;
import dev.rebootless.source.kit.KernelRelease;
import dev.rebootless.source.kit.Kit;
import dev.rebootless.source.kit.KitFacts;
import dev.rebootless.source.patch.PatchRules;
import dev.rebootless.source.patch.PatchedTree;
import dev.rebootless.source.patch.SourcePatch;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/**
 * From a source patch to a proven livepatch module. {@link #run} is the table of contents; each
 * pass hands a value to the next, and none reaches back.
 */
public final class Build {
    /** Rebootless's version, as manifests name it. */
    public static final String TOOL = "rebootless 0.1.0";

    /**
     * Lines whose compile flags, tables and duties of a module are known. On others a module can
     * load and be wrong, as with the constants that the boot writes into vmlinux alone, which came
     * with 6.11 (include/asm-generic/runtime-const.h). What differs between the lines that are
     * served is decided from the kernel's own configuration, BTF and image, never from its version.
     */
    private static final List<String> SERVED_LINES = List.of("6.1", "6.12");

    private final Kit kit;
    private final Progress progress;
    private final boolean debug;
    private final Lazy<KitKernel> kernel;
    private final int widestHeader;

    /**
     * A builder for one kernel build.
     *
     * @param debug whether refusals of the run-pre proof show both disassemblies
     */
    public Build(Kit kit, Progress progress, boolean debug) {
        this(kit, progress, debug, Integer.MAX_VALUE);
    }

    /**
     * A builder that refuses a patch of a header which more units may include than it has the time
     * to look at ({@code RBL-HEADER-WIDE}).
     *
     * @param widestHeader how many units may include a changed header at most
     */
    public Build(Kit kit, Progress progress, boolean debug, int widestHeader) {
        this.kit = kit;
        this.progress = progress;
        this.debug = debug;
        this.widestHeader = widestHeader;
        this.kernel = new Lazy<>(() -> KitKernel.read(kit));
    }

    /**
     * Builds, and proves unless told otherwise. Nothing is left under a final name unless all went
     * well.
     *
     * @throws RebootlessException exit status 2, 4, 5, 6 or 130, with every problem found in the
     *     pass that failed
     */
    public BuildOutcome run(BuildRequest request) {
        requireServedLine();
        String name = ModuleName.of(request.name(), request.patches().getFirst());
        Path work = workFolder();
        try {
            // From the patch to units whose originals are proven and whose references are resolved.
            Analysis analysis = analyse(request.patches(), work);
            if (analysis.units().isEmpty()) {
                return new BuildOutcome.Unchanged(analysis.warnings().list());
            }
            // One module of all units; objtool finishes it, klp relocations come last.
            progress.step("linking " + analysis.units().size() + " unit(s)");
            Manifest manifest = manifest(request, name, analysis);
            LivepatchModule module = link(manifest, analysis, work);
            // Boot the shipped kernel, load, look, unload.
            Optional<Proof> proof =
                    request.test()
                            ? Optional.of(prove(module, analysis, request, work))
                            : Optional.empty();
            // Only now under its final name.
            return publish(module, analysis.warnings().concerns(), proof, request.folder());
        } finally {
            AtomicFiles.removeTreeQuietly(work);
        }
    }

    /**
     * Everything up to the module: what would change, in which target objects.
     *
     * @throws RebootlessException as {@link #run}, with every refusal
     */
    public BuildOutcome explain(List<Path> patches) {
        requireServedLine();
        Path work = workFolder();
        try {
            Analysis analysis = analyse(patches, work);
            return analysis.units().isEmpty()
                    ? new BuildOutcome.Unchanged(analysis.warnings().list())
                    : new BuildOutcome.Explained(
                            analysis.objects(), added(analysis), analysis.warnings().list());
        } finally {
            AtomicFiles.removeTreeQuietly(work);
        }
    }

    /** The passes before the link, which {@link #explain} shares. */
    private Analysis analyse(List<Path> patches, Path work) {
        // The image is read while gcc works: neither needs the other.
        CompletableFuture<KitKernel> kernel = CompletableFuture.supplyAsync(this.kernel::get);
        // Read and understand the patch; refuse what no livepatch can do.
        SourcePatch patch = SourcePatch.read(patches);
        PatchRules.require(patch);
        // Apply it, in memory: the tree stays as it is.
        PatchedTree tree = PatchedTree.apply(kit.tree(), patch);
        BuildWarnings warnings = new BuildWarnings();
        warnings.add(tree.notes());
        UnitCompiler compiler =
                new UnitCompiler(
                        kit.kernelTree(),
                        Optional.of(kit.facts().compiler().version()),
                        kit.facts().release() + "/" + kit.facts().buildId());
        // The units that the patched files are compiled in.
        ReachedUnits reached = ReachedUnits.of(patch, tree, kit, compiler, widestHeader, progress);
        List<UnitCommand> commands = reached.all();
        if (commands.isEmpty()) {
            return new Analysis(
                    patch, join(kernel), compiler, List.of(), List.of(), commands, warnings);
        }
        // Objects that live in the running kernel must stay what the code takes them for.
        TypeCheck.Findings types =
                new TypeCheck(
                                kit.kernelTree(),
                                compiler.compiler(),
                                kit.facts().release() + "/" + kit.facts().buildId())
                        .check(tree, reached.direct(), reached.headers(), progress);
        types.requireNone();
        warnings.add(Concern.TYPES, types.warnings());
        // Compile each, original and patched.
        progress.step("compiling " + commands.size() + " unit(s), before and after");
        List<ObjectPair> pairs =
                compiler.compile(tree, commands, work.resolve("patched"), progress);
        types.requireDecided();
        // Compare each pair, prove its original, extract the change, resolve what it refers to.
        progress.step("comparing, and proving the originals against the shipped kernel");
        List<ObjectPair> changed = reached.withoutUnchangedByHeader(pairs);
        List<UnitPatch> units =
                analyseAll(changed, new UnitAnalysis(join(kernel), compiler, debug), warnings);
        warnings.add(
                Concern.SIGNATURES, SignatureChanges.require(types, pairs, units, join(kernel)));
        List<Manifest.TargetObject> objects = TargetObjects.of(units, join(kernel));
        warnings.add(ModuleWarnings.of(units, objects, join(kernel)));
        warnings.add(Concern.KERNEL_THREAD, KernelThreads.warnings(units, kit.tree()));
        reached.headers()
                .ifPresent(r -> progress.step(HeaderReport.of(r, commands.size(), units.size())));
        List<UnitCommand> changing = changed.stream().map(ObjectPair::unit).toList();
        return new Analysis(patch, join(kernel), compiler, units, objects, changing, warnings);
    }

    /** What the passes before the link found. */
    private record Analysis(
            SourcePatch patch,
            KitKernel kernel,
            UnitCompiler compiler,
            List<UnitPatch> units,
            List<Manifest.TargetObject> objects,
            List<UnitCommand> commands,
            BuildWarnings warnings) {}

    private void requireServedLine() {
        String line = new KernelRelease(kit.facts().release()).line();
        if (!SERVED_LINES.contains(line)) {
            throw RebootlessException.refused(
                    "RBL-KERNEL-UNSUPPORTED",
                    kit.facts().release(),
                    "livepatches are not built for the "
                            + line
                            + " line yet, only for: "
                            + String.join(", ", SERVED_LINES),
                    "install the fixed kernel and reboot");
        }
    }

    private static KitKernel join(CompletableFuture<KitKernel> kernel) {
        try {
            return kernel.join();
        } catch (CompletionException e) {
            if (e.getCause() instanceof RebootlessException problem) {
                throw problem;
            }
            throw e;
        }
    }

    private static List<UnitPatch> analyseAll(
            List<ObjectPair> pairs, UnitAnalysis analysis, BuildWarnings warnings) {
        Comparisons compared = Comparisons.of(pairs);
        List<UnitPatch> units = new ArrayList<>();
        List<Problem> problems = new ArrayList<>();
        compared.changes()
                .forEach((pair, changes) -> {
                    try {
                        Optional<UnitPatch> unit =
                                analysis.analyse(
                                        pair,
                                        changes,
                                        compared.sharedWith(pair),
                                        compared.madeGlobalFor(pair));
                        unit.ifPresent(units::add);
                        warnings.addOf(pair.unit().source(), changes);
                        if (unit.isEmpty() && !changes.added().isEmpty()) {
                            warnings.add(
                                    List.of(
                                            pair.unit().source()
                                                    + ": new functions that nothing calls are left out"));
                        }
                    } catch (RebootlessException e) {
                        if (e.status() != ExitStatus.REFUSED) {
                            throw e;
                        }
                        problems.addAll(e.problems());
                    }
                });
        if (!problems.isEmpty()) {
            throw new RebootlessException(ExitStatus.REFUSED, problems);
        }
        return units;
    }

    private static List<String> added(Analysis analysis) {
        Set<String> added = new TreeSet<>();
        for (UnitPatch unit : analysis.units()) {
            added.addAll(unit.changes().added());
            added.addAll(unit.changes().data());
        }
        return List.copyOf(added);
    }

    private Manifest manifest(BuildRequest request, String name, Analysis analysis) {
        KitFacts facts = kit.facts();
        return new Manifest(
                Manifest.SCHEMA_VERSION,
                name,
                ModuleName.module(name),
                request.replace(),
                request.cves().stream().sorted().distinct().toList(),
                new Manifest.Kernel(
                        facts.release(), facts.buildId(), facts.packageVersion(), facts.vermagic()),
                BuildInputs.of(
                        analysis.patch().origins().stream()
                                .map(o -> new Manifest.Input(o.name(), o.sha256()))
                                .toList(),
                        kit,
                        analysis.compiler().compiler()),
                analysis.objects(),
                added(analysis),
                analysis.warnings().list().stream().sorted().toList(),
                request.level());
    }

    private LivepatchModule link(Manifest manifest, Analysis analysis, Path work) {
        List<String> flags = ObjtoolFlags.ofModule(kit.kernelTree());
        ModuleLinker linker =
                new ModuleLinker(
                        analysis.kernel(), object -> analysis.compiler().objtool(object, flags));
        return linker.link(manifest, TargetObjects.inOrder(analysis.units()), work);
    }

    private Proof prove(
            LivepatchModule module, Analysis analysis, BuildRequest request, Path work) {
        List<String> targets =
                module.manifest().objects().stream().map(Manifest.TargetObject::name).toList();
        boolean reload = ModuleWarnings.onceOnly(analysis.units(), analysis.kernel()).isEmpty();
        try {
            Path file = work.resolve(module.fileName());
            Files.write(file, module.bytes());
            ProofRequest proof =
                    ProofRequest.of(kit.bootImage())
                            .withModule(file)
                            .withTargets(TargetModule.find(kit.modules(), targets))
                            .withReload(reload)
                            .withProfiles(CpuProfile.defaults(kit.facts().callDepthTracking()));
            if (request.check().isPresent()) {
                proof = proof.withCheck(request.check().get());
            }
            progress.step("proving by boot on " + proof.profiles().size() + " CPU models");
            Proof result = Lab.standard().prove(proof, progress);
            if (!result.passed()) {
                throw new RebootlessException(
                        ExitStatus.PROOF_FAILED,
                        result.reasons().stream()
                                .map(r ->
                                        new Problem(
                                                "RBL-PROOF-FAILED",
                                                module.fileName(),
                                                r,
                                                "do not load this patch; correct it and build again"))
                                .toList());
            }
            requireProofOf(module, result);
            return result;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** What was booted and loaded is what the manifest names. */
    private void requireProofOf(LivepatchModule module, Proof proof) {
        if (!proof.kernelSha256().equals(module.manifest().inputs().image().sha256())
                || !proof.moduleSha256().equals(Optional.of(Hashes.sha256(module.bytes())))) {
            throw KitKernel.damaged(kit, "its vmlinuz changed while the module was proven");
        }
    }

    private static BuildOutcome publish(
            LivepatchModule module, Set<Concern> concerns, Optional<Proof> proof, Path folder) {
        try {
            Files.createDirectories(folder);
            Path file = folder.resolve(module.fileName());
            Path json = folder.resolve("livepatch-" + module.manifest().name() + ".json");
            SequencedMap<Path, byte[]> pair = new LinkedHashMap<>();
            pair.put(
                    json,
                    ManifestJson.beside(
                                    new ManifestJson.ModuleFile(
                                            module.manifest(),
                                            Hashes.sha256(module.bytes()),
                                            proof))
                            .getBytes(StandardCharsets.UTF_8));
            pair.put(file, module.bytes());
            AtomicFiles.writeAll(pair);
            return new BuildOutcome.Built(file, json, module.manifest(), concerns, proof);
        } catch (IOException e) {
            throw RebootlessException.environment(
                    "RBL-OUTPUT",
                    folder.toString(),
                    "cannot be written: " + e.getMessage(),
                    "free some space, or choose another folder with -o");
        }
    }

    private static Path workFolder() {
        try {
            return Files.createTempDirectory("rebootless-build-");
        } catch (IOException e) {
            throw RebootlessException.environment(
                    "RBL-OUTPUT",
                    System.getProperty("java.io.tmpdir"),
                    "cannot be written: " + e.getMessage(),
                    "free some space there, or set TMPDIR");
        }
    }
}
