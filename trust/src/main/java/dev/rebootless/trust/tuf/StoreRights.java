package dev.rebootless.trust.tuf;

import dev.rebootless.base.RebootlessException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.util.Collections;
import java.util.EnumSet;
import java.util.Set;

/**
 * Whose a file is, and who may write to it. Whoever could write to what is trusted could put a root
 * of his own there, or take away what keeps a host from going back.
 */
final class StoreRights {
    private static final Set<PosixFilePermission> WRITES_OF_OTHERS =
            Collections.unmodifiableSet(
                    EnumSet.of(PosixFilePermission.GROUP_WRITE, PosixFilePermission.OTHERS_WRITE));

    private static final int ROOT = 0;

    private StoreRights() {}

    /**
     * Makes sure that a folder is one, and in the hands of this process's user, or of root.
     *
     * @throws RebootlessException {@code RBL-TUF-STORE-RIGHTS} (exit status 4) when it is not
     * @throws IOException when it cannot be looked at, or is not there
     */
    static void requireFolder(Path folder) throws IOException {
        PosixFileAttributes attributes = attributes(folder);
        requireNoLink(folder, attributes);
        if (!attributes.isDirectory()) {
            throw refused(folder, "it is no folder");
        }
        requireOurs(folder, attributes);
    }

    /** As {@link #requireFolder}, of an ordinary file. */
    static void requireFile(Path file) throws IOException {
        PosixFileAttributes attributes = attributes(file);
        requireNoLink(file, attributes);
        if (!attributes.isRegularFile()) {
            throw refused(file, "it is no ordinary file");
        }
        requireOurs(file, attributes);
    }

    private static PosixFileAttributes attributes(Path path) throws IOException {
        return Files.readAttributes(path, PosixFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
    }

    private static void requireNoLink(Path path, PosixFileAttributes attributes) {
        if (attributes.isSymbolicLink()) {
            throw refused(path, "it is a symbolic link, which may lead to what somebody else made");
        }
    }

    private static void requireOurs(Path path, PosixFileAttributes attributes) throws IOException {
        int owner = owner(path);
        // /proc/self is a link, and always root's. The folder of threads has the effective user of
        // the process, also where the rest is root's since the process may not be dumped (proc(5)).
        if (owner != ROOT && owner != owner(Path.of("/proc/self/task"))) {
            throw refused(path, "it belongs to the user with the number " + owner);
        }
        if (!Collections.disjoint(attributes.permissions(), WRITES_OF_OTHERS)) {
            throw refused(path, "others than its owner may write to it");
        }
    }

    private static int owner(Path path) throws IOException {
        return (Integer) Files.getAttribute(path, "unix:uid", LinkOption.NOFOLLOW_LINKS);
    }

    private static RebootlessException refused(Path path, String why) {
        return RebootlessException.refused(
                "RBL-TUF-STORE-RIGHTS",
                path.toString(),
                "what is trusted may have been changed by others: " + why,
                "if nobody else can have written to it, make it the user's own (chown, chmod go-w);"
                        + " otherwise remove the folder, and trust the root anew");
    }
}
