package dev.rebootless.build;

import dev.rebootless.base.Hashes;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.kernel.KernelImage;
import dev.rebootless.kernel.KernelModule;
import dev.rebootless.kernel.ModuleImage;
import dev.rebootless.kernel.ShippedModules;
import dev.rebootless.kernel.SymbolVersions;
import dev.rebootless.livepatch.ShippedKernel;
import dev.rebootless.source.kit.Kit;
import java.io.IOException;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/** What a build reads of the shipped kernel. Modules are read when they are first asked for. */
public final class KitKernel implements ShippedKernel {
    private final Kit kit;
    private final KernelImage image;
    private final SymbolVersions exports;
    private final ShippedModules shipped;
    private final Map<String, ModuleImage> modules = new ConcurrentHashMap<>();

    private KitKernel(Kit kit, KernelImage image, SymbolVersions exports, ShippedModules shipped) {
        this.kit = kit;
        this.image = image;
        this.exports = exports;
        this.shipped = shipped;
    }

    @Override
    public KernelImage image() {
        return image;
    }

    @Override
    public SymbolVersions exports() {
        return exports;
    }

    @Override
    public ModuleImage module(String name) {
        return modules.computeIfAbsent(name, this::readModule);
    }

    private ModuleImage readModule(String name) {
        try {
            KernelModule module = shipped.module(name);
            if (!module.name().equals(name) || !module.vermagic().equals(kit.facts().vermagic())) {
                throw damaged(
                        kit,
                        "%s is the module %s for %s"
                                .formatted(shipped.file(name), module.name(), module.vermagic()));
            }
            return ModuleImage.of(module, image.btf());
        } catch (IOException e) {
            throw damaged(kit, "the module " + name + " cannot be read: " + e.getMessage());
        }
    }

    /**
     * Reads both, decoding the symbols.
     *
     * @throws RebootlessException exit status 5 {@code RBL-KIT} when the kit is damaged: when it
     *     cannot be read, or does not hold the kernel build that it is for
     */
    public static KitKernel read(Kit kit) {
        try {
            KernelImage image = KernelImage.open(kit.image());
            // What is compared is this file; what is booted, and named in manifests, is the other.
            if (!image.buildId().equals(Optional.of(kit.facts().buildId()))) {
                throw damaged(
                        kit, "its vmlinux has the build id " + image.buildId().orElse("(none)"));
            }
            if (!Hashes.sha256(kit.bootImage()).equals(kit.facts().imageSha256())) {
                throw damaged(kit, "its vmlinuz is not the one that it was made with");
            }
            var _ = image.symbols().size();
            return new KitKernel(
                    kit,
                    image,
                    SymbolVersions.read(kit.symvers()),
                    ShippedModules.of(kit.modules()));
        } catch (IOException e) {
            throw damaged(kit, "it cannot be read: " + e.getMessage());
        }
    }

    static RebootlessException damaged(Kit kit, String why) {
        return RebootlessException.environment(
                "RBL-KIT",
                kit.folder().toString(),
                "the kit is damaged: " + why,
                "rebootless kit remove " + kit.facts().release() + ", then kit add");
    }
}
