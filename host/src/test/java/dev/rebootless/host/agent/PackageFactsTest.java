package dev.rebootless.host.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.rebootless.host.agent.InstalledPackages.Kernel;
import dev.rebootless.host.agent.UpgradablePackages.Upgradable;
import dev.rebootless.host.files.HostFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** dpkg's and apt's own lists, also such as nobody wrote. */
class PackageFactsTest {
    private static final String LISTS = "var/lib/apt/lists/";
    private static final String SITE = LISTS + "deb.debian.org_debian_dists_";
    private static final String PACKAGES = "_main_binary-amd64_Packages";

    private static final String STATUS =
            """
            Package: dpkg
            Status: install ok installed
            Architecture: amd64
            Version: 1.21.22
            Description: package manager
             Status: deinstall ok config-files
             .
             Package: trap

            Package: linux-image-6.1.0-47-amd64
            Status: install ok installed
            Architecture: amd64
            Version: 6.1.170-3

            Package: linux-image-6.1.0-56-cloud-amd64-unsigned
            Status: install ok installed
            Architecture: amd64
            Version: 6.1.192-2

            Package: linux-image-amd64
            Status: install ok installed
            Architecture: amd64
            Version: 6.1.170-3

            Package: linux-image-6.1.0-40-amd64
            Status: deinstall ok config-files
            Architecture: amd64
            Version: 6.1.150-1

            Package: linux-image-6.1.0-47-amd64-dbg
            Status: install ok installed
            Architecture: amd64
            Version: 6.1.170-3

            Package: openssl
            Status: install ok installed
            Architecture: amd64
            Version: 3.0.11-1~deb12u1

            Package: tzdata
            Status: hold ok installed
            Architecture: all
            Version: 2024a-0+deb12u1
            """;

    @TempDir Path root;

    @BeforeEach
    void makeTree() throws IOException {
        put("var/lib/dpkg/status", STATUS);
    }

    private void put(String name, String text) throws IOException {
        Path file = root.resolve(name);
        Files.createDirectories(file.getParent());
        Files.writeString(file, text);
    }

    private InstalledPackages installed() throws IOException {
        return InstalledPackages.read(new HostFiles(root));
    }

    private List<Upgradable> upgradable() throws IOException {
        return UpgradablePackages.read(new HostFiles(root), installed());
    }

    private static String paragraph(String name, String architecture, String version) {
        return "Package: %s\nVersion: %s\nArchitecture: %s\n\n"
                .formatted(name, version, architecture);
    }

    private void release(String dist, String suite, String more) throws IOException {
        put(
                SITE + dist + "_InRelease",
                "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nOrigin: Debian\nSuite: "
                        + suite
                        + "\nCodename: "
                        + dist
                        + "\n"
                        + more
                        + "SHA256:\n abc 1 main/Packages\n-----BEGIN PGP SIGNATURE-----\n");
    }

    @Test
    void kernelsAreThePackagesThatBringOne() throws IOException {
        assertThat(installed().kernels())
                .containsExactly(
                        new Kernel("linux-image-6.1.0-47-amd64", "6.1.170-3", "6.1.0-47-amd64"),
                        new Kernel(
                                "linux-image-6.1.0-56-cloud-amd64-unsigned",
                                "6.1.192-2",
                                "6.1.0-56-cloud-amd64"));
    }

    @Test
    void theNewestVersionOfAllSuitesIsTheCandidate() throws IOException {
        release("bookworm", "oldstable", "");
        release("bookworm-security", "oldstable-security", "");
        put(SITE + "bookworm" + PACKAGES, paragraph("openssl", "amd64", "3.0.15-1~deb12u1"));
        put(
                SITE + "bookworm-security" + PACKAGES,
                paragraph("openssl", "amd64", "3.0.17-1~deb12u3")
                        + paragraph("openssl", "i386", "9.9")
                        + paragraph("nobody-has-it", "amd64", "9.9"));
        assertThat(upgradable())
                .containsExactly(
                        new Upgradable(
                                "openssl",
                                "3.0.11-1~deb12u1",
                                "3.0.17-1~deb12u3",
                                "oldstable-security"));
    }

    @Test
    void ofOneVersionInTwoSuitesSecuritysIsSaid() throws IOException {
        release("bookworm", "oldstable", "");
        release("bookworm-security", "oldstable-security", "");
        for (String dist : List.of("bookworm", "bookworm-security")) {
            put(SITE + dist + PACKAGES, paragraph("openssl", "amd64", "3.0.17-1"));
        }
        assertThat(upgradable())
                .extracting(Upgradable::suite)
                .containsExactly("oldstable-security");
    }

    @Test
    void aPackageForAllArchitecturesCountsAsThisOnes() throws IOException {
        release("bookworm", "oldstable", "");
        put(SITE + "bookworm" + PACKAGES, paragraph("tzdata", "all", "2025b-0+deb12u2"));
        assertThat(upgradable()).extracting(Upgradable::name).containsExactly("tzdata");
    }

