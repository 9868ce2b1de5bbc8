package dev.rebootless.source.kit;

import dev.rebootless.base.RebootlessException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Room on the disk that holds the cache. */
final class Disk {
    /** A 6.1 kit takes 1.8 GB, and its packages 0.2 GB; 6.12 a fifth more. */
    static final long NEEDED_BYTES = 3L << 30;

    private Disk() {}

    /**
     * Checks before the work rather than after half of it.
     *
     * @throws RebootlessException {@code RBL-DISK} (exit status 5)
     */
    static void requireRoom(Path folder, long neededBytes) throws IOException {
        long free = Files.getFileStore(folder).getUsableSpace();
        if (free < neededBytes) {
            throw RebootlessException.environment(
                    "RBL-DISK",
                    folder.toString(),
                    "has "
                            + (free >> 20)
                            + " MB left and a kit needs "
                            + (neededBytes >> 20)
                            + " MB",
                    "make room, remove kits that are no longer used (`rebootless kit remove`), or let XDG_CACHE_HOME name a folder on a larger disk");
        }
    }

    /** The problem when it filled up all the same. */
    static RebootlessException full(String place) {
        return RebootlessException.environment(
                "RBL-DISK",
                place,
                "the disk is full; what was made so far of the kit was removed",
                "make room, remove kits that are no longer used (`rebootless kit remove`), or let XDG_CACHE_HOME name a folder on a larger disk");
    }

    /** Whether a failure says ENOSPC (errno(3)), which Java knows by its text only. */
    static boolean isFull(Throwable failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            String message = cause.getMessage();
            if (message != null
                    && (message.contains("No space left on device")
                            || message.contains("Disk quota exceeded"))) {
                return true;
            }
        }
        return false;
    }
}
