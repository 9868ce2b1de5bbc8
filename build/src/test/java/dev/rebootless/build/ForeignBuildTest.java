package dev.rebootless.build;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.kernel.KernelModule;
import dev.rebootless.kernel.ShippedModules;
import dev.rebootless.source.kit.Kit;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A module that has the name of a target and is of another build, as DKMS or an upgraded package
 * leaves it: the kernel knows targets by name alone.
 */
class ForeignBuildTest {
    private static final String TARGET = "8021q";

    @TempDir Path folder;

    static Stream<Kit> kits() {
        return StockKernelKit.ofBothLines();
    }

    @ParameterizedTest
    @MethodSource("kits")
    void aModuleOfAnotherBuildIsNotPatchedInEitherOrderAndTheShippedOneIs(Kit kit)
            throws IOException {
        Proving proving = new Proving(folder, kit);
        Proving.Module livepatch = proving.build("vlan-header");
        assertThat(livepatch.manifest().warnings())
                .anyMatch(w -> w.contains("only the shipped build of the module " + TARGET));
        Map<String, String> said =
                new GuestScript("foreign-build")
                        .with("NAME", livepatch.name())
                        .with("TARGET", TARGET)
                        .withCheck("shows", List.of(Patches.check("vlan-header")))
                        .allowing(
                                "pre-patch callback failed for object '" + TARGET + "'",
                                "failed to enable patch '" + livepatch.name() + "'",
                                "refusing to load module '" + TARGET + "'",
                                // What the one that was refused left; see ModuleWarnings.
                                "nvalid relocation target, existing value is nonzero",
                                "failed to initialize patch '" + livepatch.name())
                        .run(
                                kit,
                                folder,
                                List.of(livepatch.file(), otherBuild(kit)),
                                proving.targets(livepatch.manifest()),
                                Duration.ofMinutes(10));
        System.err.println(kit.facts().release() + ": " + said);

        assertThat(said)
                .doesNotContainEntry("first.status", "0")
                .containsEntry("first.livepatch", "no")
                .containsEntry("first.target", "yes")
                // busybox tries a second time, with init_module() instead of finit_module().
                .hasEntrySatisfying("first.said", n -> assertThat(n).matches("[1-9]"))
                .doesNotContainEntry("later.status", "0")
                .containsEntry("later.target", "no")
                .hasEntrySatisfying("later.said", n -> assertThat(n).matches("[1-9]"))
                .containsEntry("shipped", "yes");
    }

    /** The same but for one bit of its build id; unsigned, as it would not be the distributor's. */
    private Path otherBuild(Kit kit) throws IOException {
        Path shipped = ShippedModules.of(kit.modules()).file(TARGET);
        byte[] plain = KernelModule.plain(Files.readAllBytes(shipped), shipped.toString());
        KernelModule module = KernelModule.read(plain, shipped.toString());
        byte[] bytes = Arrays.copyOf(plain, module.unsignedLength());
        byte[] id = HexFormat.of().parseHex(module.buildId().orElseThrow());
        // Bytes and characters are one to one in this charset.
        String text = new String(bytes, StandardCharsets.ISO_8859_1);
        int at = text.indexOf(new String(id, StandardCharsets.ISO_8859_1));
        assertThat(at).isPositive();
        bytes[at + id.length - 1] ^= 1;
        Path file = folder.resolve("other-build.ko");
        Files.write(file, bytes);
        assertThat(KernelModule.read(file).buildId()).isPresent().isNotEqualTo(module.buildId());
        return file;
    }
}
