package dev.rebootless.host.files;

import dev.rebootless.base.FileFaults;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * The files by which the kernel shows itself ({@code /proc}, {@code /sys}) and in which this
 * machine keeps things, below one root: {@code /}, but for tests.
 */
public final class HostFiles {
    /** The longest file of the kernel's that is read here is /proc/keys or a list of probes. */
    private static final int MAX_BYTES = 16 << 20;

    private final Path root;

    public HostFiles(Path root) {
        this.root = root;
    }

    /** This machine's. */
    public static HostFiles ofThisMachine() {
        return new HostFiles(Path.of("/"));
    }

    /** Where a file given by its absolute name is. */
    public Path path(String absolute) {
        return root.resolve(absolute.substring(1));
    }

    /** Whether there is such a file or folder; false also where that cannot be told. */
    public boolean exists(String absolute) {
        return Files.exists(path(absolute));
    }

    /** Whether there is no such file or folder; false also where that cannot be told. */
    public boolean isAbsent(String absolute) {
        return Files.notExists(path(absolute));
    }

    /** Reads a text of the kernel's. */
    public Reading read(String absolute) {
        try {
            String text = new String(bytes(absolute), StandardCharsets.UTF_8);
            return new Reading.Text(text.stripTrailing());
        } catch (NoSuchFileException | NotDirectoryException e) {
            return new Reading.Absent();
        } catch (IOException e) {
            // ENODEV, as errno(3) words it: what the file is of is just being removed (fs/kernfs).
            String why = FileFaults.reason(e);
            return why.endsWith("No such device")
                    ? new Reading.Absent()
                    : new Reading.Unreadable(why);
        }
    }

    /**
     * Reads bytes.
     *
     * @throws IOException also when there are more than any file here has
     */
    public byte[] bytes(String absolute) throws IOException {
        try (var in = Files.newInputStream(path(absolute))) {
            // The size that stat(2) tells of a file in /proc or /sys is 0 or 4096, whatever it has.
            byte[] bytes = in.readNBytes(MAX_BYTES + 1);
            if (bytes.length > MAX_BYTES) {
                throw new IOException(absolute + " has more than " + MAX_BYTES + " bytes");
            }
            return bytes;
        }
    }

    /**
     * The names in a folder, sorted.
     *
     * @throws IOException when it cannot be read, or is not there (NoSuchFileException)
     */
    public List<String> names(String absolute) throws IOException {
        try (Stream<Path> files = Files.list(path(absolute))) {
            List<String> names = new ArrayList<>();
            files.forEach(file -> names.add(String.valueOf(file.getFileName())));
            names.sort(null);
            return names;
        } catch (java.io.UncheckedIOException e) {
            throw Objects.requireNonNull(e.getCause());
        }
    }

    /** Of these, the folders. */
    public List<String> folders(String absolute) throws IOException {
        return names(absolute).stream()
                .filter(name -> Files.isDirectory(path(absolute + "/" + name)))
                .toList();
    }

    /**
     * Writes a value to a file of the kernel's.
     *
     * @throws IOException with the kernel's answer
     */
    public void write(String absolute, String value) throws IOException {
        Path file = path(absolute);
        try (var out = Files.newOutputStream(file, java.nio.file.StandardOpenOption.WRITE)) {
            out.write(value.getBytes(StandardCharsets.US_ASCII));
        }
    }
}
