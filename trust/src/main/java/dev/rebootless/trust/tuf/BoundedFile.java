package dev.rebootless.trust.tuf;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;

/** Reads files of which it matters whether they are there. */
final class BoundedFile {
    private BoundedFile() {}

    /**
     * A file's bytes; empty only when it is not there. What cannot be looked at is not what is not
     * there: a newer root, or what was believed last, must not be missed.
     *
     * @param most as many bytes as it may have; one more is read of a longer one
     */
    static Optional<byte[]> read(Path file, long most) throws IOException {
        try (InputStream in = Files.newInputStream(file, LinkOption.NOFOLLOW_LINKS)) {
            return Optional.of(in.readNBytes((int) Math.min(most + 1, Integer.MAX_VALUE - 8)));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        }
    }
}
