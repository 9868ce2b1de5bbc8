package dev.rebootless.fleet.web;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * The files of the TUF repository (docs/contract-releases.md, "Files"), to whoever asks. Nothing
 * but plain names between slashes is a path, and no link is followed, in whatever part of it.
 */
public final class RepositoryFiles {
    private static final Pattern PART = Pattern.compile("[A-Za-z0-9_+~][A-Za-z0-9._+~-]{0,270}");
    private static final int MOST_PARTS = 12;

    private final Path folder;

    /** Of a folder. */
    public RepositoryFiles(Path folder) {
        this.folder = folder;
    }

    /** {@code GET /repository/…}. */
    public Answer get(Request request) {
        String name = request.parameter("file");
        Path file =
                find(name)
                        .orElseThrow(
                                () -> HttpFault.unknown(request.path(), "there is no such file"));
        try {
            long length = Files.size(file);
            return new Answer(
                    200,
                    name.endsWith(".json") ? "application/json" : "application/octet-stream",
                    // All but the timestamp are never written over.
                    Map.of(
                            "Cache-Control",
                            name.equals("metadata/timestamp.json")
                                    ? "no-cache"
                                    : "public, max-age=86400, immutable"),
                    new Answer.Stream(length, out -> copy(file, length, out)));
        } catch (IOException e) {
            throw HttpFault.unknown(request.path(), "there is no such file");
        }
    }

    private Optional<Path> find(String name) {
        String[] parts = name.split("/", -1);
        if (parts.length > MOST_PARTS) {
            return Optional.empty();
        }
        Path at = folder;
        for (String part : parts) {
            if (!PART.matcher(part).matches()) {
                return Optional.empty();
            }
            at = at.resolve(part);
            if (Files.isSymbolicLink(at)) {
                return Optional.empty();
            }
        }
        return Files.isRegularFile(at, LinkOption.NOFOLLOW_LINKS)
                ? Optional.of(at)
                : Optional.empty();
    }

    /** As many bytes as were announced, though the file should have become another meanwhile. */
    private static void copy(Path file, long length, java.io.OutputStream out) throws IOException {
        try (InputStream in = Files.newInputStream(file, LinkOption.NOFOLLOW_LINKS)) {
            byte[] buffer = new byte[1 << 15];
            long left = length;
            while (left > 0) {
                int read = in.read(buffer, 0, (int) Math.min(buffer.length, left));
                if (read < 0) {
                    throw new IOException(file + " became shorter while it was sent");
                }
                out.write(buffer, 0, read);
                left -= read;
            }
        }
    }
}
