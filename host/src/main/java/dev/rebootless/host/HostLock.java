package dev.rebootless.host;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.host.files.HostFiles;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;

/**
 * One call at a time changes livepatches, and what is kept of them, on a machine; the kernel lets
 * go of the lock with the process.
 */
final class HostLock {
    private static final String LOCK = "/run/rebootless.lock";

    /** Whoever may read a file may hold a lock on it. */
    private static final FileAttribute<Set<PosixFilePermission>> OWNER_ONLY =
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));

    private final HostFiles files;

    HostLock(HostFiles files) {
        this.files = files;
    }

    /** Work that reads and writes the kernel's files. */
    @FunctionalInterface
    interface Work {
        void run() throws IOException;
    }

    /** Work that has a result. */
    @FunctionalInterface
    interface Task<T> {
        T run() throws IOException;
    }

    /** As {@link #holding}. */
    void during(Work work) {
        boolean _ =
                holding(() -> {
                    work.run();
                    return true;
                });
    }

    /**
     * Works while nobody else does.
     *
     * @throws RebootlessException exit status 4 {@code RBL-HOST-BUSY} when somebody else does; 5
     *     {@code RBL-HOST-NOT-ROOT}, {@code RBL-HOST-UNREADABLE}
     */
    <T> T holding(Task<T> task) {
        try {
            Files.createDirectories(files.path("/run"));
            try (FileChannel channel =
                            FileChannel.open(
                                    files.path(LOCK),
                                    Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE),
                                    OWNER_ONLY);
                    FileLock lock = channel.tryLock()) {
                if (lock == null) {
                    throw new BusyException();
                }
                return task.run();
            } catch (OverlappingFileLockException e) {
                throw new BusyException();
            }
        } catch (AccessDeniedException e) {
            throw RebootlessException.environment(
                    "RBL-HOST-NOT-ROOT",
                    String.valueOf(e.getFile()),
                    "this user may not change livepatches",
                    "run it as root");
        } catch (IOException e) {
            throw RebootlessException.environment(
                    "RBL-HOST-UNREADABLE",
                    "",
                    "cannot be read or written: " + e.getMessage(),
                    "see that /run, /proc and /sys are there and that this is the host itself");
        }
    }

    /** Somebody else holds the lock. */
    static final class BusyException extends RebootlessException {
        BusyException() {
            super(
                    ExitStatus.REFUSED,
                    new Problem(
                            "RBL-HOST-BUSY",
                            LOCK,
                            "another call is changing livepatches",
                            "wait for its end and try again"));
        }
    }
}
