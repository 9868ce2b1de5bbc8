package dev.rebootless.base;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Files that are either there whole or not there: written aside, forced to disk, read back,
 * renamed. What a crash leaves behind has a name that starts with {@code .} and ends with {@code
 * .tmp}.
 */
public final class AtomicFiles {
    private AtomicFiles() {}

    /**
     * Writes a file whole or not at all; an existing file of that name is replaced in one step.
     *
     * @throws IOException when the disk is full or the folder cannot be written; the target is then
     *     as it was
     */
    public static void write(Path target, byte[] content) throws IOException {
        SequencedMap<Path, byte[]> one = new LinkedHashMap<>();
        one.put(target, content);
        writeAll(one);
    }

    /**
     * Writes files that belong together: none gets its final name before all are on the disk, and
     * then they get them in the order given, the one that people look for last.
     *
     * @throws IOException when the disk is full or a folder cannot be written; the targets are then
     *     as they were
     */
    public static void writeAll(SequencedMap<Path, byte[]> contents) throws IOException {
        SequencedMap<Path, Path> aside = new LinkedHashMap<>();
        try {
            for (Map.Entry<Path, byte[]> entry : contents.entrySet()) {
                Path target = entry.getKey();
                Path folder = target.toAbsolutePath().getParent();
                if (folder == null) {
                    throw new IOException("not a file name: " + target);
                }
                Path file = Files.createTempFile(folder, "." + target.getFileName() + ".", ".tmp");
                aside.put(target, file);
                fill(file, entry.getValue());
            }
            for (Map.Entry<Path, Path> entry : aside.entrySet()) {
                Files.move(
                        entry.getValue(),
                        entry.getKey(),
                        StandardCopyOption.ATOMIC_MOVE,
                        StandardCopyOption.REPLACE_EXISTING);
            }
            // A name is on the disk when its folder is.
            for (Path target : aside.keySet()) {
                forceFolder(target);
            }
        } finally {
            for (Path file : aside.values()) {
                Files.deleteIfExists(file);
            }
        }
    }

    /** Removes a file so that it is gone from the disk, too; one that is not there is no error. */
    public static void remove(Path file) throws IOException {
        if (Files.deleteIfExists(file)) {
            forceFolder(file);
        }
    }

    /**
     * Removes what calls that were killed have left beside a file while they wrote it; where that
     * cannot be, it stays.
     */
    public static void removeAsideQuietly(Path target) {
        Path folder = target.toAbsolutePath().getParent();
        if (folder == null) {
            return;
        }
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.filter(f -> isAside(f, target)).toList()) {
                Files.deleteIfExists(file);
            }
        } catch (IOException | UncheckedIOException e) {
            // Nobody reads it.
        }
    }

    private static boolean isAside(Path file, Path target) {
        String name = String.valueOf(file.getFileName());
        return name.startsWith("." + target.getFileName() + ".") && name.endsWith(".tmp");
    }

    private static void forceFolder(Path target) throws IOException {
        Path folder = target.toAbsolutePath().getParent();
        if (folder != null) {
            try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
                channel.force(true);
            }
        }
    }

    private static void fill(Path file, byte[] content) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            ByteBuffer buffer = ByteBuffer.wrap(content);
            while (buffer.hasRemaining()) {
                channel.write(buffer);
            }
            channel.force(true);
        }
        if (!Arrays.equals(Files.readAllBytes(file), content)) {
            throw new IOException("what was written to " + file + " does not read back the same");
        }
        Files.setPosixFilePermissions(
                file, java.nio.file.attribute.PosixFilePermissions.fromString("rw-r--r--"));
    }

    /** As {@link #write(Path, byte[])}, in UTF-8. */
    public static void write(Path target, String content) throws IOException {
        write(target, content.getBytes(StandardCharsets.UTF_8));
    }

    /**
     * Removes a folder and all in it; links are removed, never followed. A folder that is not there
     * is no error.
     */
    public static void removeTree(Path folder) throws IOException {
        List<Path> all;
        try (Stream<Path> walk = Files.walk(folder)) {
            all = walk.sorted(Comparator.reverseOrder()).toList();
        } catch (NoSuchFileException e) {
            return;
        }
        for (Path path : all) {
            Files.deleteIfExists(path);
        }
    }

    /**
     * As {@link #removeTree}, at the end of work that has its result, or its error, already: a
     * folder for temporary files that stays behind is no reason to fail.
     *
     * @param folder null if it was never made
     */
    public static void removeTreeQuietly(@Nullable Path folder) {
        try {
            if (folder != null) {
                removeTree(folder);
            }
        } catch (IOException e) {
            // What is left has no final name, and is never looked at.
        }
    }
}
