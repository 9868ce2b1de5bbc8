package dev.rebootless.kernel;

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
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Real Debian packages for tests: looked up with apt-cache, never pinned, downloaded with {@code
 * apt-get download}, which installs nothing, and kept in {@code
 * ${XDG_CACHE_HOME:-~/.cache}/rebootless/test-packages}. What is there already is used when apt or
 * the network are not. Safe for use by several processes at a time.
 */
public final class TestPackages {
    private static final Duration DOWNLOAD_DEADLINE = Duration.ofMinutes(15);

    /** What apt says does not change while tests run, and asking it takes a second. */
    private static final Map<String, List<String>> RELEASES = new ConcurrentHashMap<>();

    private static final Map<String, Optional<String>> FILE_NAMES = new ConcurrentHashMap<>();

    private TestPackages() {}

    /** The folder of the cache; it exists afterwards. */
    public static Path folder() {
        String cache = System.getenv("XDG_CACHE_HOME");
        Path base =
                cache == null || cache.isEmpty()
                        ? Path.of(System.getProperty("user.home"), ".cache")
                        : Path.of(cache);
        try {
            return Files.createDirectories(base.resolve("rebootless/test-packages"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * The newest kernel release of a line and flavour that apt has, else the newest in the cache.
     *
     * @param line such as {@code 6.1}
     * @param flavour such as {@code cloud-amd64} or {@code amd64}
     * @return such as {@code 6.1.0-56-cloud-amd64}
     */
    public static String newestRelease(String line, String flavour) {
        List<String> all = releases(line, flavour);
        if (all.isEmpty()) {
            throw new IllegalStateException(
                    "apt has no linux-image-%s.*-%s-unsigned, and none is in %s: run apt-get update, and see that the sources list has bookworm-security and, for 6.12, bookworm-backports"
                            .formatted(line, flavour, folder()));
        }
        return all.getLast();
    }

    /** All kernel releases of a line and flavour that apt or the cache have, oldest first. */
    public static List<String> releases(String line, String flavour) {
        return RELEASES.computeIfAbsent(line + " " + flavour, _ -> lookUpReleases(line, flavour));
    }

    private static List<String> lookUpReleases(String line, String flavour) {
        Pattern image =
                Pattern.compile(
                        "linux-image-(%s\\.[0-9.]+(?:-[0-9]+)?(?:\\+deb[0-9]+)?-%s)-unsigned"
                                .formatted(Pattern.quote(line), Pattern.quote(flavour)));
        TreeSet<String> found = new TreeSet<>(BY_NUMBERS);
        Subprocess.Result search =
                Subprocess.of("apt-cache", "search", "--names-only", "^linux-image-" + line).run();
        Stream.concat(
                        search.out().lines().map(text -> text.split(" ", 2)[0]),
                        cached().stream().map(TestPackages::packageName))
                .map(image::matcher)
                .filter(Matcher::matches)
                .forEach(match -> found.add(match.group(1)));
        return List.copyOf(found);
    }

    /** Orders as versions: runs of digits as numbers, all else as text. */
    private static final Comparator<String> BY_NUMBERS =
            (a, b) -> {
                Pattern part = Pattern.compile("[0-9]+|[^0-9]+");
                List<String> left = part.matcher(a).results().map(r -> r.group()).toList();
                List<String> right = part.matcher(b).results().map(r -> r.group()).toList();
                for (int i = 0; i < Math.min(left.size(), right.size()); i++) {
                    boolean numbers =
                            Character.isDigit(left.get(i).charAt(0))
                                    && Character.isDigit(right.get(i).charAt(0));
                    int order =
                            numbers
                                    ? Long.compare(
                                            Long.parseLong(left.get(i)),
                                            Long.parseLong(right.get(i)))
                                    : left.get(i).compareTo(right.get(i));
                    if (order != 0) {
                        return order;
                    }
                }
                return Integer.compare(left.size(), right.size());
            };

    /** The unsigned image package of a release. */
    public static Path image(String release) {
        return deb("linux-image-" + release + "-unsigned");
    }

    /** The vmlinuz of a release, from its image package. */
    public static Path vmlinuz(String release) {
        return file(image(release), "boot/vmlinuz-" + release);
    }

    /** The headers package of a release, with its .config and Module.symvers. */
    public static Path headers(String release) {
        return deb("linux-headers-" + release);
    }

    /**
     * A package by its name: the version that apt would install, else the newest in the cache.
     *
     * @return the .deb
     */
    public static Path deb(String name) {
        Optional<String> file = FILE_NAMES.computeIfAbsent(name, TestPackages::aptFileName);
        if (file.isPresent()) {
            Path deb = folder().resolve(file.get());
            if (Files.exists(deb) || locked(() -> download(name, deb))) {
                return deb;
            }
        }
        return cached().stream()
                .filter(path -> packageName(path).equals(name))
                .max(Comparator.comparing(path -> path.getFileName().toString(), BY_NUMBERS))
                .orElseThrow(() ->
                        new IllegalStateException(
                                "the package "
                                        + name
                                        + " is neither served by apt nor in "
                                        + folder()));
    }

    /** What {@code apt-get download} would call the file. */
    private static Optional<String> aptFileName(String name) {
        Subprocess.Result show =
                Subprocess.of("apt-cache", "show", "--no-all-versions", name).run();
        Optional<String> version = field(show.out(), "Version");
        Optional<String> architecture = field(show.out(), "Architecture");
        return version.flatMap(v ->
                architecture.map(a -> "%s_%s_%s.deb".formatted(name, v.replace(":", "%3a"), a)));
    }

    private static Optional<String> field(String control, String name) {
        return control.lines()
                .filter(line -> line.startsWith(name + ": "))
                .map(line -> line.substring(name.length() + 2).strip())
                .findFirst();
    }

    private static boolean download(String name, Path deb) throws IOException {
        if (Files.exists(deb)) {
            return true; // another process was faster
        }
        Path aside = Files.createTempDirectory(folder(), ".download-");
        try {
            Subprocess.Result result =
                    Subprocess.of("apt-get", "download", "--quiet", name)
                            .in(aside)
                            .deadline(DOWNLOAD_DEADLINE)
                            .run();
            Path fetched = aside.resolve(deb.getFileName());
            if (!result.ok() || !Files.exists(fetched)) {
                System.err.println("apt-get download " + name + ": " + result.all());
                return false;
            }
            Files.move(fetched, deb, StandardCopyOption.ATOMIC_MOVE);
            return true;
        } finally {
            AtomicFiles.removeTree(aside);
        }
    }

    /**
     * One file of a package, unpacked once and kept in the cache.
     *
     * @param path in the package, without a leading slash
     */
    public static Path file(Path deb, String path) {
        Path unpacked = unpackedFolder(deb).resolve(path);
        if (!Files.exists(unpacked)) {
            unpack(deb, path);
        }
        return unpacked;
    }

    /**
     * The files of a package that fit a pattern, unpacked once and kept in the cache.
     *
     * @param pattern of paths in the package as tar(1) takes them with {@code --wildcards}, such as
     *     {@code lib/modules/*}{@code /cifs.ko*}
     */
    public static List<Path> files(Path deb, String pattern) {
        Path mark = unpackedFolder(deb).resolve("." + pattern.replace('/', '!') + ".unpacked");
        if (!Files.exists(mark)) {
            List<Path> moved = unpack(deb, pattern);
            try {
                AtomicFiles.write(
                        mark, String.join("\n", moved.stream().map(Path::toString).toList()));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        try {
            return Files.readAllLines(mark).stream()
                    .filter(s -> !s.isEmpty())
                    .map(Path::of)
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Path unpackedFolder(Path deb) {
        String name = deb.getFileName().toString();
        return folder().resolve(name.substring(0, name.length() - ".deb".length()));
    }

    private static List<Path> unpack(Path deb, String pattern) {
        return locked(() -> {
            Path aside = Files.createTempDirectory(folder(), ".unpack-");
            try {
                Subprocess.Result result =
                        Subprocess.of(
                                        "sh",
                                        "-c",
                                        "dpkg-deb --fsys-tarfile \"$1\" | tar -x --wildcards -f - \"./$2\"",
                                        "sh",
                                        deb.toString(),
                                        pattern)
                                .in(aside)
                                .run();
                if (!result.ok()) {
                    throw new IllegalStateException(
                            "%s has no %s: %s".formatted(deb, pattern, result.all()));
                }
                List<Path> files;
                try (Stream<Path> walk = Files.walk(aside)) {
                    files = walk.filter(Files::isRegularFile).sorted().toList();
                }
                List<Path> moved = new ArrayList<>();
                for (Path file : files) {
                    Path target = unpackedFolder(deb).resolve(aside.relativize(file).toString());
                    Files.createDirectories(target.getParent());
                    Files.move(file, target, StandardCopyOption.ATOMIC_MOVE);
                    moved.add(target);
                }
                return moved;
            } finally {
                AtomicFiles.removeTree(aside);
            }
        });
    }

    private static String packageName(Path deb) {
        return deb.getFileName().toString().split("_", 2)[0];
    }

    private static List<Path> cached() {
        try (Stream<Path> list = Files.list(folder())) {
            return list.filter(p -> p.toString().endsWith(".deb")).toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** One process and thread at a time: the second finds what the first has fetched. */
    private static synchronized <T> T locked(Callable<T> work) {
        try (FileChannel channel =
                        FileChannel.open(
                                folder().resolve(".lock"),
                                StandardOpenOption.CREATE,
                                StandardOpenOption.WRITE);
                FileLock lock = channel.lock()) {
            if (!lock.isValid()) {
                throw new IOException("no lock on " + folder());
            }
            return work.call();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }
}
