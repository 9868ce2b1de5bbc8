package dev.rebootless.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.base.Subprocess;
import java.nio.file.Path;
import java.time.Duration;

/** The host's part of Rebootless as {@code script/host-package} makes it. */
final class HostPackage {
    private HostPackage() {}

    /** Makes it of the classes that this test runs with, in a folder that a guest gets. */
    static void make(Path files) {
        Subprocess.Result result =
                Subprocess.of(
                                Cli.root().resolve("script/host-package").toString(),
                                files.resolve("host").toString(),
                                System.getProperty("java.class.path"))
                        .with("JAVA_HOME", System.getProperty("java.home"))
                        .deadline(Duration.ofMinutes(5))
                        .run();
        assertThat(result.ok()).as(result.err()).isTrue();
    }

    /** Copies it to where it belongs. */
    static void install(DebianGuest guest) throws Exception {
        guest.run("cp -a /opt/host/usr/. /usr/").requireStatus(0);
    }
}
