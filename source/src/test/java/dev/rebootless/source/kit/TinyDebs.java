package dev.rebootless.source.kit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.base.Subprocess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Makes small .deb files. */
final class TinyDebs {
    private TinyDebs() {}

    /**
     * With no content but its control data.
     *
     * @param fields more control lines
     */
    static Path control(Path folder, String name, String version, String fields)
            throws IOException {
        Path root = Files.createTempDirectory(folder, ".deb-");
        Files.createDirectories(root.resolve("DEBIAN"));
        Files.writeString(
                root.resolve("DEBIAN/control"),
                "Package: %s\nVersion: %s\nArchitecture: amd64\nMaintainer: Nobody <nobody@example.org>\nDescription: test\n%s"
                        .formatted(name, version, fields));
        return build(root, folder.resolve(name + "_" + version + "_amd64.deb"));
    }

    /** From a folder that has DEBIAN/control and the content. */
    static Path build(Path root, Path deb) {
        Subprocess.Result result =
                Subprocess.of(
                                "dpkg-deb",
                                "-Zgzip",
                                "--root-owner-group",
                                "--nocheck",
                                "-b",
                                root.toString(),
                                deb.toString())
                        .run();
        assertThat(result.ok()).as(result.all()).isTrue();
        return deb;
    }

    /** From a shell script that writes data.tar into its working folder. */
    static Path withData(Path folder, String script) throws IOException {
        Path work = Files.createTempDirectory(folder, ".raw-");
        Subprocess.Result result =
                Subprocess.of(
                                "bash",
                                "-euc",
                                "echo 2.0 > debian-binary; printf 'Package: hostile\\nVersion: 1\\nArchitecture: amd64\\nMaintainer: N <n@example.org>\\nDescription: x\\n' > control; tar -cf control.tar ./control; "
                                        + script
                                        + "; ar rc hostile.deb debian-binary control.tar data.tar")
                        .in(work)
                        .run();
        assertThat(result.ok()).as(result.all()).isTrue();
        return work.resolve("hostile.deb");
    }
}
