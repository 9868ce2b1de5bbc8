package dev.rebootless.host;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.host.files.HostFiles;
import dev.rebootless.host.files.Reading;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * The note that a boot leaves right before it loads a livepatch, and takes away when it is complete
 * or stops in good order. One that is found by another boot says that the earlier one never came so
 * far: what it was loading is not tried again.
 */
final class BootAttempt {
    private static final String FILE = Store.ROOT + "/boot-attempt";

    private final HostFiles files;

    BootAttempt(HostFiles files) {
        this.files = files;
    }

    /**
     * A note.
     *
     * @param bootId of the boot that left it
     * @param release of the kernel that was booted
     * @param buildId of it
     * @param livepatch that it was loading, or had loaded last
     */
    record Note(String bootId, String release, String buildId, String livepatch) {}

    /** The id of the boot that is running. */
    String bootId() {
        return files.read("/proc/sys/kernel/random/boot_id")
                .known()
                .orElseThrow(() ->
                        RebootlessException.environment(
                                "RBL-HOST-UNREADABLE",
                                "/proc/sys/kernel/random/boot_id",
                                "cannot be read",
                                "mount /proc"));
    }

    /**
     * The note that is there.
     *
     * @throws RebootlessException exit status 5 {@code RBL-HOST-STORE} when there is one that
     *     cannot be read: then nobody knows what crashed
     */
    Optional<Note> read() {
        return switch (files.read(FILE)) {
            case Reading.Absent _ -> Optional.empty();
            case Reading.Unreadable(String why) -> throw fault("cannot be read: " + why);
            case Reading.Text(String text) -> {
                String[] words = text.strip().split(" ", -1);
                if (words.length != 4) {
                    throw fault("is no note of a boot");
                }
                yield Optional.of(new Note(words[0], words[1], words[2], words[3]));
            }
        };
    }

    private static RebootlessException fault(String what) {
        return RebootlessException.environment(
                "RBL-HOST-STORE",
                FILE,
                what + ", so that nobody knows which livepatch an earlier boot failed with",
                "see which it was, uninstall it, and remove the file");
    }

    /**
     * Leaves a note; it is on the disk when this returns.
     *
     * @throws RebootlessException exit status 5 {@code RBL-HOST-STORE}: without a note, a crash
     *     would not be remembered
     */
    void begin(RunningKernel kernel, String livepatch) {
        Path file = files.path(FILE);
        String words =
                String.join(
                        " ",
                        bootId(),
                        kernel.release(),
                        kernel.buildId().orElse("unknown"),
                        livepatch);
        try {
            Files.createDirectories(file.getParent());
            AtomicFiles.write(file, words + "\n");
            // Of boots that ended while they wrote one.
            AtomicFiles.removeAsideQuietly(file);
        } catch (IOException e) {
            throw Store.fault(FILE, e);
        }
    }

    /**
     * Takes the note away, on the disk as well.
     *
     * @throws RebootlessException exit status 5 {@code RBL-HOST-STORE}
     */
    void end() {
        try {
            AtomicFiles.remove(files.path(FILE));
        } catch (IOException e) {
            throw Store.fault(FILE, e);
        }
    }
}
