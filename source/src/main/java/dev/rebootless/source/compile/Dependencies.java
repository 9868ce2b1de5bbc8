package dev.rebootless.source.compile;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.Hashes;
import dev.rebootless.source.sandbox.Sandbox;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The files of the tree that the compiler read for an object: the unit, its headers, and what it
 * includes besides. Files outside the tree are not among them; those of the compiler change with
 * the compiler.
 *
 * @param files paths in the tree, sorted
 */
record Dependencies(List<String> files) {
    /** A unit of a kernel has about 1,000, and their list 40 kB. */
    private static final int MAX_FILES = 20_000;

    private static final long MAX_BYTES = 4 << 20;

    Dependencies {
        files = List.copyOf(files);
    }

    /**
     * Reads what {@code gcc -MD} writes: a rule of make ({@code unit.o: a.c b.h \} and so on).
     *
     * @throws IOException when it cannot be read or is no such rule
     */
    static Dependencies ofRule(Path file) throws IOException {
        String text = read(file).replace("\\\n", " ");
        int colon = text.indexOf(": ");
        if (colon < 0) {
            throw new IOException("not a rule of make: " + file);
        }
        TreeSet<String> files = new TreeSet<>();
        for (String word : text.substring(colon + 2).strip().split("\\s+")) {
            inTree(word).ifPresent(files::add);
        }
        if (files.isEmpty() || files.size() > MAX_FILES) {
            throw new IOException("a rule of " + files.size() + " files: " + file);
        }
        return new Dependencies(List.copyOf(files));
    }

    private static Optional<String> inTree(String word) throws IOException {
        try {
            Path tree = Path.of(Sandbox.TREE);
            Path path = tree.resolve(word).normalize();
            return path.startsWith(tree) && !path.equals(tree)
                    ? Optional.of(tree.relativize(path).toString())
                    : Optional.empty();
        } catch (InvalidPathException e) {
            throw new IOException(e);
        }
    }

    /** What {@link #keep} kept; empty when it is not there or not readable. */
    static Optional<Dependencies> kept(Path file) {
        try {
            List<String> files = read(file).lines().toList();
            return files.size() > MAX_FILES
                    ? Optional.empty()
                    : Optional.of(new Dependencies(files));
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    void keep(Path file) throws IOException {
        AtomicFiles.write(file, String.join("\n", files) + "\n");
    }

    private static String read(Path file) throws IOException {
        if (Files.size(file) > MAX_BYTES) {
            throw new IOException("too large: " + file);
        }
        return Files.readString(file, StandardCharsets.ISO_8859_1);
    }

    /**
     * One SHA-256 over the names and contents of all files as they are now.
     *
     * @throws IOException when one of them cannot be read, or is not there any more
     */
    String hash(Contents contents) throws IOException {
        try {
            // The first time a thousand files are read; two processors take half the time.
            List<String> hashes = files.parallelStream().map(contents::uncheckedSha256).toList();
            List<String> lines = new ArrayList<>();
            for (int i = 0; i < files.size(); i++) {
                lines.add(hashes.get(i) + " " + files.get(i));
            }
            return Hashes.sha256(String.join("\n", lines).getBytes(StandardCharsets.ISO_8859_1));
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
    }

    /**
     * The SHA-256 of files of one tree. Most units share most headers, so each file is read once;
     * one that was changed or replaced meanwhile is read again.
     */
    static final class Contents {
        private record Seen(Object stamp, String sha256) {}

        private final Path tree;
        private final Map<String, Seen> seen = new ConcurrentHashMap<>();

        Contents(Path tree) {
            this.tree = tree;
        }

        String sha256(String file) throws IOException {
            Path path = tree.resolve(file);
            Object stamp = stamp(path);
            Seen known = seen.get(file);
            if (known != null && known.stamp().equals(stamp)) {
                return known.sha256();
            }
            String sha256 = Hashes.sha256(Files.readAllBytes(path));
            seen.put(file, new Seen(stamp, sha256));
            return sha256;
        }

        private String uncheckedSha256(String file) {
            try {
                return sha256(file);
            } catch (IOException | InvalidPathException e) {
                throw e instanceof IOException io
                        ? new UncheckedIOException(io)
                        : new UncheckedIOException(new IOException(e));
            }
        }

        private static Object stamp(Path file) throws IOException {
            BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
            return List.of(
                    attributes.size(),
                    attributes.lastModifiedTime(),
                    String.valueOf(attributes.fileKey()));
        }
    }
}
