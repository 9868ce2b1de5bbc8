package dev.rebootless.source.kit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Progress;
import dev.rebootless.base.RebootlessException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KitsTest {
    private static final int ROUNDS = 1_000;

    @TempDir private Path folder;

    @Test
    void anUnknownReleaseIsRefusedAndTheNearestAreOffered() {
        KernelRelease newest = kits().newestCloudRelease("6.1").release();
        KernelRelease wrong = new KernelRelease(newest.text().replaceFirst("-\\d+-", "-99-"));
        refused(
                        () -> kits().add(KernelRequest.newest(wrong.text())),
                        ExitStatus.ENVIRONMENT,
                        "RBL-KERNEL-UNKNOWN",
                        wrong.text())
                .hasMessageContaining("choose one of 6.1.0-")
                .hasMessageContaining(newest.text());
    }

    @Test
    void aRealtimeKernelIsRefusedWithItsReason() {
        refused(
                () -> kits().add(KernelRequest.newest("6.1.0-56-rt-amd64")),
                ExitStatus.REFUSED,
                "RBL-KERNEL-UNSUPPORTED",
                "not in the linux-source package");
    }

    /** Whatever Debian runs these tests, the kernel is of another one. */
    @Test
    void aKernelOfAnotherDebianIsRefusedAndTheSuiteIsNamed() {
        refused(
                () -> kitsOn(12).add(KernelRequest.newest("6.12.117+deb13-cloud-amd64")),
                ExitStatus.ENVIRONMENT,
                "RBL-KIT-SUITE: 6.12.117+deb13-cloud-amd64",
                "rebootless kit add 6.12.117+deb13-cloud-amd64 --suite trixie");
        refused(
                () ->
                        kitsOn(13)
                                .add(
                                        KernelRequest.parse("6.12.117+deb12-amd64=6.12.117-1")
                                                .from(Path.of("debs"))),
                ExitStatus.ENVIRONMENT,
                "RBL-KIT-SUITE",
                "kit add 6.12.117+deb12-amd64=6.12.117-1 --from debs --suite bookworm");
        assertThat(folder.resolve("cache")).doesNotExist();
    }

    private Kits kitsOn(int debian) {
        return new Kits(
                folder.resolve("cache"),
                Progress.SILENT,
                AptPackages.system(),
                suite -> {
                    throw new AssertionError("nobody asked for " + suite);
                },
                HostTools.searchPath(),
                Optional.of(debian));
    }

    @Test
    void aMachineWithoutPackageListsIsToldToUpdateThem() throws IOException {
        Kits kits =
                new Kits(
                        folder,
                        Progress.SILENT,
                        AptConfigs.withoutLists(folder),
                        HostTools.searchPath());
        refused(
                () -> kits.add(KernelRequest.newest("6.1.0-56-cloud-amd64")),
                ExitStatus.ENVIRONMENT,
                "RBL-APT-LISTS",
                "apt-get update");
        refused(
                () -> kits.newestCloudRelease("6.1"),
                ExitStatus.ENVIRONMENT,
                "RBL-APT-LISTS",
                "apt-get update");
    }

    @Test
    void withoutPaholeNoKitIsMadeAndNothingIsDownloaded() throws IOException {
        Kits kits =
                new Kits(
                        folder.resolve("cache"),
                        Progress.SILENT,
                        AptPackages.system(),
                        List.of(programsBut("pahole")));
        refused(
                () -> kits.add(kits.newestCloudRelease("6.1")),
                ExitStatus.ENVIRONMENT,
                "RBL-TOOL-MISSING: pahole",
                "apt-get install --no-install-recommends pahole");
        assertThat(folder.resolve("cache")).doesNotExist();
    }

    @Test
    void allMissingProgramsAreNamedAtOnce() throws IOException {
        Path path = programsBut("pahole", "gcc-12", "make", "ld", "objcopy");
        refused(
                () -> HostTools.require(List.of(path), "gcc-12"),
                ExitStatus.ENVIRONMENT,
                "make, pahole, ld, objcopy, gcc-12",
                "recommends make pahole binutils gcc-12");
    }

    /** A folder of links to all that kits use but these. */
    private Path programsBut(String... left) throws IOException {
        Path bin = Files.createDirectory(folder.resolve("bin"));
        for (String program :
                List.of(
                        "apt-get",
                        "apt-cache",
                        "bwrap",
                        "prlimit",
                        "dpkg-deb",
                        "tar",
                        "bash",
                        "xz",
                        "make",
                        "pahole",
                        "ld",
                        "objcopy",
                        "awk",
                        "gcc-12")) {
            if (!List.of(left).contains(program)) {
                Files.createSymbolicLink(bin.resolve(program), Path.of("/usr/bin", program));
            }
        }
        return bin;
    }

    @Test
    void aFolderWithoutPackagesIsAUsageError() throws IOException {
        Path empty = Files.createDirectory(folder.resolve("empty"));
        refused(
                () -> kits().add(KernelRequest.newest("6.1.0-9-amd64").from(empty)),
                ExitStatus.USAGE,
                "RBL-PACKAGE-FOLDER",
                "empty");
        refused(
                () -> kits().add(KernelRequest.newest("6.1.0-9-amd64").from(folder.resolve("no"))),
                ExitStatus.USAGE,
                "RBL-PACKAGE-FOLDER",
                "no");
    }

    @Test
    void aGarbageDebIsRefusedAndNothingIsLeft() throws IOException {
        Path debs = Files.createDirectory(folder.resolve("debs"));
        Files.writeString(debs.resolve("linux-image-6.1.0-9-amd64_6.1.9-1_amd64.deb"), "garbage");
        refused(
                () -> kits().add(KernelRequest.newest("6.1.0-9-amd64").from(debs)),
                ExitStatus.ENVIRONMENT,
                "RBL-PACKAGE",
                "linux-image-6.1.0-9-amd64_6.1.9-1_amd64.deb");
        assertThat(folder.resolve("cache")).doesNotExist();
    }

    @Test
    void aTruncatedImagePackageIsRefusedAndNothingIsLeft() throws IOException {
        Kit kit = UserKit.newest();
        Path debs = Files.createDirectory(folder.resolve("debs"));
        for (KitFacts.UsedPackage used : kit.facts().packages()) {
            Path deb = packageFile(used);
            Path copy = debs.resolve(deb.getFileName());
            if (used.name().startsWith("linux-image-")) {
                Files.write(
                        copy,
                        java.util.Arrays.copyOf(Files.readAllBytes(deb), (int) used.size() / 2));
            } else {
                Files.createSymbolicLink(copy, deb);
            }
        }
        refused(
                () -> kits().add(KernelRequest.newest(kit.facts().release()).from(debs)),
                ExitStatus.ENVIRONMENT,
                "RBL-PACKAGE",
                "linux-image-");
        assertThat(kits().list()).isEmpty();
        assertThat(folder.resolve("cache/kits")).isEmptyDirectory();
    }

    static Path packageFile(KitFacts.UsedPackage used) {
        Path home = Kits.userCache().resolve("packages").resolve(used.sha256());
        try (Stream<Path> files = Files.list(home)) {
            return files.findFirst().orElseThrow();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    @Test
    void aCachedPackageThatWasDamagedIsFetchedAgain() throws IOException {
        Path debs = Files.createDirectory(folder.resolve("debs"));
        TinyDebs.control(debs, "linux-source-6.1", "6.1.9-1", "");
        FolderPackages source = FolderPackages.open(debs);
        PackageRecord wanted = source.versions(List.of("linux-source-6.1")).getFirst();
        List<String> said = Collections.synchronizedList(new ArrayList<>());
        PackageCache cache =
                new PackageCache(
                        folder.resolve("packages"), folder.resolve("locks"), new Steps(said::add));
        Path file = cache.obtain(wanted, source);
        Files.writeString(file, "damaged");
        assertThat(cache.obtain(wanted, source)).isEqualTo(file).hasSize(wanted.size());
        assertThat(said).anyMatch(line -> line.contains("damaged; fetching it again"));
        assertThat(cache.obtain(wanted, source)).isEqualTo(file);
        assertThat(said.getLast()).contains("is in the cache");
    }

    @Test
    void aPackageThatIsNotWhatItsHashSaysIsRefusedAndNotKept() throws IOException {
        Path debs = Files.createDirectory(folder.resolve("debs"));
        Path deb = TinyDebs.control(debs, "linux-source-6.1", "6.1.9-1", "");
        FolderPackages source = FolderPackages.open(debs);
        PackageRecord wanted = source.versions(List.of("linux-source-6.1")).getFirst();
        byte[] bytes = Files.readAllBytes(deb);
        bytes[bytes.length - 1] ^= 1;
        Files.write(deb, bytes);
        PackageCache cache =
                new PackageCache(
                        folder.resolve("packages"),
                        folder.resolve("locks"),
                        new Steps(Progress.SILENT));
        refused(
                () -> cache.obtain(wanted, source),
                ExitStatus.ENVIRONMENT,
                "RBL-PACKAGE",
                "SHA-256");
        assertThat(folder.resolve("packages")).isEmptyDirectory();
    }

    @Test
    void withoutANetworkADownloadFailsWithAClearError() throws IOException {
        AptPackages apt = AptConfigs.withoutNetwork(folder);
        PackageRecord wanted = KernelPackages.newestCloud(apt, "6.1").orElseThrow().headers();
        PackageCache cache =
                new PackageCache(
                        folder.resolve("packages"),
                        folder.resolve("locks"),
                        new Steps(Progress.SILENT));
        refused(
                () -> cache.obtain(wanted, apt),
                ExitStatus.ENVIRONMENT,
                "RBL-DOWNLOAD: " + wanted.spec(),
                "apt sources");
        assertThat(folder.resolve("packages")).isEmptyDirectory();
    }

    @Test
    void aFolderWithoutAWholeKitJsonIsNoKit() throws IOException {
        Kit real = UserKit.newest();
        Path build =
                folder.resolve("cache/kits")
                        .resolve(real.facts().release())
                        .resolve(real.facts().buildId());
        Files.createDirectories(build.resolve("tree"));
        Files.createFile(build.resolve("vmlinux"));
        assertThat(kits().list()).isEmpty();
        byte[] json = Files.readAllBytes(real.folder().resolve("kit.json"));
        Path file = build.resolve("kit.json");
        Files.write(file, json);
        assertThat(
                        kits().find(
                                        new KernelRelease(real.facts().release()),
                                        Optional.of(real.facts().buildId())))
                .hasValueSatisfying(kit -> assertThat(kit.facts()).isEqualTo(real.facts()));
        long seed = System.nanoTime();
        System.out.println("seed " + seed);
        Random random = new Random(seed);
        int none = 0;
        for (int round = 0; round < ROUNDS; round++) {
            byte[] mutant =
                    java.util.Arrays.copyOf(
                            json, random.nextBoolean() ? json.length : random.nextInt(json.length));
            for (int i = 1 + random.nextInt(3); i > 0 && mutant.length > 0; i--) {
                mutant[random.nextInt(mutant.length)] = (byte) random.nextInt(256);
            }
            Files.write(file, mutant);
            none += kits().list().isEmpty() ? 1 : 0;
        }
        assertThat(none).isGreaterThan(ROUNDS / 3);
    }

    @Test
    void tooLittleRoomIsRefusedBeforeTheWork() {
        refused(
                () -> {
                    try {
                        Disk.requireRoom(folder, Long.MAX_VALUE);
                    } catch (IOException e) {
                        throw new AssertionError(e);
                    }
                },
                ExitStatus.ENVIRONMENT,
                "RBL-DISK",
                "XDG_CACHE_HOME");
    }

    @Test
    void aFullDiskIsKnownByItsError() {
        assertThatThrownBy(() -> Files.write(Path.of("/dev/full"), new byte[1]))
                .satisfies(e ->
                        assertThat(Disk.isFull(new java.io.UncheckedIOException((IOException) e)))
                                .isTrue());
        assertThat(Disk.isFull(new IOException("Permission denied"))).isFalse();
    }

    private Kits kits() {
        return new Kits(folder.resolve("cache"), Progress.SILENT);
    }

    static org.assertj.core.api.AbstractThrowableAssert<?, ?> refused(
            ThrowingCallable call, ExitStatus status, String... parts) {
        return assertThatThrownBy(call)
                .isInstanceOfSatisfying(
                        RebootlessException.class,
                        e -> {
                            assertThat(e.status()).isEqualTo(status);
                            assertThat(e.getMessage()).contains(parts);
                        });
    }
}
