package dev.rebootless.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.base.Subprocess;
import dev.rebootless.source.kit.Kits;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/** The whole of Rebootless, with the Java machine that this test runs on, for a guest. */
final class Builder {
    private static final String COMMAND = "/usr/local/bin/rebootless-builder";

    private Builder() {}

    /** Puts the Java machine and the class path of this test into a folder that a guest gets. */
    static void copyTo(Path files) throws Exception {
        Path lib = Files.createDirectories(files.resolve("builder/lib"));
        Path java = files.resolve("builder/java");
        run("cp", "-r", System.getProperty("java.home"), java.toString());
        // What only makes other Java machines.
        run("rm", "-rf", java.resolve("jmods").toString(), java.resolve("lib/src.zip").toString());
        int number = 0;
        for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
            if (Files.exists(Path.of(entry))) {
                // They may have one name; a jar's ends as it did.
                String name = number++ + "-" + Path.of(entry).getFileName();
                run("cp", "-r", entry, lib.resolve(name).toString());
            }
        }
    }

    private static void run(String... command) {
        Subprocess.Result result = Subprocess.of(command).deadline(Duration.ofMinutes(5)).run();
        assertThat(result.ok()).as(String.join(" ", command) + ": " + result.err()).isTrue();
    }

    /**
     * Makes the command {@code rebootless-builder}, and mounts the kit where it was made: paths in
     * it are absolute.
     */
    static void install(HostGuest host, Path kit) throws Exception {
        host.run(
                        """
                        mkdir -p %1$s && mount /dev/vdc %1$s || exit
                        path=$(printf '%%s:' /opt/builder/lib/*)
                        cat >%2$s <<END
                        #!/bin/sh
                        export HOME=/root XDG_CACHE_HOME=%3$s
                        exec /opt/builder/java/bin/java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmx700m \
                            --enable-native-access=ALL-UNNAMED -cp $path dev.rebootless.cli.Main "\\$@"
                        END
                        chmod 755 %2$s
                        """
                                .formatted(kit, COMMAND, Kits.userCache().getParent()))
                .requireStatus(0);
    }
}
