package dev.rebootless.source.kit;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.Hashes;
import dev.rebootless.base.Progress;
import dev.rebootless.base.RebootlessException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/**
 * Downloaded packages, {@code packages/SHA256/NAME_VERSION_ARCH.deb}: the hash in the path keeps
 * two packages of one name and version apart, and says what the file must hold each time it is
 * used.
 */
final class PackageCache {
    /** Packages in one call of apt: what an interruption can lose. */
    private static final int AT_ONCE = 12;

    private final Path folder;
    private final Path locks;
    private final Steps steps;

    PackageCache(Path folder, Path locks, Steps steps) {
        this.folder = folder;
        this.locks = locks;
        this.steps = steps;
    }

    /**
     * The verified file, from the cache or else from the source.
     *
     * @throws RebootlessException {@code RBL-PACKAGE} (exit status 5) when what came is not what
     *     the hash says; {@code RBL-DOWNLOAD} when nothing came
     */
    Path obtain(PackageRecord wanted, PackageSource source) {
        return obtain(wanted, source.describe(), into -> source.fetch(wanted, into));
    }

    /**
     * @param from for messages
     * @param fetcher brings the file into an empty folder
     */
    private Path obtain(PackageRecord wanted, String from, UnaryOperator<Path> fetcher) {
        Path home = folder.resolve(wanted.sha256());
        Path file = home.resolve(wanted.fileName());
        try (KitLock _ =
                KitLock.acquire(
                        locks.resolve("package-" + wanted.sha256() + ".lock"),
                        wanted.fileName(),
                        steps.progress())) {
            if (Files.exists(file)) {
                if (isWhole(file, wanted)) {
                    steps.progress().step(wanted.fileName() + " is in the cache");
                    return file;
                }
                steps.progress()
                        .step(wanted.fileName() + " in the cache is damaged; fetching it again");
                AtomicFiles.removeTree(home);
            }
            Path aside = folder.resolve("." + wanted.sha256() + ".tmp");
            AtomicFiles.removeTree(aside);
            Files.createDirectories(aside);
            try {
                Path fetched =
                        steps.timed(
                                "fetching "
                                        + wanted.fileName()
                                        + " ("
                                        + megabytes(wanted.size())
                                        + " MB)",
                                () ->
                                        megabytes(bytesIn(aside))
                                                + " of "
                                                + megabytes(wanted.size())
                                                + " MB",
                                () -> fetcher.apply(aside));
                if (!isWhole(fetched, wanted)) {
                    throw RebootlessException.environment(
                            "RBL-PACKAGE",
                            wanted.fileName(),
                            "from "
                                    + from
                                    + " is not the file that its SHA-256 "
                                    + wanted.sha256()
                                    + " names",
                            "run `apt-get update` and try again; if it happens again, somebody may be altering downloads");
                }
                Files.move(
                        fetched,
                        aside.resolve(wanted.fileName()),
                        StandardCopyOption.REPLACE_EXISTING);
                Files.move(aside, home, StandardCopyOption.ATOMIC_MOVE);
            } finally {
                AtomicFiles.removeTree(aside);
            }
            return file;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * The verified files of many packages, in their order; those that the cache lacks are fetched
     * some at a time.
     *
     * @param what for messages
     * @throws RebootlessException as {@link #obtain}
     */
    List<Path> obtainAll(String what, List<PackageRecord> wanted, AptPackages source) {
        long bytes = wanted.stream().mapToLong(PackageRecord::size).sum();
        PackageCache silent = new PackageCache(folder, locks, new Steps(Progress.SILENT));
        AtomicLong have = new AtomicLong();
        return steps.timed(
                "fetching %s (%d packages, %d MB)".formatted(what, wanted.size(), megabytes(bytes)),
                () -> megabytes(have.get()) + " of " + megabytes(bytes) + " MB",
                () -> {
                    List<Path> files = new ArrayList<>();
                    for (int from = 0; from < wanted.size(); from += AT_ONCE) {
                        List<PackageRecord> some =
                                wanted.subList(from, Math.min(from + AT_ONCE, wanted.size()));
                        files.addAll(silent.obtainSome(some, source));
                        some.forEach(p -> have.addAndGet(p.size()));
                    }
                    return List.copyOf(files);
                });
    }

    private List<Path> obtainSome(List<PackageRecord> wanted, AptPackages source) {
        String first = wanted.getFirst().sha256();
        // A name of its own, so that what a killed process left is taken away by the next.
        Path together = folder.resolve(".with-" + first + ".tmp");
        // Whoever wants the same at the same time waits, and finds it in the cache.
        try (KitLock _ =
                KitLock.acquire(
                        locks.resolve("with-package-" + first + ".lock"),
                        "packages of " + source.describe(),
                        steps.progress())) {
            try {
                return obtainTogether(wanted, source, together);
            } finally {
                AtomicFiles.removeTree(together);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private List<Path> obtainTogether(List<PackageRecord> wanted, AptPackages source, Path together)
            throws IOException {
        List<PackageRecord> missing =
                wanted.stream()
                        .filter(p ->
                                !Files.exists(folder.resolve(p.sha256()).resolve(p.fileName())))
                        .toList();
        Map<String, Path> fetched = new HashMap<>();
        if (!missing.isEmpty()) {
            AtomicFiles.removeTree(together);
            Files.createDirectories(together);
            source.fetchAll(missing, together);
            try (Stream<Path> files = Files.list(together)) {
                for (Path file : files.toList()) {
                    fetched.put(Hashes.sha256(file), file);
                }
            }
        }
        List<Path> files = new ArrayList<>();
        for (PackageRecord each : wanted) {
            Path came = fetched.get(each.sha256());
            files.add(
                    came == null
                            ? obtain(each, source)
                            : obtain(
                                    each,
                                    source.describe(),
                                    into -> move(came, into.resolve(each.fileName()))));
        }
        return files;
    }

    private static Path move(Path from, Path to) {
        try {
            return Files.move(from, to);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static boolean isWhole(Path file, PackageRecord wanted) throws IOException {
        return Files.size(file) == wanted.size() && Hashes.sha256(file).equals(wanted.sha256());
    }

    private static long bytesIn(Path folder) {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(Files::isRegularFile).mapToLong(f -> f.toFile().length()).sum();
        } catch (IOException | UncheckedIOException e) {
            // apt renames and removes files meanwhile; this is only for the progress line.
            return 0;
        }
    }

    private static long megabytes(long bytes) {
        return (bytes + 500_000) / 1_000_000;
    }
}
