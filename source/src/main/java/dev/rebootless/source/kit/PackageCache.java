package dev.rebootless.source.kit;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.Hashes;
import dev.rebootless.base.RebootlessException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.stream.Stream;

/**
 * Downloaded packages, {@code packages/SHA256/NAME_VERSION_ARCH.deb}: the hash in the path keeps
 * two packages of one name and version apart, and says what the file must hold each time it is
 * used.
 */
final class PackageCache {
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
                                () -> source.fetch(wanted, aside));
                if (!isWhole(fetched, wanted)) {
                    throw RebootlessException.environment(
                            "RBL-PACKAGE",
                            wanted.fileName(),
                            "from "
                                    + source.describe()
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
