package dev.rebootless.source.patch;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * A tree with a patch applied, in memory: the tree on disk stays as it is.
 *
 * @param tree the folder of the unpatched tree
 * @param files what the patch changes, by path
 * @param notes hunks that went in at an offset, and files that were left out
 */
public record PatchedTree(Path tree, SortedMap<String, PatchedFile> files, List<String> notes) {
    /** The largest C file of Linux has about 1 MB, the largest header about 14 MB. */
    private static final long MAX_FILE_BYTES = 32L << 20;

    /** A patch for another tree fails everywhere; nobody reads more. */
    private static final int MAX_PROBLEMS = 50;

    public PatchedTree {
        files = Collections.unmodifiableSortedMap(new TreeMap<>(files));
        notes = List.copyOf(notes);
    }

    /**
     * Applies the parts of a patch that can reach the kernel's code; files of other kinds ({@link
     * FileKind#reachesTheKernel}) are left out with a note. Whether a livepatch can carry the
     * change is for {@link PatchRules} to say.
     *
     * @throws RebootlessException exit status 4 with every reason why it does not apply: {@code
     *     RBL-HUNK-MISMATCH}, {@code RBL-HUNK-NO-CONTEXT}, {@code RBL-ALREADY-APPLIED}, {@code
     *     RBL-NO-SUCH-FILE}, {@code RBL-FILE-LINK}, {@code RBL-FILE-SIZE}, and one for each {@link
     *     FilePatch.Change} but MODIFIED (see {@link PatchRules})
     */
    public static PatchedTree apply(Path tree, SourcePatch patch) {
        SortedMap<String, HunkApplier> appliers = new TreeMap<>();
        List<Problem> problems = new ArrayList<>();
        List<String> notes = new ArrayList<>(patch.notes());
        for (FilePatch file : patch.files()) {
            if (!file.kind().reachesTheKernel()) {
                notes.add(
                        file.place() + ": " + file.path() + " is no part of the kernel: left out");
                continue;
            }
            Optional<Problem> unserved = PatchRules.unservedChange(file);
            if (unserved.isPresent()) {
                problems.add(unserved.get());
                continue;
            }
            HunkApplier applier = appliers.get(file.path());
            if (applier == null) {
                Optional<Problem> unreadable = whyUnreadable(tree, file);
                if (unreadable.isPresent()) {
                    problems.add(unreadable.get());
                    continue;
                }
                applier = new HunkApplier(file.path(), bytes(tree.resolve(file.path())));
                appliers.put(file.path(), applier);
            }
            problems.addAll(applier.apply(file.hunks()));
        }
        if (!problems.isEmpty()) {
            throw new RebootlessException(
                    ExitStatus.REFUSED,
                    problems.subList(0, Math.min(problems.size(), MAX_PROBLEMS)));
        }
        SortedMap<String, PatchedFile> files = new TreeMap<>();
        appliers.forEach((path, applier) -> {
            files.put(path, applier.result());
            notes.addAll(applier.notes());
        });
        return new PatchedTree(tree, files, notes);
    }

    /**
     * One of the files that the patch changes.
     *
     * @throws IllegalArgumentException when it does not change that file
     */
    public PatchedFile file(String path) {
        PatchedFile file = files.get(path);
        if (file == null) {
            throw new IllegalArgumentException("the patch does not change " + path);
        }
        return file;
    }

    /**
     * Writes the patched text of files, with their line numbers kept ({@link LineMarkers}), to be
     * put over the originals for a compiler.
     *
     * @param paths of files that the patch changes
     * @param folder for them, under names of no meaning
     * @return where each is, by its path in the tree
     */
    public SortedMap<String, Path> overlays(Collection<String> paths, Path folder)
            throws IOException {
        SortedMap<String, Path> overlays = new TreeMap<>();
        for (String path : paths) {
            Path overlay = folder.resolve("patched-" + overlays.size());
            Files.write(overlay, LineMarkers.pin(file(path)));
            overlays.put(path, overlay);
        }
        return overlays;
    }

    private static Optional<Problem> whyUnreadable(Path tree, FilePatch file) {
        Path at = tree;
        for (Path part : Path.of(file.path())) {
            at = at.resolve(part);
            if (Files.isSymbolicLink(at)) {
                return Optional.of(
                        new Problem(
                                "RBL-FILE-LINK",
                                file.place(),
                                file.path()
                                        + " is reached through the symbolic link "
                                        + tree.relativize(at),
                                "make the patch for the file that the link points to"));
            }
        }
        if (!Files.isRegularFile(at, LinkOption.NOFOLLOW_LINKS)) {
            return Optional.of(
                    new Problem(
                            "RBL-NO-SUCH-FILE",
                            file.place(),
                            "there is no file " + file.path() + " in this kernel's source",
                            "the patch is for another tree or version; use the one for this"
                                    + " kernel's source, with paths as a/PATH and b/PATH"));
        }
        if (at.toFile().length() > MAX_FILE_BYTES) {
            return Optional.of(
                    new Problem(
                            "RBL-FILE-SIZE",
                            file.place(),
                            file.path() + " has more than " + MAX_FILE_BYTES + " bytes",
                            "no source of a kernel object is so large; leave it out"));
        }
        return Optional.empty();
    }

    private static byte[] bytes(Path file) {
        try {
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
