package dev.rebootless.trust.tuf;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.FileFaults;
import dev.rebootless.base.RebootlessException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/**
 * What a host believed last, in the hands of one at a time: of two who update at once, the slower
 * would write older metadata over newer ones. It is the user's own, as {@link StoreRights} has it.
 */
final class TrustedFolder implements AutoCloseable {
    private static final String LOCK = "lock";
    private static final int MAX_BYTES = 16 << 20;

    /** An update that hangs must not make all later ones hang. */
    private static final Duration PATIENCE = Duration.ofMinutes(2);

    private static final long POLL_MILLIS = 100;

    private static final FileAttribute<Set<PosixFilePermission>> OWNER_ONLY =
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));

    /** Whoever may read a file may hold a lock on it. */
    private static final FileAttribute<Set<PosixFilePermission>> LOCK_OWNER_ONLY =
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));

    /**
     * A lock of a file holds against other processes; this one against other threads. By what the
     * folder is and not by its path: a process that closes any descriptor of a file loses its locks
     * of that file (fcntl(2)), so a second thread must not even open it by another path.
     */
    private static final ConcurrentMap<Object, ReentrantLock> THREADS = new ConcurrentHashMap<>();

    private final Path folder;
    private final FileChannel lock;
    private final ReentrantLock threads;

    private TrustedFolder(Path folder, FileChannel lock, ReentrantLock threads) {
        this.folder = folder;
        this.lock = lock;
        this.threads = threads;
    }

    /** As {@link #open(Path, Duration)}, with the patience of a host. */
    static TrustedFolder open(Path folder) {
        return open(folder, PATIENCE);
    }

    /**
     * Waits for whoever has it. One that is not there is made.
     *
     * @param patience how long to wait at the most
     * @throws RebootlessException {@code RBL-TUF-BUSY} (exit status 5) when another has it for
     *     longer; {@code RBL-TUF-STORE-RIGHTS} (4) when it may be in the hands of others; {@code
     *     RBL-TUF-STORE} (5) when it cannot be made or opened; exit status 130 when interrupted
     * @throws IllegalStateException when this thread has it already
     */
    static TrustedFolder open(Path folder, Duration patience) {
        long start = System.nanoTime();
        try {
            if (!Files.exists(folder, LinkOption.NOFOLLOW_LINKS)) {
                Files.createDirectories(folder, OWNER_ONLY);
            }
            StoreRights.requireFolder(folder);
            ReentrantLock threads =
                    THREADS.computeIfAbsent(identity(folder), _ -> new ReentrantLock());
            if (threads.isHeldByCurrentThread()) {
                throw new IllegalStateException("this thread works with " + folder + " already");
            }
            if (!threads.tryLock(patience.toNanos(), TimeUnit.NANOSECONDS)) {
                throw busy(folder, patience);
            }
            boolean locked = false;
            try {
                Duration left = patience.minusNanos(System.nanoTime() - start);
                TrustedFolder opened =
                        new TrustedFolder(folder, lockFile(folder, patience, left), threads);
                locked = true;
                return opened;
            } finally {
                if (!locked) {
                    threads.unlock();
                }
            }
        } catch (InterruptedException e) {
            throw RebootlessException.interrupted(folder.toString(), e);
        } catch (IOException e) {
            throw fault(folder, e);
        }
    }

    /** What makes two paths lead to one folder: its device and number (stat(2)). */
    private static Object identity(Path folder) throws IOException {
        return Objects.requireNonNull(
                Files.readAttributes(folder, BasicFileAttributes.class).fileKey());
    }

    private static FileChannel lockFile(Path folder, Duration patience, Duration left)
            throws IOException, InterruptedException {
        long start = System.nanoTime();
        FileChannel channel =
                FileChannel.open(
                        folder.resolve(LOCK),
                        Set.of(
                                StandardOpenOption.CREATE,
                                StandardOpenOption.WRITE,
                                LinkOption.NOFOLLOW_LINKS),
                        LOCK_OWNER_ONLY);
        boolean locked = false;
        try {
            locked = channel.tryLock() != null;
            while (!locked) {
                if (System.nanoTime() - start > left.toNanos()) {
                    throw busy(folder, patience);
                }
                Thread.sleep(POLL_MILLIS);
                locked = channel.tryLock() != null;
            }
            return channel;
        } finally {
            if (!locked) {
                channel.close();
            }
        }
    }

    /**
     * A file of it; empty only when it is not there.
     *
     * @throws RebootlessException {@code RBL-TUF-STORE-RIGHTS}, {@code RBL-TUF-STORE}
     */
    Optional<byte[]> read(String name) {
        Path file = folder.resolve(name);
        try {
            StoreRights.requireFile(file);
            return BoundedFile.read(file, MAX_BYTES);
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (IOException e) {
            throw fault(file, e);
        }
    }

    void keep(String name, byte[] content) {
        Path file = folder.resolve(name);
        // Nobody else writes here meanwhile, so what lies aside is of an update that was killed.
        AtomicFiles.removeAsideQuietly(file);
        try {
            AtomicFiles.write(file, content);
        } catch (IOException e) {
            throw fault(file, e);
        }
    }

    @Override
    public void close() {
        try {
            lock.close();
        } catch (IOException e) {
            throw fault(folder.resolve(LOCK), e);
        } finally {
            threads.unlock();
        }
    }

    @Override
    public String toString() {
        return folder.toString();
    }

    private static RebootlessException busy(Path folder, Duration patience) {
        return RebootlessException.environment(
                "RBL-TUF-BUSY",
                folder.toString(),
                "another update has been working with it for over %d seconds"
                        .formatted(patience.toSeconds()),
                "try again later; if it stays so, see which process has "
                        + folder.resolve(LOCK)
                        + " open, and end it");
    }

    private static RebootlessException fault(Path file, IOException e) {
        return RebootlessException.environment(
                "RBL-TUF-STORE",
                file.toString(),
                "what is trusted cannot be kept or read: " + FileFaults.reason(e),
                "free some space there, and see that this user may write to it");
    }

    /** A file of it that is not what this class wrote. */
    static RebootlessException damaged(String place, TufFault why) {
        return RebootlessException.environment(
                "RBL-TUF-STORE",
                place,
                "what is trusted is damaged: " + why.problems().getFirst().message(),
                "see what happened to the disk; then remove the folder, and trust the root anew");
    }
}
