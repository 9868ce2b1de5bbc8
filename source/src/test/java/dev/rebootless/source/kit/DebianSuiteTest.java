package dev.rebootless.source.kit;

import static dev.rebootless.source.kit.KitsTest.refused;
import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Hashes;
import dev.rebootless.base.Progress;
import dev.rebootless.base.Subprocess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Package lists and toolchains of another suite of Debian. */
class DebianSuiteTest {
    @TempDir private Path folder;

    @Test
    void aNameThatNoSuiteHasIsAUsageError() {
        for (String name : List.of("", "trixie main", "../x", "-o", "Trixie", "13")) {
            refused(() -> new DebianSuite(name), ExitStatus.USAGE, "RBL-SUITE-NAME");
        }
    }

    @Test
    void withoutListsOfTheSuiteThereIsAClearErrorAndNothingIsLeft() throws IOException {
        Path cache = folder.resolve("cache");
        DebianSuite suite = new DebianSuite("trixie");
        refused(
                () ->
                        suite.open(
                                cache,
                                new Steps(Progress.SILENT),
                                List.of("deb [trusted=yes] file:" + folder + "/none ./")),
                ExitStatus.ENVIRONMENT,
                "RBL-SUITE: trixie",
                "package lists cannot be had");
        assertThat(cache.resolve("suites")).isEmptyDirectory();
    }

    @Test
    void aSuiteThatNoKeyOfDebianSignedIsNotBelieved() throws IOException {
        Path archive = archive();
        refused(
                () ->
                        new DebianSuite("trixie")
                                .open(
                                        folder.resolve("cache"),
                                        new Steps(Progress.SILENT),
                                        List.of("deb file:" + archive + " ./")),
                ExitStatus.ENVIRONMENT,
                "RBL-SUITE",
                "not signed");
        assertThat(folder.resolve("cache/suites")).isEmptyDirectory();
    }

    @Test
    void aToolchainIsAllThatItsProgramsDependOnInTheVersionThatTheSuiteServes() throws IOException {
        AptPackages suite = trusted(archive());
        assertThat(suite.closure(List.of("one=1.0-1")).stream().map(PackageRecord::spec))
                .containsExactly("one=1.0-1", "three=3", "two=2:2.0");
        refused(
                () -> suite.closure(List.of("one=1.0-2")),
                ExitStatus.ENVIRONMENT,
                "RBL-TOOLCHAIN: one=1.0-2",
                "1.0-2");
        refused(
                () -> suite.closure(List.of("one", "lonely")),
                ExitStatus.ENVIRONMENT,
                "RBL-TOOLCHAIN",
                "lonely");
    }

    /** Also with no network, for the lists are there. */
    @Test
    void thePackagesOfAToolchainComeTogetherAndAreCached() throws IOException {
        Path archive = archive();
        AptPackages suite = trusted(archive);
        List<PackageRecord> wanted = suite.closure(List.of("one"));
        List<String> said = Collections.synchronizedList(new ArrayList<>());
        PackageCache cache =
                new PackageCache(
                        folder.resolve("packages"), folder.resolve("locks"), new Steps(said::add));
        List<Path> debs = cache.obtainAll("the toolchain", wanted, suite);
        assertThat(debs).hasSize(3).allMatch(Files::isRegularFile);
        assertThat(debs.stream().map(p -> p.getFileName().toString()))
                .containsExactly("one_1.0-1_amd64.deb", "three_3_amd64.deb", "two_2.0_amd64.deb");
        AtomicFiles.removeTree(archive);
        assertThat(cache.obtainAll("the toolchain", wanted, suite)).isEqualTo(debs);
        try (Stream<Path> left = Files.list(folder.resolve("packages"))) {
            assertThat(left).hasSize(3).noneMatch(f -> f.getFileName().toString().startsWith("."));
        }
        Files.writeString(debs.getFirst(), "damaged");
        refused(
                () -> cache.obtainAll("the toolchain", wanted, suite),
                ExitStatus.ENVIRONMENT,
                "RBL-DOWNLOAD");
    }

