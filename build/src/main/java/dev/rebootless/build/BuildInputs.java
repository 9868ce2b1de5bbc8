package dev.rebootless.build;

import dev.rebootless.base.Hashes;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.manifest.Manifest;
import dev.rebootless.source.compile.CompilerIdentity;
import dev.rebootless.source.kit.Kit;
import dev.rebootless.source.kit.KitFacts;
import java.io.IOException;
import java.util.List;

/** All that decides over a module's bytes, as manifests name it and {@code rebuild} checks it. */
public final class BuildInputs {
    private BuildInputs() {}

    /**
     * The inputs of a build with a kit. What the kit holds is hashed as it is now, not as it was
     * recorded.
     *
     * @throws RebootlessException exit status 5 {@code RBL-KIT} when the kit cannot be read
     */
    public static Manifest.Inputs of(
            List<Manifest.Input> patches, Kit kit, CompilerIdentity compiler) {
        KitFacts facts = kit.facts();
        try {
            return new Manifest.Inputs(
                    patches,
                    new Manifest.Input(
                            facts.sourcePackage() + " " + facts.sourceVersion(),
                            facts.packages().stream()
                                    .filter(p -> p.name().startsWith("linux-source-"))
                                    .map(KitFacts.UsedPackage::sha256)
                                    .findFirst()
                                    .orElse("")),
                    new Manifest.Input(
                            "vmlinuz-" + facts.release(), Hashes.sha256(kit.bootImage())),
                    new Manifest.Input("config-" + facts.release(), Hashes.sha256(kit.config())),
                    new Manifest.Input("Module.symvers", Hashes.sha256(kit.symvers())),
                    new Manifest.Input(compiler.version(), compiler.hash()),
                    new Manifest.Input("objtool", Hashes.sha256(kit.objtool())),
                    Build.TOOL);
        } catch (IOException e) {
            throw KitKernel.damaged(kit, "it cannot be read: " + e.getMessage());
        }
    }
}
