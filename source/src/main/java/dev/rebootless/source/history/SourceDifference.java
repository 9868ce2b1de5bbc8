package dev.rebootless.source.history;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.source.patch.FileKind;
import dev.rebootless.source.patch.PatchedFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.NavigableSet;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * What differs between two versions of a kernel's source: every file that can reach the kernel
 * ({@link FileKind#reachesTheKernel}) and is not the same in both, kept with both its texts.
 *
 * @param older a version of the source package
 * @param newer the next one that was packaged
 * @param folder with {@code old/} and {@code new/}
 * @param changed files that both have, and that differ
 */
public record SourceDifference(String older, String newer, Path folder, SortedSet<String> changed) {
    private static final String OLD = "old";
    private static final String NEW = "new";
    private static final String DONE = "changed";

    /** diff(1) exits with 1 where the files differ. */
    private static final int DIFFERENT = 1;

    public SourceDifference {
        changed = Collections.unmodifiableSortedSet(new TreeSet<>(changed));
    }

    /** One that was made before; empty when it was not, or not to its end. */
    public static java.util.Optional<SourceDifference> kept(
            String older, String newer, Path folder) {
        Path done = folder.resolve(DONE);
        if (!Files.isRegularFile(done)) {
            return java.util.Optional.empty();
        }
        try {
            return java.util.Optional.of(
                    new SourceDifference(
                            older, newer, folder, new TreeSet<>(Files.readAllLines(done))));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * Compares two unpacked sources and keeps what differs. The folder appears whole or not at all.
     *
     * @param folder that it is kept in; must not be there yet
     */
    public static SourceDifference of(
            String older, Path olderTree, String newer, Path newerTree, Path folder) {
        return kept(
                older,
                newer,
                folder,
                aside -> {
                    NavigableSet<String> changed = new TreeSet<>();
                    for (String path : candidates(newerTree)) {
                        Path before = olderTree.resolve(path);
                        Path after = newerTree.resolve(path);
                        if (Files.isRegularFile(before, LinkOption.NOFOLLOW_LINKS)
                                && Files.mismatch(before, after) >= 0) {
                            keep(
                                    aside,
                                    path,
                                    Files.readAllBytes(before),
                                    Files.readAllBytes(after));
                            changed.add(path);
                        }
                    }
                    return changed;
                });
    }

    /**
     * What a patch changes, made anew.
     *
     * @param newer a name for what it makes of the older version
     * @param folder that it is kept in
     */
    public static SourceDifference ofPatch(
            String older, String newer, Collection<PatchedFile> files, Path folder) {
        return kept(
                older,
                newer,
                folder,
                aside -> {
                    NavigableSet<String> changed = new TreeSet<>();
                    for (PatchedFile file : files) {
                        if (FileKind.of(file.path()).reachesTheKernel()
                                && !Arrays.equals(file.original(), file.patched())) {
                            keep(aside, file.path(), file.original(), file.patched());
                            changed.add(file.path());
                        }
                    }
                    return changed;
                });
    }

    /** Writes what differs into a folder, and returns the paths. */
    @FunctionalInterface
    private interface Keeping {
        SortedSet<String> into(Path aside) throws IOException;
    }

    /** The folder appears whole or not at all. */
    private static SourceDifference kept(String older, String newer, Path folder, Keeping keeping) {
        Path aside = folder.resolveSibling("." + folder.getFileName() + ".tmp");
        try {
            AtomicFiles.removeTree(aside);
            Files.createDirectories(aside);
            SortedSet<String> changed = keeping.into(aside);
            Files.write(aside.resolve(DONE), changed);
            AtomicFiles.removeTree(folder);
            Files.move(aside, folder, java.nio.file.StandardCopyOption.ATOMIC_MOVE);
            return new SourceDifference(older, newer, folder, changed);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            AtomicFiles.removeTreeQuietly(aside);
        }
    }

    private static void keep(Path aside, String path, byte[] before, byte[] after)
            throws IOException {
        write(aside.resolve(OLD).resolve(path), before);
        write(aside.resolve(NEW).resolve(path), after);
    }

    private static void write(Path file, byte[] content) throws IOException {
        Files.createDirectories(file.resolveSibling("."));
        Files.write(file, content);
    }

    private static List<String> candidates(Path tree) throws IOException {
        TreeSet<String> found = new TreeSet<>();
        Files.walkFileTree(
                tree,
                new SimpleFileVisitor<>() {
                    @Override
                    public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                        String path = tree.relativize(file).toString();
                        if (attributes.isRegularFile() && FileKind.of(path).reachesTheKernel()) {
                            found.add(path);
                        }
                        return FileVisitResult.CONTINUE;
                    }
                });
        return List.copyOf(found);
    }

    /** Where the changed files are as they were afterwards. */
    public Path newerFolder() {
        return folder.resolve(NEW);
    }

    /** The lines of a changed file, before. */
    public List<String> olderLines(String path) {
        return lines(OLD, path);
    }

    /** The lines of a changed file, after. */
    public List<String> newerLines(String path) {
        return lines(NEW, path);
    }

    private List<String> lines(String side, String path) {
        try {
            return Files.readAllLines(
                    folder.resolve(side).resolve(path), StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * A changed file's difference as a unified diff with three lines of context (diff(1)), one char
     * per byte (ISO 8859-1).
     */
    public String diff(String path) {
        try {
            Path out = Files.createTempFile("rebootless-diff-", ".patch");
            try {
                // Bytes as they are: not all comments of a kernel are UTF-8.
                Process diff =
                        new ProcessBuilder(
                                        "diff",
                                        "-u",
                                        "--text",
                                        "--label",
                                        "a/" + path,
                                        "--label",
                                        "b/" + path,
                                        OLD + "/" + path,
                                        NEW + "/" + path)
                                .directory(folder.toFile())
                                .redirectInput(Path.of("/dev/null").toFile())
                                .redirectError(ProcessBuilder.Redirect.DISCARD)
                                .redirectOutput(out.toFile())
                                .start();
                if (diff.waitFor() != DIFFERENT) {
                    throw new IllegalStateException("diff of " + path);
                }
                return Files.readString(out, StandardCharsets.ISO_8859_1);
            } finally {
                Files.deleteIfExists(out);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw RebootlessException.interrupted(path, e);
        }
    }
}
