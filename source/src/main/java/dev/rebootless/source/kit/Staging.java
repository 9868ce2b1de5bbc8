package dev.rebootless.source.kit;

import dev.rebootless.base.AtomicFiles;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

/**
 * The folder that a kit is made in, beside its final place and under a name that starts with {@code
 * .} and ends with {@code .tmp}. It remembers which parts are finished, so that an interrupted
 * making goes on from there; a part that was only begun is thrown away. What it remembers counts
 * only for the same packages, the same recipe and the same boot of this machine: after a power cut
 * nobody knows which files had reached the disk.
 */
final class Staging {
    /** Raise it with every change to what the parts hold. */
    private static final int RECIPE = 1;

    /** random(4): a new one at every boot. */
    private static final Path BOOT_ID = Path.of("/proc/sys/kernel/random/boot_id");

    private static final String PLAN = "plan";

    private static final int MAX_TRIES = 20;
    private static final long PAUSE_NANOS = 250_000_000;

    private final Path folder;

    private Staging(Path folder) {
        this.folder = folder;
    }

    /**
     * Opens the folder for these packages, with what is finished in it, and removes all other
     * unfinished work on this release. The caller holds the release's lock.
     */
    static Staging open(Path releaseFolder, KernelPackages packages) throws IOException {
        Files.createDirectories(releaseFolder);
        Path folder = releaseFolder.resolve("." + packages.image().sha256() + ".tmp");
        try (Stream<Path> others = Files.list(releaseFolder)) {
            for (Path other : others.filter(Staging::isUnfinished).toList()) {
                if (!other.equals(folder)) {
                    AtomicFiles.removeTree(other);
                }
            }
        }
        StringBuilder plan = new StringBuilder("recipe " + RECIPE + "\n");
        plan.append("boot ").append(bootId()).append('\n');
        packages.all()
                .forEach(p -> plan.append(p.spec()).append(' ').append(p.sha256()).append('\n'));
        Path planFile = folder.resolve(PLAN);
        if (!Files.isRegularFile(planFile) || !Files.readString(planFile).contentEquals(plan)) {
            AtomicFiles.removeTree(folder);
            Files.createDirectories(folder);
            AtomicFiles.write(planFile, plan.toString());
        }
        return new Staging(folder);
    }

    static boolean isUnfinished(Path path) {
        String name = path.getFileName().toString();
        return name.startsWith(".") && name.endsWith(".tmp");
    }

    private static String bootId() throws IOException {
        return Files.isReadable(BOOT_ID) ? Files.readString(BOOT_ID).strip() : "unknown";
    }

    Path folder() {
        return folder;
    }

    Path part(String name) {
        return folder.resolve(name);
    }

    boolean isDone(String part) {
        return Files.exists(mark(part));
    }

    /** An empty folder for a part to be made in. */
    Path begin(String part) throws IOException {
        Files.deleteIfExists(mark(part));
        AtomicFiles.removeTree(part(part));
        return Files.createDirectories(part(part));
    }

    void done(String part) throws IOException {
        Files.createFile(mark(part));
    }

    /**
     * A finished part is about to be changed in place: from here on it is good for nothing else.
     */
    void reopen(String part) throws IOException {
        Files.deleteIfExists(mark(part));
    }

    private Path mark(String part) {
        return folder.resolve(part + ".done");
    }

    /**
     * Removes it. The programs that worked in it were killed, but may need a moment to be gone, and
     * make a last file meanwhile.
     */
    void remove() throws IOException {
        for (int tries = 1; ; tries++) {
            try {
                AtomicFiles.removeTree(folder);
                return;
            } catch (DirectoryNotEmptyException | NoSuchFileException | UncheckedIOException e) {
                if (tries == MAX_TRIES) {
                    throw e;
                }
                LockSupport.parkNanos(PAUSE_NANOS);
            }
        }
    }

    /** Takes away all parts of such a name but one, finished or not. */
    void keepOnly(String prefix, String part) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) {
                String name = file.getFileName().toString();
                if (name.startsWith(prefix) && !name.startsWith(part)) {
                    AtomicFiles.removeTree(file);
                }
            }
        }
    }

    /** Takes away what only the making needed. */
    void clean(List<String> parts) throws IOException {
        for (String part : parts) {
            AtomicFiles.removeTree(part(part));
        }
        try (Stream<Path> files = Files.list(folder)) {
            for (Path mark : files.filter(f -> f.toString().endsWith(".done")).toList()) {
                Files.delete(mark);
            }
        }
        Files.deleteIfExists(folder.resolve(PLAN));
    }
}
