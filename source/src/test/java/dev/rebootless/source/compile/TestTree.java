package dev.rebootless.source.compile;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.Subprocess;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A prepared kernel tree for tests: the newest 6.1 cloud kernel that apt serves, its source and
 * configuration unpacked and prepared once (about a minute and 150 MB of downloads) and kept in the
 * user's cache.
 *
 * @param tree the prepared tree
 * @param compiler the compiler's program name
 * @param release what {@code uname -r} prints on that kernel
 */
public record TestTree(Path tree, String compiler, String release) {
    private static final String COMPILER = "gcc-12";

    private static final class Holder {
        static final TestTree TREE = prepare();
    }

    /** The tree, prepared on first use. */
    public static TestTree get() {
        return Holder.TREE;
    }

    private static TestTree prepare() {
        try {
            Path base =
                    Optional.ofNullable(System.getenv("XDG_CACHE_HOME"))
                            .filter(s -> !s.isBlank())
                            .map(Path::of)
                            .orElseGet(() -> Path.of(System.getProperty("user.home"), ".cache"))
                            .resolve("rebootless")
                            .resolve("test-trees");
            Files.createDirectories(base);
            String release = newestRelease(base);
            Path done = base.resolve(release);
            try (FileChannel channel =
                            FileChannel.open(
                                    base.resolve("lock"),
                                    StandardOpenOption.CREATE,
                                    StandardOpenOption.WRITE);
                    FileLock lock = channel.lock()) {
                if (!lock.isValid()) {
                    throw new IllegalStateException("no lock on " + base);
                }
                if (!Files.isDirectory(done)) {
                    Path aside = base.resolve("." + release + ".tmp");
                    AtomicFiles.removeTree(aside);
                    fill(aside, release);
                    Files.move(aside, done, StandardCopyOption.ATOMIC_MOVE);
                }
            }
            return new TestTree(done.resolve("linux"), COMPILER, release);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** What apt serves; without apt, what was prepared before. */
    private static String newestRelease(Path base) throws IOException {
        Optional<String> served =
                run(base, "apt-cache", "search", "-n", "^linux-headers-6\\.1\\..*-cloud-amd64$")
                        .lines()
                        .map(l -> l.split(" ")[0].substring("linux-headers-".length()))
                        .max(
                                Comparator.comparingInt(r ->
                                        Integer.parseInt(
                                                r.replaceAll("6\\.1\\.0-(\\d+)-.*", "$1"))));
        if (served.isPresent()) {
            return served.get();
        }
        try (Stream<Path> kept = Files.list(base)) {
            return kept.map(p -> p.getFileName().toString())
                    .filter(n -> n.endsWith("-cloud-amd64"))
                    .max(Comparator.naturalOrder())
                    .orElseThrow(() -> new IllegalStateException("apt knows no 6.1 cloud kernel"));
        }
    }

    private static void fill(Path folder, String release) throws IOException {
        Path debs = Files.createDirectories(folder.resolve("debs"));
        String headers = "linux-headers-" + release;
        String version =
                run(debs, "apt-cache", "show", headers)
                        .lines()
                        .filter(l -> l.startsWith("Version: "))
                        .findFirst()
                        .orElseThrow()
                        .substring("Version: ".length());
        run(debs, "apt-get", "download", headers + "=" + version, "linux-source-6.1=" + version);
        Path root = folder.resolve("root");
        try (Stream<Path> files = Files.list(debs)) {
            for (Path deb : files.toList()) {
                run(folder, "dpkg-deb", "-x", deb.toString(), root.toString());
            }
        }
        AtomicFiles.removeTree(debs);
        Path tree = Files.createDirectory(folder.resolve("linux"));
        Path archive = root.resolve("usr/src/linux-source-6.1.tar.xz");
        run(tree, "tar", "-xf", archive.toString(), "--strip-components=1");
        Path packaged = root.resolve("usr/src").resolve(headers);
        Files.copy(packaged.resolve(".config"), tree.resolve(".config"));
        Files.copy(packaged.resolve("Module.symvers"), tree.resolve("Module.symvers"));
        AtomicFiles.removeTree(root);
        run(tree, "make", "CC=" + COMPILER, "olddefconfig");
        run(tree, "make", "-j2", "CC=" + COMPILER, "prepare", "modules_prepare");
    }

    private static String run(Path folder, String... command) {
        Subprocess.Result result =
                Subprocess.of(List.of(command)).in(folder).deadline(Duration.ofMinutes(15)).run();
        if (!result.ok()) {
            throw new IllegalStateException(List.of(command) + " failed: " + result.all());
        }
        return result.out();
    }
}
