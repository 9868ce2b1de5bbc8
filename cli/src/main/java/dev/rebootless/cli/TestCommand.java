package dev.rebootless.cli;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.kernel.KernelImage;
import dev.rebootless.lab.CpuProfile;
import dev.rebootless.lab.Lab;
import dev.rebootless.lab.ProofRequest;
import dev.rebootless.lab.Takeover;
import dev.rebootless.lab.TargetModule;
import dev.rebootless.manifest.Manifest;
import dev.rebootless.manifest.Proof;
import dev.rebootless.source.kit.Kit;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The proof by boot alone. */
@Command(
        name = "test",
        description = "Boot the shipped kernel, load the module, watch, unload it.",
        footerHeading = "%nExample:%n",
        footer = "  rebootless test livepatch-fix.ko --check shows-the-fix.sh")
final class TestCommand implements Callable<Integer> {
    private final Console console;

    @Parameters(paramLabel = "MODULE.ko", description = "A livepatch module.")
    private Path module = Path.of("");

    @Option(
            names = "--kernel",
            paramLabel = "RELEASE[=VERSION]",
            description = "The kernel to boot (default: the one that the module is for).")
    private Optional<String> kernel = Optional.empty();

    @Option(names = "--check", paramLabel = "SCRIPT", description = Texts.CHECK)
    private Optional<Path> check = Optional.empty();

    @Option(
            names = "--earlier",
            arity = "1..*",
            paramLabel = "OTHER.ko",
            description =
                    "Livepatches to load before it, in this order: shows that it takes over from"
                            + " them, or is stacked on them.")
    private List<Path> earlier = List.of();

    @Option(names = "--json", description = Texts.JSON)
    private boolean json;

    TestCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        ModuleFile file = ModuleFile.read(module);
        check.ifPresent(Inputs::requireFile);
        requireLivepatch(file);
        earlier.forEach(other -> requireLivepatch(ModuleFile.read(other)));
        Kit kit = kit(file);
        ProofRequest request =
                ProofRequest.of(kit.bootImage())
                        .withModule(module)
                        .withProfiles(CpuProfile.defaults(kit.facts().callDepthTracking()));
        if (check.isPresent()) {
            request = request.withCheck(check.get());
        }
        if (!earlier.isEmpty()) {
            request = request.withEarlierModules(earlier).withTakeover(takeover(file));
        }
        List<TargetModule> targets = targets(kit, file);
        if (!targets.isEmpty()) {
            request =
                    request.withTargets(targets)
                            .withReload(image(kit).clearsLivepatchRelocations());
        }
        console.step(
                "booting "
                        + KernelChoice.name(kit)
                        + " on "
                        + request.profiles().size()
                        + " CPU models");
        Proof proof = Lab.standard().prove(request, console.progress());
        for (String reason : proof.reasons()) {
            console.problem(
                    new Problem(
                            "RBL-PROOF-FAILED",
                            module.toString(),
                            reason,
                            "do not load this module; correct the patch and build it again"));
        }
        if (json) {
            console.print(
                    new Documents.Test(
                            Documents.SCHEMA_VERSION,
                            proof.passed() ? "passed" : "failed",
                            module.toString(),
                            kit.facts().release(),
                            kit.facts().buildId(),
                            proof));
        } else {
            console.print(Reports.test(proof));
        }
        return (proof.passed() ? ExitStatus.DONE : ExitStatus.PROOF_FAILED).code();
    }

    private static void requireLivepatch(ModuleFile file) {
        if (!file.isLivepatch()) {
            throw RebootlessException.usage(
                    "RBL-NO-LIVEPATCH",
                    file.path().toString(),
                    "is a module, but no livepatch",
                    "give a module that `rebootless build` made");
        }
    }

    /** What it says of itself; a foreign livepatch says nothing that can be read here. */
    private static Takeover takeover(ModuleFile file) {
        return file.manifest()
                .map(manifest -> manifest.replace() ? Takeover.REPLACES : Takeover.STACKS)
                .orElse(Takeover.UNKNOWN);
    }

    /** The modules that it patches, among those that the kernel was shipped with. */
    private static List<TargetModule> targets(Kit kit, ModuleFile file) {
        try {
            return TargetModule.find(kit.modules(), file.targetObjects());
        } catch (IOException e) {
            throw damaged(kit, e);
        }
    }

    private static KernelImage image(Kit kit) {
        try {
            return KernelImage.open(kit.image());
        } catch (IOException e) {
            throw damaged(kit, e);
        }
    }

    private static RebootlessException damaged(Kit kit, IOException e) {
        return RebootlessException.environment(
                "RBL-KIT",
                kit.folder().toString(),
                "the kit cannot be read: " + e.getMessage(),
                "rebootless kit remove " + kit.facts().release() + ", then kit add");
    }

    private Kit kit(ModuleFile file) {
        KernelChoice choice = new KernelChoice(console);
        if (kernel.isPresent()) {
            return choice.kit(kernel);
        }
        return file.manifest()
                .map(Manifest::kernel)
                .map(choice::kit)
                .orElseGet(() -> {
                    // The first word of vermagic is the release (include/linux/vermagic.h).
                    String release = List.of(file.module().vermagic().split(" ")).getFirst();
                    return choice.kit(Optional.of(release));
                });
    }
}
