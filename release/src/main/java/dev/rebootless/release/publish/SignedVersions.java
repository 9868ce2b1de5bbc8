package dev.rebootless.release.publish;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.FileFaults;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.trust.tuf.CanonicalJson;
import dev.rebootless.trust.tuf.Fields;
import dev.rebootless.trust.tuf.Metadata;
import dev.rebootless.trust.tuf.TufFault;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Which versions a publisher signed last. What it signed may be in no snapshot yet, so that no
 * client's memory has it: a server that loses a withdrawal would get a signature under what was
 * withdrawn.
 */
final class SignedVersions {
    private static final String FILE = "signed.json";
    private static final int MAX_BYTES = 4096;

    private final Path file;

    SignedVersions(Path trusted) {
        this.file = trusted.resolve(FILE);
    }

    /**
     * Makes sure that a repository has them.
     *
     * @throws TufFault {@code RBL-TUF-ROLLBACK}
     */
    void requireIn(Standing standing) {
        read().forEach((role, version) -> {
            int there = standing.of(role).version();
            if (there < version) {
                throw TufFault.Attack.ROLLBACK.of(
                        "metadata/" + version + "." + role + ".json",
                        "you signed it, and the repository has version " + there + " only");
            }
        });
    }

    /** Remembers one. */
    void keep(Metadata.Targets signed) {
        SortedMap<String, Object> versions = new TreeMap<>(read());
        versions.put(signed.role(), signed.version());
        try {
            AtomicFiles.write(file, CanonicalJson.bytes(versions));
        } catch (IOException e) {
            throw fault(e);
        }
    }

    private SortedMap<String, Integer> read() {
        SortedMap<String, Integer> versions = new TreeMap<>();
        try (var in = Files.newInputStream(file)) {
            String place = file.toString();
            Fields fields = new Fields(place, CanonicalJson.parse(in.readNBytes(MAX_BYTES), place));
            for (String role : Standing.ROLES) {
                if (fields.has(role)) {
                    versions.put(role, fields.positive(role));
                }
            }
        } catch (NoSuchFileException e) {
            // Nothing was signed from here yet.
        } catch (IOException e) {
            throw fault(e);
        }
        return versions;
    }

    private RebootlessException fault(IOException e) {
        return RebootlessException.environment(
                "RBL-TUF-STORE",
                file.toString(),
                "what was signed last cannot be kept or read: " + FileFaults.reason(e),
                "free some space there, and see that this user may write to it");
    }
}