    @Test
    void olderVersionsAndThoseOfExperimentalAreNoUpgrades() throws IOException {
        release("bookworm", "oldstable", "");
        release("rc-buggy", "experimental", "NotAutomatic: yes\n");
        put(SITE + "bookworm" + PACKAGES, paragraph("openssl", "amd64", "3.0.11-1~deb12u1~bpo1"));
        put(SITE + "rc-buggy" + PACKAGES, paragraph("openssl", "amd64", "4.0-1"));
        assertThat(upgradable()).isEmpty();
    }

    @Test
    void backportsUpgradeOnlyWhatCameFromThere() throws IOException {
        String backports = "NotAutomatic: yes\nButAutomaticUpgrades: yes\n";
        release("bookworm", "oldstable", "");
        release("bookworm-backports", "oldstable-backports", backports);
        put(
                SITE + "bookworm-backports" + PACKAGES,
                paragraph("openssl", "amd64", "3.5-1~bpo12+1")
                        + paragraph("tzdata", "all", "2025b-1~bpo12+1"));
        // tzdata is installed as the suite has it; openssl is not.
        put(SITE + "bookworm" + PACKAGES, paragraph("tzdata", "all", "2024a-0+deb12u1"));
        assertThat(upgradable()).extracting(Upgradable::name).containsExactly("openssl");
    }

    @Test
    void listsPackedWithGzipAreRead() throws IOException {
        Path file = root.resolve(SITE + "bookworm" + PACKAGES + ".gz");
        Files.createDirectories(file.getParent());
        try (var out = new GZIPOutputStream(Files.newOutputStream(file))) {
            out.write(paragraph("openssl", "amd64", "3.0.17-1").getBytes(StandardCharsets.UTF_8));
        }
        assertThat(upgradable()).extracting(Upgradable::candidate).containsExactly("3.0.17-1");
    }

    @Test
    void oneListThatCannotBeReadMakesAllUnknown() throws IOException {
        put(SITE + "bookworm" + PACKAGES, paragraph("openssl", "amd64", "3.0.17-1"));
        put(SITE + "bookworm-security" + PACKAGES + ".lz4", "packed");
        assertThatThrownBy(this::upgradable)
                .isInstanceOf(IOException.class)
                .hasMessageContaining("lz4");
    }

    @Test
    void withoutListsNothingIsKnown() throws IOException {
        Files.createDirectories(root.resolve(LISTS));
        assertThatThrownBy(this::upgradable).isInstanceOf(IOException.class);
    }

    @Test
    void aListOfAllOfDebianIsReadToItsEnd() throws IOException {
        Path file = root.resolve(SITE + "bookworm" + PACKAGES);
        Files.createDirectories(file.getParent());
        byte[] many =
                ("Package: filler\nVersion: 1\nArchitecture: amd64\nDescription: "
                                + "x".repeat(3_000)
                                + "\n\n")
                        .repeat(1_000)
                        .getBytes(StandardCharsets.UTF_8);
        try (var out = Files.newOutputStream(file)) {
            for (int i = 0; i < 16; i++) {
                out.write(many);
            }
            out.write(paragraph("openssl", "amd64", "3.0.17-1").getBytes(StandardCharsets.UTF_8));
        }
        assertThat(Files.size(file)).isGreaterThan(45_000_000);
        assertThat(upgradable()).extracting(Upgradable::name).containsExactly("openssl");
    }

    @Test
    void damagedListsGiveAnAnswerOrOneError() throws IOException {
        long seed = Long.getLong("rebootless.seed", System.nanoTime());
        System.out.println("seed " + seed);
        Random random = new Random(seed);
        release("bookworm", "oldstable", "");
        String list = SITE + "bookworm" + PACKAGES;
        put(list, paragraph("openssl", "amd64", "3.0.17-1").repeat(20));
        List<String> files = List.of(list, SITE + "bookworm_InRelease", "var/lib/dpkg/status");
        int answers = 0;
        for (int i = 0; i < 2_000; i++) {
            Path file = root.resolve(files.get(random.nextInt(files.size())));
            byte[] good = Files.readAllBytes(file);
            byte[] bad = good.clone();
            for (int n = 0; n <= random.nextInt(20); n++) {
                bad[random.nextInt(bad.length)] = (byte) random.nextInt(256);
            }
            Files.write(file, bad);
            try {
                List<Upgradable> found = upgradable();
                assertThat(found.size()).isLessThan(10);
                assertThat(installed().kernels().size()).isLessThan(10);
                answers++;
            } catch (IOException e) {
                assertThat(e.getMessage()).isNotBlank();
            }
            Files.write(file, good);
        }
        assertThat(answers).isGreaterThan(1_000);
        assertThat(upgradable()).hasSize(1);
    }

    @Test
    void tooManyPackagesAreUnknown() throws IOException {
        StringBuilder many = new StringBuilder();
        for (int i = 0; i < 50_001; i++) {
            many.append("Package: p")
                    .append(i)
                    .append("\nStatus: install ok installed\n")
                    .append("Architecture: amd64\nVersion: 1\n\n");
        }
        put("var/lib/dpkg/status", many.toString());
        assertThatThrownBy(this::installed).isInstanceOf(IOException.class);
    }
}
