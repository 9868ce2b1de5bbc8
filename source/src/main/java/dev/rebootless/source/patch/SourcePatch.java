package dev.rebootless.source.patch;

import dev.rebootless.base.Hashes;
import dev.rebootless.base.RebootlessException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * A source patch: unified diffs, in the order they are applied.
 *
 * @param origins what was read, one entry for each patch file, in order
 * @param files one entry for each file of each patch, in order; a path may occur more than once
 * @param notes what was read leniently, such as line ends that a mailer had changed
 */
public record SourcePatch(List<Origin> origins, List<FilePatch> files, List<String> notes) {
    /** No kernel patch that can be live patched comes near it. */
    static final int MAX_PATCH_BYTES = 16 << 20;

    public SourcePatch {
        origins = List.copyOf(origins);
        files = List.copyOf(files);
        notes = List.copyOf(notes);
    }

    /**
     * One patch file.
     *
     * @param name how messages call it, usually the file's name
     */
    public record Input(String name, byte[] content) {}

    /**
     * A patch file as it was read: whoever names what something was built from must not read the
     * file again, which may be a pipe, or edited meanwhile.
     *
     * @param name as {@link Input#name}
     * @param sha256 of the bytes that the diffs were read from
     */
    public record Origin(String name, String sha256) {}

    /**
     * Reads patches, in the order given.
     *
     * @throws RebootlessException exit status 2 for what is no unified diff ({@code
     *     RBL-PATCH-EMPTY}, {@code RBL-PATCH-UNREADABLE}, {@code RBL-PATCH-MALFORMED}, {@code
     *     RBL-PATCH-SIZE}); exit status 4 for a path that leaves the tree ({@code RBL-PATCH-PATH})
     */
    public static SourcePatch parse(List<Input> patches) {
        List<Origin> origins = new ArrayList<>();
        List<FilePatch> files = new ArrayList<>();
        List<String> notes = new ArrayList<>();
        for (Input patch : patches) {
            origins.add(new Origin(patch.name(), Hashes.sha256(patch.content())));
            DiffParser parser = new DiffParser(patch.name(), patch.content());
            files.addAll(parser.parse());
            notes.addAll(parser.notes());
        }
        return new SourcePatch(origins, files, notes);
    }

    /**
     * Reads patch files.
     *
     * @throws RebootlessException as {@link #parse}; exit status 2 {@code RBL-PATCH-UNREADABLE} for
     *     a file that cannot be read
     */
    public static SourcePatch read(List<Path> patches) {
        List<Input> inputs = new ArrayList<>();
        for (Path patch : patches) {
            String name = String.valueOf(patch.getFileName());
            try (InputStream in = Files.newInputStream(patch)) {
                inputs.add(new Input(name, in.readNBytes(MAX_PATCH_BYTES + 1)));
            } catch (IOException e) {
                String why =
                        e instanceof NoSuchFileException ? "there is no such file" : e.toString();
                throw RebootlessException.usage(
                        "RBL-PATCH-UNREADABLE",
                        patch.toString(),
                        "the patch cannot be read: " + why,
                        "give the path of a patch file");
            }
        }
        return parse(inputs);
    }

    /** The paths it touches, sorted. */
    public SortedSet<String> paths() {
        SortedSet<String> paths = new TreeSet<>();
        files.forEach(f -> paths.add(f.path()));
        return paths;
    }

    /** The paths of the kinds that can reach the kernel's code, sorted. */
    public SortedSet<String> pathsThatReachTheKernel() {
        SortedSet<String> paths = paths();
        paths.removeIf(path -> !FileKind.of(path).reachesTheKernel());
        return paths;
    }
}