    @Test
    void listsThatAreOldAreUsedWhereNewerCannotBeHad() throws IOException {
        Path archive = archive();
        trusted(archive);
        Path mark = folder.resolve("cache/suites/trixie/updated");
        Files.setLastModifiedTime(mark, FileTime.from(Instant.now().minus(Duration.ofDays(2))));
        List<String> said = Collections.synchronizedList(new ArrayList<>());
        Steps steps = new Steps(said::add);
        List<String> sources = List.of("deb [trusted=yes] file:" + archive + " ./");
        AtomicFiles.removeTree(archive);
        AptPackages suite = new DebianSuite("trixie").open(folder.resolve("cache"), steps, sources);
        assertThat(said).anyMatch(line -> line.contains("going on with the package lists"));
        assertThat(suite.closure(List.of("one"))).hasSize(3);
    }

    /** apt leaves some lists behind when it is killed; those are not all that the suite has. */
    @Test
    void listsOfAnUpdateThatDidNotEndAreNotUsed() throws IOException {
        Path archive = archive();
        trusted(archive);
        Files.delete(folder.resolve("cache/suites/trixie/updated"));
        AtomicFiles.removeTree(archive);
        refused(
                () -> trusted(archive),
                ExitStatus.ENVIRONMENT,
                "RBL-SUITE: trixie",
                "package lists cannot be had");
        assertThat(folder.resolve("cache/suites")).isEmptyDirectory();
    }

    @Test
    void listsThatAreOfTheFutureAreOld() throws IOException {
        Path archive = archive();
        trusted(archive);
        Path mark = folder.resolve("cache/suites/trixie/updated");
        Instant future = Instant.now().plus(Duration.ofDays(400));
        Files.setLastModifiedTime(mark, FileTime.from(future));
        trusted(archive);
        assertThat(Files.getLastModifiedTime(mark).toInstant())
                .isBefore(Instant.now().plusSeconds(60));
    }

    @Test
    void whatThisMachineAllowsOfItsOwnListsIsNotAllowedOfASuites() throws IOException {
        trusted(archive());
        Path loose =
                Files.writeString(
                        folder.resolve("loose.conf"),
                        "Acquire::Check-Valid-Until \"false\";\n"
                                + "Acquire::AllowReleaseInfoChange \"true\";\n"
                                + "Acquire::AllowReleaseInfoChange::Codename \"true\";\n"
                                + "Acquire::AllowInsecureRepositories \"true\";\n");
        Subprocess.Result result =
                Subprocess.of(
                                "apt-config",
                                "--config-file=" + folder.resolve("cache/suites/trixie/apt.conf"),
                                "dump")
                        .with("APT_CONFIG", loose.toString())
                        .run();
        assertThat(result.out().lines())
                .contains(
                        "Acquire::Check-Valid-Until \"true\";",
                        "Acquire::AllowReleaseInfoChange \"false\";",
                        "Acquire::AllowInsecureRepositories \"false\";")
                .noneMatch(line -> line.contains("Codename"));
    }

    private AptPackages trusted(Path archive) {
        return new DebianSuite("trixie")
                .open(
                        folder.resolve("cache"),
                        new Steps(Progress.SILENT),
                        List.of("deb [trusted=yes] file:" + archive + " ./"));
    }

    /**
     * A small archive, not signed: one needs two, and two three; lonely needs what is not there.
     */
    private Path archive() throws IOException {
        Path archive = Files.createDirectory(folder.resolve("archive"));
        StringBuilder index = new StringBuilder();
        for (List<String> each :
                List.of(
                        List.of("one", "1.0-1", "Depends: two (>= 2:2)\n"),
                        List.of("two", "2:2.0", "Depends: three\n"),
                        List.of("three", "3", ""),
                        List.of("lonely", "1", "Depends: nowhere\n"))) {
            Path deb = TinyDebs.control(archive, each.get(0), each.get(1), each.get(2));
            index.append(
                            "Package: %s\nVersion: %s\nArchitecture: amd64\n%s"
                                    .formatted(each.get(0), each.get(1), each.get(2)))
                    .append(
                            "Filename: ./%s\nSize: %d\nSHA256: %s\n\n"
                                    .formatted(
                                            deb.getFileName(),
                                            Files.size(deb),
                                            Hashes.sha256(deb)));
        }
        Files.writeString(archive.resolve("Packages"), index);
        Files.writeString(
                archive.resolve("Release"),
                "Suite: trixie\nSHA256:\n %s %d Packages\n"
                        .formatted(
                                Hashes.sha256(archive.resolve("Packages")),
                                Files.size(archive.resolve("Packages"))));
        return archive;
    }
}
