package dev.rebootless.cli;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.Hashes;
import dev.rebootless.base.Subprocess;
import dev.rebootless.source.kit.Kits;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.List;

/**
 * A small Debian with systemd as the image of a disk, made once from apt and kept: what {@link
 * DebianGuest} boots. It has an agent that runs what the test sends over the second serial port.
 */
final class DebianRoot {
    private static final String SUITE = "bookworm";
    private static final String PACKAGES = "systemd-sysv,udev,kmod,procps,strace,time";

    /** What script/setup installs for building with a kit that is there; objtool needs libelf. */
    private static final String BUILDING = ",gcc-12,binutils,make,libc6-dev,bubblewrap,libelf1";

    /** A request is NUMBER BASE64, an answer NUMBER STATUS OUT ERR, the last two in base64. */
    private static final String AGENT =
            """
            #!/bin/sh
            exec <>/dev/ttyS1 >&0 2>/dev/null
            stty raw -echo
            echo "ready $(uname -r)"
            while read -r number script; do
                echo "$script" | base64 -d >/run/agent.sh
                sh /run/agent.sh </dev/null >/run/agent.out 2>/run/agent.err
                status=$?
                out=$(base64 -w 0 /run/agent.out)
                err=$(base64 -w 0 /run/agent.err)
                echo "$number $status ${out:--} ${err:--}"
            done
            """;

    private static final String UNIT =
            """
            [Unit]
            Description=Runs what the test says
            [Service]
            ExecStart=/usr/local/sbin/agent
            OOMScoreAdjust=-500
            [Install]
            WantedBy=multi-user.target
            """;

    private DebianRoot() {}

    /** The image; not to be written to. */
    static Path image() throws IOException {
        return image(PACKAGES, "700M");
    }

    /** The same with the programs that the builder needs. */
    static Path imageForBuilding() throws IOException {
        return image(PACKAGES + BUILDING, "1500M");
    }

    private static synchronized Path image(String packages, String size) throws IOException {
        String recipe = String.join("\n", SUITE, packages, size, AGENT, UNIT);
        String hash = Hashes.sha256(recipe.getBytes(StandardCharsets.UTF_8)).substring(0, 16);
        Path folder = Files.createDirectories(Kits.userCache().resolve("test"));
        Path image = folder.resolve("debian-" + SUITE + "-" + hash + ".ext4");
        if (!Files.exists(image)) {
            System.err.println("[guest] making a small Debian, which takes a minute: " + image);
            Path work = Files.createTempDirectory(folder, ".root");
            try {
                Path made = make(work, packages, size);
                Files.move(made, image, StandardCopyOption.ATOMIC_MOVE);
            } finally {
                AtomicFiles.removeTreeQuietly(work);
            }
        }
        return image;
    }

    private static Path make(Path work, String packages, String size) throws IOException {
        Path root = work.resolve("root");
        Path tar = work.resolve("root.tar");
        run("mmdebstrap", "--variant=minbase", "--include=" + packages, SUITE, tar.toString());
        Files.createDirectory(root);
        run("tar", "-C", root.toString(), "-xf", tar.toString());
        Files.writeString(root.resolve("etc/hostname"), "guest\n");
        Files.writeString(root.resolve("etc/fstab"), "/dev/vda / ext4 rw 0 1\n");
        Path agent = root.resolve("usr/local/sbin/agent");
        Files.writeString(agent, AGENT);
        run("chmod", "755", agent.toString());
        Files.writeString(root.resolve("etc/systemd/system/agent.service"), UNIT);
        Path wanted =
                Files.createDirectories(root.resolve("etc/systemd/system/multi-user.target.wants"));
        Files.createSymbolicLink(
                wanted.resolve("agent.service"), Path.of("/etc/systemd/system/agent.service"));
        // Nobody logs in, and the console is the kernel's.
        for (String unit :
                List.of(
                        "serial-getty@ttyS0.service",
                        "getty.target",
                        "apt-daily.timer",
                        "apt-daily-upgrade.timer",
                        "e2scrub_reap.service",
                        "systemd-timesyncd.service")) {
            Path mask = root.resolve("etc/systemd/system/" + unit);
            Files.deleteIfExists(mask);
            Files.createSymbolicLink(mask, Path.of("/dev/null"));
        }
        Path image = work.resolve("root.ext4");
        run("mke2fs", "-q", "-t", "ext4", "-d", root.toString(), image.toString(), size);
        return image;
    }

    private static void run(String... command) {
        Subprocess.Result result = Subprocess.of(command).deadline(Duration.ofMinutes(10)).run();
        if (!result.ok()) {
            throw new AssertionError(
                    String.join(" ", command) + ": " + result.out() + result.err());
        }
    }
}
