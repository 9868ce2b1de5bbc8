package dev.rebootless.elf.x86;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.base.Subprocess;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A cloud kernel image package as the distribution ships it: of its line the newest in the cache of
 * test packages, or, when there is none, the newest that apt serves.
 */
record ShippedKernel(Path packageFile) {
    /** The line that Debian 12 is made of. */
    static final String DEBIAN_12 = "6.1.0-";

    /** The line of Debian 13, built for Debian 12 as well; with IBT and call padding. */
    static final String DEBIAN_13 = "6.12.";

    /** Offsets in the boot sector: the header's size in sectors and where the payload lies. */
    private static final int SETUP_SECTS = 0x1F1;

    private static final int PAYLOAD_OFFSET = 0x248;
    private static final int PAYLOAD_LENGTH = 0x24C;
    private static final int SECTOR = 512;

    /**
     * @param line how its releases begin, {@link #DEBIAN_12} or {@link #DEBIAN_13}
     */
    static ShippedKernel newest(String line) throws IOException {
        Path cache = cacheFolder();
        Files.createDirectories(cache);
        Optional<Path> cached = newest(cache, line);
        if (cached.isEmpty()) {
            download(cache, line);
            cached = newest(cache, line);
        }
        return new ShippedKernel(
                cached.orElseThrow(() -> new IOException("apt brought no image of " + line)));
    }

    private static Path cacheFolder() {
        String xdg = System.getenv("XDG_CACHE_HOME");
        Path base =
                xdg == null || xdg.isEmpty()
                        ? Path.of(System.getProperty("user.home"), ".cache")
                        : Path.of(xdg);
        return base.resolve("rebootless").resolve("test-packages");
    }

    private static Optional<Path> newest(Path cache, String line) throws IOException {
        try (Stream<Path> files = Files.list(cache)) {
            return files.filter(f -> f.getFileName().toString().endsWith(".deb"))
                    .max(Comparator.comparingInt(f -> withinLine(f.getFileName().toString(), line)))
                    .filter(f -> withinLine(f.getFileName().toString(), line) >= 0);
        }
    }

    /**
     * The number that tells releases of a line apart, such as 56 of
     * linux-image-6.1.0-56-cloud-amd64-unsigned; -1 for another package.
     */
    private static int withinLine(String name, String line) {
        Matcher matcher =
                Pattern.compile(
                                "linux-image-"
                                        + Pattern.quote(line)
                                        + "([0-9]+)(?:\\+deb[0-9]+)?-cloud-amd64-unsigned(?:_.*)?")
                        .matcher(name);
        return matcher.matches() ? Integer.parseInt(matcher.group(1)) : -1;
    }

    private static void download(Path cache, String line) throws IOException {
        String newest =
                run(Subprocess.of("apt-cache", "pkgnames", "linux-image-" + line))
                        .lines()
                        .filter(name -> withinLine(name, line) >= 0)
                        .max(Comparator.comparingInt(name -> withinLine(name, line)))
                        .orElseThrow(() -> new IOException("apt knows no image of " + line));
        // Aside and renamed, so that a download that was cut off is never taken for a package.
        Path aside = Files.createTempDirectory(cache, ".download");
        run(
                Subprocess.of("apt-get", "-o", "APT::Sandbox::User=root", "download", newest)
                        .in(aside));
        try (Stream<Path> files = Files.list(aside)) {
            for (Path file : files.toList()) {
                Files.move(
                        file,
                        cache.resolve(file.getFileName()),
                        StandardCopyOption.ATOMIC_MOVE,
                        StandardCopyOption.REPLACE_EXISTING);
            }
        }
        Files.delete(aside);
    }

    /** Unpacks the members whose paths match, and gives the regular files among them. */
    List<Path> unpack(Path folder, String... patterns) throws IOException {
        run(
                Subprocess.of(
                        Stream.concat(
                                        Stream.of(
                                                "sh",
                                                "-c",
                                                "dpkg-deb --fsys-tarfile \"$1\" | { cd \"$2\" && shift 2 &&"
                                                        + " tar -x --wildcards \"$@\"; }",
                                                "sh",
                                                packageFile.toString(),
                                                folder.toString()),
                                        Arrays.stream(patterns))
                                .toList()));
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(Files::isRegularFile).sorted().toList();
        }
    }

    /**
     * The vmlinux within the boot image (Documentation/arch/x86/boot.rst, payload_offset), by the
     * program that its compression asks for.
     */
    Path vmlinux(Path folder) throws IOException {
        Path image = unpack(folder, "./boot/vmlinuz-*").getFirst();
        byte[] bytes = Files.readAllBytes(image);
        ByteBuffer header = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        int start = (bytes[SETUP_SECTS] + 1) * SECTOR + header.getInt(PAYLOAD_OFFSET);
        // The last four bytes are the unpacked size, written by the kernel's build.
        int end = start + header.getInt(PAYLOAD_LENGTH) - Integer.BYTES;
        Path payload = folder.resolve("payload");
        Files.write(payload, Arrays.copyOfRange(bytes, start, end));
        Path vmlinux = folder.resolve("vmlinux");
        String program =
                switch (bytes[start] & 0xFF) {
                    case 0xFD -> "xz";
                    case 0x1F -> "gzip";
                    case 0x28 -> "zstd";
                    case 0x02 -> "lz4";
                    default -> throw new IOException("unknown compression of " + image);
                };
        run(
                Subprocess.of(
                        "sh",
                        "-c",
                        "exec \"$1\" -dc <\"$2\" >\"$3\"",
                        "sh",
                        program,
                        payload.toString(),
                        vmlinux.toString()));
        return vmlinux;
    }

    private static String run(Subprocess program) throws IOException {
        try {
            Subprocess.Result result = program.run();
            if (!result.ok()) {
                throw new IOException(result.command() + ": " + result.all());
            }
            return result.out();
        } catch (RebootlessException e) {
            throw new IOException(e);
        }
    }
}
