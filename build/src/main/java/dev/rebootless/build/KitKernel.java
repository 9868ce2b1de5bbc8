package dev.rebootless.build;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.kernel.KernelImage;
import dev.rebootless.kernel.SymbolVersions;
import dev.rebootless.source.kit.Kit;
import java.io.IOException;

/**
 * What a build reads of the shipped kernel.
 *
 * @param exports of vmlinux and all modules
 */
record KitKernel(KernelImage image, SymbolVersions exports) {
    /**
     * Reads both, decoding the symbols.
     *
     * @throws RebootlessException exit status 5 {@code RBL-KIT} when the kit is damaged
     */
    static KitKernel read(Kit kit) {
        try {
            KernelImage image = KernelImage.open(kit.image());
            var _ = image.symbols().size();
            return new KitKernel(image, SymbolVersions.read(kit.symvers()));
        } catch (IOException e) {
            throw RebootlessException.environment(
                    "RBL-KIT",
                    kit.folder().toString(),
                    "the kit cannot be read: " + e.getMessage(),
                    "rebootless kit remove " + kit.facts().release() + ", then kit add");
        }
    }
}
