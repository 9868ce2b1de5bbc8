package dev.rebootless.build;

import dev.rebootless.base.Hashes;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.kernel.KernelImage;
import dev.rebootless.kernel.SymbolVersions;
import dev.rebootless.source.kit.Kit;
import java.io.IOException;
import java.util.Optional;

/**
 * What a build reads of the shipped kernel.
 *
 * @param exports of vmlinux and all modules
 */
record KitKernel(KernelImage image, SymbolVersions exports) {
    /**
     * Reads both, decoding the symbols.
     *
     * @throws RebootlessException exit status 5 {@code RBL-KIT} when the kit is damaged: when it
     *     cannot be read, or does not hold the kernel build that it is for
     */
    static KitKernel read(Kit kit) {
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
            return new KitKernel(image, SymbolVersions.read(kit.symvers()));
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
