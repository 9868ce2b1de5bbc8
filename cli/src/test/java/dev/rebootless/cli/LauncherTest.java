package dev.rebootless.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * When {@code ./rebootless} uses what was built and when it builds anew, in a checkout that has a
 * finished build. Java is a script that says that it was started, and Maven one that fails, so that
 * no test waits for a build.
 */
class LauncherTest {
    @TempDir private Path folder = Path.of("");
    private Path checkout = folder;
    private Path java = folder;

    @BeforeEach
    void finishedBuild() throws IOException {
        checkout = folder.resolve("checkout");
        Path launcher = checkout.resolve("cli/target/launcher");
        Files.createDirectories(launcher.resolve("lib"));
        Files.createDirectories(checkout.resolve("cli/src/main"));
        Files.createDirectories(checkout.resolve("script"));
        for (String file : new String[] {"rebootless", "script/lib.sh"}) {
            Files.copy(Cli.root().resolve(file), checkout.resolve(file));
        }
        Files.writeString(checkout.resolve("pom.xml"), "");
        Files.writeString(checkout.resolve("cli/pom.xml"), "");
        java = program("java", "echo started");
        program("mvn", "exit 1");
        Path jar = Files.writeString(launcher.resolve("lib/a.jar"), "");
        Path other = Files.writeString(launcher.resolve("lib/b.jar"), "");
        Files.writeString(launcher.resolve("java"), java + "\n");
        Files.writeString(launcher.resolve("classpath"), jar + ":" + other + "\n");
        Files.writeString(launcher.resolve("complete"), "");
    }

    private Path program(String name, String script) throws IOException {
        Path file =
                Files.writeString(
                        Files.createDirectories(folder.resolve("bin")).resolve(name),
                        "#!/bin/sh\n" + script + "\n");
        return Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    private Cli.Result run(Path where) throws IOException, InterruptedException {
        ProcessBuilder builder = new ProcessBuilder(where.resolve("rebootless").toString());
        builder.environment().merge("PATH", folder.resolve("bin") + ":", (old, bin) -> bin + old);
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
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

    private static void isBuilt(Cli.Result result) {
        assertThat(result.out()).isEmpty();
        assertThat(result.err()).contains("building rebootless", "RBL-BUILD");
    }

    @Test
    void aFinishedBuildIsUsed() throws Exception {
        Cli.Result result = run(checkout);
        assertThat(result.err()).isEmpty();
        assertThat(result.out()).isEqualTo("started\n");
    }

    @Test
    void aCopyOfACheckoutDoesNotRunWhatTheOtherOneBuilt() throws Exception {
        Path copy = folder.resolve("copy");
        Process cp =
                new ProcessBuilder("cp", "-a", checkout.toString(), copy.toString())
                        .inheritIO()
                        .start();
        assertThat(cp.waitFor()).isZero();
        assertThat(run(copy)).satisfies(LauncherTest::isBuilt);
    }

    @Test
    void aCheckoutThatWasMovedIsBuiltAnew() throws Exception {
        Path moved = Files.move(checkout, folder.resolve("moved"));
        assertThat(run(moved)).satisfies(LauncherTest::isBuilt);
    }

    @Test
    void aJdkThatWasRemovedSinceIsLookedForAgain() throws Exception {
        Files.delete(java);
        assertThat(run(checkout)).satisfies(LauncherTest::isBuilt);
    }

    @Test
    void aJarThatIsGoneIsBuiltAgain() throws Exception {
        Files.delete(checkout.resolve("cli/target/launcher/lib/b.jar"));
        assertThat(run(checkout)).satisfies(LauncherTest::isBuilt);
    }
}
