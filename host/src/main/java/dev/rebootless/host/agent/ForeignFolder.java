package dev.rebootless.host.agent;

import dev.rebootless.base.FileFaults;
import dev.rebootless.base.RebootlessException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.SecureDirectoryStream;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributeView;
import java.util.Arrays;
import java.util.Optional;
import java.util.Set;

/**
 * A folder that somebody without rights writes to, read by somebody with rights. No link is
 * followed, on no part of the way (openat(2), O_NOFOLLOW), nothing but a plain file is read, and no
 * more of it than it may have. Who puts a named pipe in a file's place between look and opening can
 * make the reader wait; the unit's time limit ends that.
 */
final class ForeignFolder {
    private final Path folder;

    /**
     * @param folder whose parent nobody but this process's user may write to
     */
    ForeignFolder(Path folder) {
        this.folder = folder;
    }

    /**
     * A file's bytes; empty only when it is not there.
     *
     * @param name its path in the folder
     * @param most as many bytes as it may have; one more is returned of a longer one
     * @throws RebootlessException exit status 4 {@code RBL-AGENT-FOREIGN-FILE}
     */
    Optional<byte[]> read(String name, long most) {
        try (DirectoryStream<Path> here = Files.newDirectoryStream(folder)) {
            if (Files.isSymbolicLink(folder) || !(here instanceof SecureDirectoryStream<Path> at)) {
                throw new IOException("is a link, or on a file system without openat(2)");
            }
            return read(at, name.split("/", -1), 0, most);
        } catch (NoSuchFileException | NotDirectoryException e) {
            return Optional.empty();
        } catch (IOException e) {
            throw RebootlessException.refused(
                    "RBL-AGENT-FOREIGN-FILE",
                    folder + "/" + name,
                    "is not read: " + FileFaults.reason(e),
                    "whoever runs as the agent's user has put something there; see who");
        }
    }

    private static Optional<byte[]> read(
            SecureDirectoryStream<Path> at, String[] parts, int index, long most)
            throws IOException {
        Path part = Path.of(parts[index]);
        if (part.getNameCount() != 1 || parts[index].startsWith(".") || part.isAbsolute()) {
            throw new IOException("'" + parts[index] + "' is no plain name");
        }
        if (index < parts.length - 1) {
            try (SecureDirectoryStream<Path> next =
                    at.newDirectoryStream(part, LinkOption.NOFOLLOW_LINKS)) {
                return read(next, parts, index + 1, most);
            }
        }
        boolean plain =
                at.getFileAttributeView(
                                part, BasicFileAttributeView.class, LinkOption.NOFOLLOW_LINKS)
                        .readAttributes()
                        .isRegularFile();
        if (!plain) {
            throw new IOException("is no plain file");
        }
        try (SeekableByteChannel channel =
                at.newByteChannel(
                        part, Set.of(StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS))) {
            return Optional.of(bytes(channel, most));
        }
    }

    private static byte[] bytes(SeekableByteChannel channel, long most) throws IOException {
        long limit = Math.min(most + 1, Integer.MAX_VALUE - 8);
        // The file may be written to meanwhile: its size is where to begin, and no promise.
        ByteBuffer buffer = ByteBuffer.allocate((int) Math.min(channel.size() + 1, limit));
        while (true) {
            if (channel.read(buffer) < 0 || buffer.position() == limit) {
                return Arrays.copyOf(buffer.array(), buffer.position());
            }
            if (!buffer.hasRemaining()) {
                int larger = (int) Math.min(limit, 2L * buffer.capacity());
                buffer =
                        ByteBuffer.wrap(Arrays.copyOf(buffer.array(), larger))
                                .position(buffer.position());
            }
        }
    }
}
