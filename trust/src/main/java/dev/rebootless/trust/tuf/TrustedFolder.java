package dev.rebootless.trust.tuf;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.FileFaults;
import dev.rebootless.base.RebootlessException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.locks.ReentrantLock;

/**
 * What a host believed last, in the hands of one at a time: of two who update at once, the slower
 * would write older metadata over newer ones.
 */
final class TrustedFolder implements AutoCloseable {
    private static final String LOCK = "lock";
    private static final int MAX_BYTES = 16 << 20;

    /** A lock of a file holds against other processes; this one against other threads. */
    private static final ConcurrentMap<Path, ReentrantLock> THREADS = new ConcurrentHashMap<>();

    private final Path folder;
    private final FileChannel lock;
    private final ReentrantLock threads;

    private TrustedFolder(Path folder, FileChannel lock, ReentrantLock threads) {
        this.folder = folder;
        this.lock = lock;
        this.threads = threads;
    }

    /** Waits for whoever has it. */
    static TrustedFolder open(Path folder) {
        ReentrantLock threads =
                THREADS.computeIfAbsent(
                        folder.toAbsolutePath().normalize(), f -> new ReentrantLock());
        threads.lock();
        try {
            Files.createDirectories(folder);
            FileChannel channel =
                    FileChannel.open(
                            folder.resolve(LOCK),
                            StandardOpenOption.CREATE,
                            StandardOpenOption.WRITE);
            try {
                channel.lock();
                return new TrustedFolder(folder, channel, threads);
            } catch (IOException e) {
                channel.close();
                throw e;
            }
        } catch (IOException e) {
            threads.unlock();
            throw fault(folder, e);
        }
    }

    /** A file of it; empty only when it is not there. */
    Optional<byte[]> read(String name) {
        Path file = folder.resolve(name);
        try {
            return BoundedFile.read(file, MAX_BYTES);
        } catch (IOException e) {
            throw fault(file, e);
        }
    }

    void keep(String name, byte[] content) {
        Path file = folder.resolve(name);
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
