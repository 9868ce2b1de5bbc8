package dev.rebootless.release.publish;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.FileFaults;
import dev.rebootless.base.RebootlessException;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/**
 * A copy of a repository's metadata, to which files are added that are of use only together.
 *
 * @param repository the folder of the repository
 * @param folder with the copy, in {@code metadata}
 */
record MetadataCopy(Path repository, Path folder) {
    private static final String METADATA = "metadata";
    private static final String NEXT = ".rotation";
    private static final String BEFORE = ".metadata-before";

    /** Makes it. What a call that was killed left of one is removed. */
    static MetadataCopy of(Path repository) {
        MetadataCopy copy = new MetadataCopy(repository, repository.resolve(NEXT));
        try {
            AtomicFiles.removeTree(copy.folder);
            Path to = Files.createDirectories(copy.folder.resolve(METADATA));
            try (DirectoryStream<Path> files =
                    Files.newDirectoryStream(repository.resolve(METADATA), "*.json")) {
                for (Path file : files) {
                    Files.copy(file, to.resolve(file.getFileName()));
                }
            }
        } catch (IOException e) {
            throw copy.fault(e);
        }
        return copy;
    }

    /** Puts it in the place of the metadata; killed in between, both are there by their names. */
    void takePlace() {
        Path metadata = repository.resolve(METADATA);
        Path before = repository.resolve(BEFORE);
        try {
            AtomicFiles.removeTree(before);
            Files.move(metadata, before, StandardCopyOption.ATOMIC_MOVE);
            Files.move(folder.resolve(METADATA), metadata, StandardCopyOption.ATOMIC_MOVE);
            AtomicFiles.removeTree(before);
            AtomicFiles.removeTree(folder);
        } catch (IOException e) {
            throw fault(e);
        }
    }

    private RebootlessException fault(IOException e) {
        return RebootlessException.environment(
                "RBL-TUF-WRITE",
                repository.toString(),
                "cannot be written: " + FileFaults.reason(e),
                "free some space there, and see that this user may write to it; where the folder "
                        + METADATA
                        + " is missing, rename "
                        + BEFORE
                        + " to it");
    }
}
