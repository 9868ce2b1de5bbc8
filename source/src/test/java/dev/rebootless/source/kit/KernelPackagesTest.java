package dev.rebootless.source.kit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.rebootless.kernel.DebianVersion;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KernelPackagesTest {
    private static final KernelRelease RELEASE = new KernelRelease("6.1.0-9-cloud-amd64");
    private static final String DEPENDS =
            "Depends: linux-headers-6.1.0-9-common (= 6.1.9-2), linux-kbuild-6.1 (>= 6.1.9-2), linux-compiler-gcc-12-x86\n";

    @TempDir private Path folder;

    @Test
    void theNewestCloudKernelOfAptComesWithAllFromOneSourceAndNoDebugPackage() {
        KernelPackages found =
                KernelPackages.newestCloud(AptPackages.system(), "6.1").orElseThrow();
        assertThat(found.image().name()).startsWith("linux-image-6.1.").contains("-cloud-amd64");
        assertThat(found.headers().builtFrom()).isEqualTo(found.image().builtFrom());
        assertThat(found.source().builtFrom()).isEqualTo(found.image().builtFrom());
        assertThat(found.kbuild().name()).startsWith("linux-kbuild-");
        assertThat(found.compilerPackage()).isEqualTo("gcc-12");
        assertThat(found.all()).noneMatch(p -> p.name().contains("-dbg"));
        List<String> all =
                KernelPackages.releases(AptPackages.system()).stream()
                        .filter(release -> release.matches("6\\.1\\.\\d.*-cloud-amd64"))
                        .map(release -> "linux-image-" + release + "-unsigned")
                        .toList();
        assertThat(AptPackages.system().versions(all))
                .isNotEmpty()
                .allMatch(p -> p.version().compareTo(found.image().version()) <= 0);
    }

    @Test
    void theNewestVersionOfAReleaseIsTakenAndTheUnsignedPackageBeforeTheSigned()
            throws IOException {
        image("6.1.9-1");
        image("6.1.9-2");
        signed("6.1.9-2");
        others("6.1.9-2");
        KernelPackages found = choose(Optional.empty());
        assertThat(found.image().spec())
                .isEqualTo("linux-image-6.1.0-9-cloud-amd64-unsigned=6.1.9-2");
        assertThat(found.release()).isEqualTo(RELEASE);
    }

    @Test
    void aSignedImageAloneIsMatchedWithTheSourceItWasBuiltFrom() throws IOException {
        signed("6.1.9-2");
        others("6.1.9-2");
        TinyDebs.control(folder, "linux-source-6.1", "6.1.9-3", "Source: linux\n");
        KernelPackages found = choose(Optional.empty());
        assertThat(found.image().name()).isEqualTo("linux-image-6.1.0-9-cloud-amd64");
        assertThat(found.source().version().text()).isEqualTo("6.1.9-2");
    }

    @Test
    void aNewerKbuildServesWhereTheArchiveHasDroppedTheExactOne() throws IOException {
        image("6.1.9-2");
        headers("6.1.9-2");
        source("6.1.9-2");
        TinyDebs.control(folder, "linux-kbuild-6.1", "6.1.8-1", "Source: linux\n");
        TinyDebs.control(folder, "linux-kbuild-6.1", "6.1.11-1", "Source: linux\n");
        TinyDebs.control(folder, "linux-kbuild-6.1", "6.1.10-1", "Source: linux\n");
        assertThat(choose(Optional.empty()).kbuild().version().text()).isEqualTo("6.1.10-1");
    }

    @Test
    void aMissingSourceIsRefusedAndNamesTheVersionsThatThereAre() throws IOException {
        image("6.1.9-2");
        headers("6.1.9-2");
        source("6.1.9-1");
        assertThatThrownBy(() -> choose(Optional.empty()))
                .hasMessageContaining("RBL-PACKAGE-MISSING: linux-source-6.1")
                .hasMessageContaining("linux 6.1.9-2")
                .hasMessageContaining("it has 6.1.9-1");
    }

    @Test
    void aVersionThatIsNotServedIsRefusedAndOffersThoseThatAre() throws IOException {
        image("6.1.9-1");
        image("6.1.9-2");
        assertThatThrownBy(() -> choose(Optional.of(new DebianVersion("6.1.9-7"))))
                .hasMessageContaining("RBL-KERNEL-UNKNOWN: 6.1.0-9-cloud-amd64=6.1.9-7")
                .hasMessageContaining("6.1.9-2, 6.1.9-1");
    }

    @Test
    void theNearestReleasesAreOfTheSameFlavourAndNextInNumber() {
        TreeSet<String> releases =
                new TreeSet<>(
                        List.of(
                                "6.1.0-50-cloud-amd64",
                                "6.1.0-56-cloud-amd64",
                                "6.1.0-57-amd64",
                                "6.12.107+deb12-cloud-amd64",
                                "6.1.0-57-rt-amd64"));
        assertThat(KernelPackages.nearest(releases, new KernelRelease("6.1.0-57-cloud-amd64")))
                .startsWith(
                        "6.1.0-56-cloud-amd64",
                        "6.1.0-50-cloud-amd64",
                        "6.12.107+deb12-cloud-amd64");
    }

    private KernelPackages choose(Optional<DebianVersion> version) {
        return KernelPackages.choose(FolderPackages.open(folder), RELEASE, version);
    }

    private void image(String version) throws IOException {
        TinyDebs.control(
                folder, "linux-image-" + RELEASE + "-unsigned", version, "Source: linux\n");
    }

    private void signed(String version) throws IOException {
        TinyDebs.control(
                folder,
                "linux-image-" + RELEASE,
                version,
                "Source: linux-signed-amd64 (6.1.9+2)\nBuilt-Using: linux (= %s)\n"
                        .formatted(version));
    }

    private void headers(String version) throws IOException {
        TinyDebs.control(folder, "linux-headers-" + RELEASE, version, "Source: linux\n" + DEPENDS);
    }

    private void source(String version) throws IOException {
        TinyDebs.control(folder, "linux-source-6.1", version, "Source: linux\n");
    }

    private void others(String version) throws IOException {
        headers(version);
        source(version);
        TinyDebs.control(folder, "linux-kbuild-6.1", version, "Source: linux\n");
    }
}
