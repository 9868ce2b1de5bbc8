package dev.rebootless.trust.tuf;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.FileFaults;
import dev.rebootless.base.RebootlessException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * The files of a repository (specification, section 3.1 and 6.2, consistent snapshots). Nothing is
 * ever written over but the timestamp, which is written last: whoever reads in the middle of a
 * publication sees the one before, whole.
 */
public final class TufRepository {
    private static final String TIMESTAMP = "metadata/timestamp.json";

    private final Path folder;

    /** A repository in a folder, which any server of files can hand out. */
    public TufRepository(Path folder) {
        this.folder = folder;
    }

    /** Puts a target's bytes where clients look for them. */
    public FileFacts addTarget(String path, byte[] content) {
        FileFacts facts = FileFacts.of(content);
        write(TargetPath.file(path, facts), content);
        return facts;
    }

    /** Puts a root where clients look for the next. */
    public void publishRoot(SignedMetadata root) {
        write("metadata/" + root.metadata().version() + ".root.json", root.bytes());
    }

    /**
     * Puts the metadata of targets, or of a role to which some are left, where it is looked for.
     */
    public Metadata.Snapshot.Listed publishTargets(String role, SignedMetadata targets) {
        if (!(targets.metadata() instanceof Metadata.Targets theirs)
                || !theirs.role().equals(role)) {
            throw TufFault.Attack.MALFORMED.of(role, "the metadata are not this role's");
        }
        byte[] bytes = targets.bytes();
        write("metadata/" + targets.metadata().version() + "." + role + ".json", bytes);
        return new Metadata.Snapshot.Listed(targets.metadata().version(), FileFacts.of(bytes));
    }

    /** Puts a snapshot where it is looked for. */
    public Metadata.Snapshot.Listed publishSnapshot(SignedMetadata snapshot) {
        byte[] bytes = snapshot.bytes();
        write("metadata/" + snapshot.metadata().version() + ".snapshot.json", bytes);
        return new Metadata.Snapshot.Listed(snapshot.metadata().version(), FileFacts.of(bytes));
    }

    /** Makes a snapshot the current one. */
    public void publishTimestamp(SignedMetadata timestamp) {
        write(TIMESTAMP, timestamp.bytes());
    }

    private void write(String name, byte[] content) {
        Path file = folder.resolve(name);
        try {
            Files.createDirectories(file.resolveSibling("."));
            if (!name.equals(TIMESTAMP) && Files.exists(file)) {
                if (!Arrays.equals(Files.readAllBytes(file), content)) {
                    throw RebootlessException.refused(
                            "RBL-TUF-PUBLISHED",
                            file.toString(),
                            "it was published before with other content, and hosts may hold on to that",
                            "publish under the next version");
                }
                return;
            }
            AtomicFiles.write(file, content);
        } catch (IOException e) {
            throw RebootlessException.environment(
                    "RBL-TUF-WRITE",
                    file.toString(),
                    "cannot be written: " + FileFaults.reason(e),
                    "free some space there, and see that this user may write to it");
        }
    }
}
