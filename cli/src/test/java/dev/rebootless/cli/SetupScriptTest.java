package dev.rebootless.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * {@code script/setup} where nothing is missing, with an apt that has folders and an archive of its
 * own, and in a user namespace where it is root, or somebody without sudo.
 */
class SetupScriptTest {
    private static final String UPDATES = "setup: apt-get update";
    private static final String ALL_THERE = "setup: everything is there";

    /** The archive has not changed for that long. */
    private static final Duration OLD = Duration.ofDays(9);

    @TempDir private Path folder = Path.of("");

    @BeforeEach
    void privateApt() throws IOException {
        Path archive = Files.createDirectory(folder.resolve("archive"));
        Path packages =
                Files.writeString(
                        archive.resolve("Packages"),
                        "Package: linux-source-6.1\nVersion: 6.1.9-1\nArchitecture: all\n"
                                + "Maintainer: Nobody <nobody@example.org>\nDescription: test\n"
                                + "Filename: ./linux-source-6.1_6.1.9-1_all.deb\nSize: 1\nSHA256: "
                                + "0".repeat(64)
                                + "\n");
        Files.setLastModifiedTime(packages, ago(OLD));
        Files.createDirectories(folder.resolve("state/lists/partial"));
        Files.createDirectories(folder.resolve("cache/archives/partial"));
        Files.writeString(folder.resolve("status"), "");
        Files.writeString(
                folder.resolve("sources.list"),
                "deb [trusted=yes] copy:%s ./\n".formatted(archive));
        Files.writeString(
                folder.resolve("apt.conf"),
                """
                Dir::State "%1$s/state";
                Dir::State::status "%1$s/status";
                Dir::Cache "%1$s/cache";
                Dir::Etc::sourcelist "%1$s/sources.list";
                Dir::Etc::sourceparts "/dev/null";
                APT::Sandbox::User "root";
                """
                        .formatted(folder));
    }

    private static FileTime ago(Duration time) {
        return FileTime.from(Instant.now().minus(time));
    }

    private Path stamp() {
        return folder.resolve("xdg/rebootless/apt-updated");
    }

    private Cli.Result setup(int user) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of("bwrap", "--dev-bind", "/", "/"));
        command.addAll(List.of("--unshare-user", "--uid", String.valueOf(user)));
        if (user != 0) {
            for (String programs : List.of(System.getenv("PATH").split(":"))) {
                Path sudo = Path.of(programs, "sudo");
                if (Files.exists(sudo)) {
                    command.addAll(List.of("--ro-bind", "/dev/null", sudo.toString()));
                }
            }
        }
        command.add(Cli.root().resolve("script/setup").toRealPath().toString());
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment()
                .putAll(
                        Map.of(
                                "APT_CONFIG", folder.resolve("apt.conf").toString(),
                                "XDG_CACHE_HOME", folder.resolve("xdg").toString(),
                                "JAVA_HOME", System.getProperty("java.home")));
        Path out = folder.resolve("stdout.txt");
        Path err = folder.resolve("stderr.txt");
        Process process =
                builder.redirectInput(Path.of("/dev/null").toFile())
                        .redirectOutput(out.toFile())
                        .redirectError(err.toFile())
                        .start();
        assertThat(process.waitFor(1, TimeUnit.MINUTES)).isTrue();
        return new Cli.Result(process.exitValue(), Files.readString(out), Files.readString(err));
    }

    @Test
    void listsAreUpdatedWhenTheyAreMissingAndThenNotAgainHoweverOldTheArchiveIs() throws Exception {
        Cli.Result first = setup(0);
        assertThat(first.status()).as(first.err()).isZero();
        assertThat(first.err()).contains(UPDATES, ALL_THERE).doesNotContain("failed");
        Cli.Result second = setup(0);
        assertThat(second.status()).as(second.err()).isZero();
        assertThat(second.err()).contains(ALL_THERE).doesNotContain(UPDATES);
    }

    @Test
    void listsAreUpdatedAgainADayAfterTheLastUpdateHoweverNewTheArchiveIs() throws Exception {
        Files.setLastModifiedTime(folder.resolve("archive/Packages"), ago(Duration.ZERO));
        assertThat(setup(0).err()).contains(UPDATES);
        Files.setLastModifiedTime(stamp(), ago(Duration.ofDays(2)));
        assertThat(setup(0).err()).contains(UPDATES);
        assertThat(setup(0).err()).doesNotContain(UPDATES);
    }

    @Test
    void anUpdateBySomebodyElseCounts() throws Exception {
        assertThat(setup(0).status()).isZero();
        Files.delete(stamp());
        assertThat(setup(0).err()).doesNotContain(UPDATES);
        Files.setLastModifiedTime(folder.resolve("state/lists/partial"), ago(Duration.ofDays(2)));
        assertThat(setup(0).err()).contains(UPDATES);
        assertThat(stamp()).isRegularFile();
    }

    @Test
    void anUpdateThatFailsStopsNothingAndIsTriedAgain() throws Exception {
        assertThat(setup(0).status()).isZero();
        Files.setLastModifiedTime(stamp(), ago(Duration.ofDays(2)));
        Files.delete(folder.resolve("archive/Packages"));
        for (int i = 0; i < 2; i++) {
            Cli.Result result = setup(0);
            assertThat(result.status()).as(result.err()).isZero();
            assertThat(result.err()).contains(UPDATES, "update failed", ALL_THERE);
        }
    }

    @Test
    void withoutRootAndSudoListsThatNobodyUpdatesDoNotStopASetupThatMissesNothing()
            throws Exception {
        // None, and then old ones.
        assertThat(setup(1000)).satisfies(SetupScriptTest::goesOn);
        assertThat(setup(0).status()).isZero();
        assertThat(setup(1000).err()).doesNotContain(UPDATES);
        Files.setLastModifiedTime(stamp(), ago(Duration.ofDays(2)));
        assertThat(setup(1000)).satisfies(SetupScriptTest::goesOn);
    }

    private static void goesOn(Cli.Result result) {
        assertThat(result.status()).as(result.err()).isZero();
        assertThat(result.err())
                .contains("needs root, and there is no sudo", ALL_THERE)
                .doesNotContain("RBL-SETUP");
    }
}
