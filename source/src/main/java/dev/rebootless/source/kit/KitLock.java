package dev.rebootless.source.kit;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.base.Progress;
import dev.rebootless.base.RebootlessException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/**
 * A lock on one file that keeps out other processes and other threads of this one. The file stays,
 * since removing it would let two processes lock two files of one name.
 *
 * <p>POSIX record locks (fcntl(2)) belong to a process, and closing any descriptor of the file
 * drops them: so the threads of this process are parted first, by a semaphore, and only its holder
 * opens the file. The kernel drops the lock when the process ends, however it ends.
 */
final class KitLock implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofMinutes(40);
    private static final Duration SIGN_OF_LIFE = Duration.ofSeconds(15);
    private static final long POLL_MILLIS = 200;

    private static final Map<Path, Semaphore> THREADS = new ConcurrentHashMap<>();

    private final Semaphore thread;
    private final FileChannel channel;
    private final FileLock lock;

    private KitLock(Semaphore thread, FileChannel channel, FileLock lock) {
        this.thread = thread;
        this.channel = channel;
        this.lock = lock;
    }

    /**
     * Waits for the lock.
     *
     * @param what is being made under it, for the messages
     * @throws RebootlessException {@code RBL-KIT-BUSY} (exit status 5) when another holds it for
     *     longer than {@code PATIENCE}; exit status 130 when interrupted
     */
    static KitLock acquire(Path file, String what, Progress progress) throws IOException {
        Path name = file.toAbsolutePath().normalize();
        Files.createDirectories(name.resolveSibling("."));
        Semaphore thread = THREADS.computeIfAbsent(name, _ -> new Semaphore(1));
        long start = System.nanoTime();
        long said = 0;
        try {
            while (true) {
                if (thread.tryAcquire(POLL_MILLIS, TimeUnit.MILLISECONDS)) {
                    KitLock held = null;
                    try {
                        held = tryFile(thread, name);
                    } finally {
                        if (held == null) {
                            thread.release();
                        }
                    }
                    if (held != null) {
                        return held;
                    }
                    Thread.sleep(POLL_MILLIS);
                }
                long waited = System.nanoTime() - start;
                if (waited > PATIENCE.toNanos()) {
                    throw RebootlessException.environment(
                            "RBL-KIT-BUSY",
                            what,
                            "another process has been making it for over "
                                    + PATIENCE.toMinutes()
                                    + " minutes",
                            "see whether that process hangs (its lock is "
                                    + name
                                    + "), end it, and try again");
                }
                if (said == 0 || waited - said > SIGN_OF_LIFE.toNanos()) {
                    said = Math.max(waited, 1);
                    progress.step(
                            "another process or thread is making "
                                    + what
                                    + "; waiting for it ("
                                    + Steps.seconds(start)
                                    + ")");
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new RebootlessException(
                    ExitStatus.INTERRUPTED,
                    List.of(new Problem("RBL-INTERRUPTED", what, "interrupted", "run it again")),
                    e);
        }
    }

    private static @org.jspecify.annotations.Nullable KitLock tryFile(Semaphore thread, Path file)
            throws IOException {
        FileChannel channel =
                FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        FileLock lock = null;
        try {
            lock = channel.tryLock();
            return lock == null ? null : new KitLock(thread, channel, lock);
        } finally {
            if (lock == null) {
                channel.close();
            }
        }
    }

    @Override
    public void close() throws IOException {
        try {
            lock.release();
            channel.close();
        } finally {
            thread.release();
        }
    }
}
