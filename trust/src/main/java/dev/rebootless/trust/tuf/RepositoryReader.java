package dev.rebootless.trust.tuf;

import dev.rebootless.base.FileFaults;
import dev.rebootless.base.RebootlessException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/** Gets files of a repository that may be in anybody's hands. */
public interface RepositoryReader {
    /**
     * A file's bytes; empty only when it is certain that there is none (HTTP: 404, and nothing
     * else).
     *
     * @param name its path in the repository
     * @param most as many bytes as it may have; one more is returned of a longer file, so that it
     *     is seen to be longer
     * @throws RebootlessException exit status 5 when the repository cannot be reached
     */
    Optional<byte[]> read(String name, long most);

    /** A repository in a folder: on a mounted medium, or as a server keeps it. */
    static RepositoryReader of(Path folder) {
        return (name, most) -> {
            Path file = folder.resolve(name);
            try {
                return BoundedFile.read(file, most);
            } catch (IOException e) {
                throw RebootlessException.environment(
                        "RBL-TUF-READ",
                        file.toString(),
                        "cannot be read: " + FileFaults.reason(e),
                        "see whether this user may read it");
            }
        };
    }
}
