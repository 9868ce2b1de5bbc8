package dev.rebootless.source.patch;

import java.util.List;

/**
 * What one patch does to one file.
 *
 * @param path relative to the tree, normalised, never leaving it
 * @param place where it stands in the patch, as {@code NAME:LINE}
 * @param change what kind of change it is; only {@link Change#MODIFIED} ones have hunks that can be
 *     applied
 */
public record FilePatch(String path, String place, Change change, List<Hunk> hunks) {
    /** The kinds of change that a diff can express (git-diff(1), "Generating patch text"). */
    public enum Change {
        MODIFIED,
        CREATED,
        DELETED,
        RENAMED,
        COPIED,
        MODE_CHANGED,
        /** The file is, or becomes, a symbolic link or a submodule (modes 120000, 160000). */
        LINK,
        BINARY
    }

    public FilePatch {
        hunks = List.copyOf(hunks);
    }

    public FileKind kind() {
        return FileKind.of(path);
    }
}
