package dev.rebootless.release.publish;

import dev.rebootless.base.FileFaults;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.release.KeyFile;
import dev.rebootless.trust.tuf.PublicKey;
import dev.rebootless.trust.tuf.RoleKeys;
import dev.rebootless.trust.tuf.Signer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Those who sign for a role.
 *
 * @param signers whose keys were made now
 * @param threshold how many of them must sign
 */
record KeySet(List<Signer> signers, int threshold) {
    KeySet {
        signers = List.copyOf(signers);
    }

    /**
     * Makes key pairs: {@code NAME-1.pem}, {@code NAME-2.pem} and so on, or {@code NAME.pem} where
     * there is one.
     */
    static KeySet create(Path folder, String name, int count, int threshold) {
        makeFolder(folder);
        List<Signer> made = new ArrayList<>();
        for (int i = 1; i <= count; i++) {
            Path file = folder.resolve(count == 1 ? name + ".pem" : name + "-" + i + ".pem");
            KeyFile.create(file);
            made.add(KeyFile.read(file));
        }
        return new KeySet(made, threshold);
    }

    private static void makeFolder(Path folder) {
        try {
            Path parent = folder.toAbsolutePath().getParent();
            if (parent != null) {
                Files.createDirectories(parent);
            }
            if (!Files.isDirectory(folder)) {
                Files.createDirectory(
                        folder,
                        PosixFilePermissions.asFileAttribute(
                                PosixFilePermissions.fromString("rwx------")));
            }
        } catch (IOException e) {
            throw RebootlessException.environment(
                    "RBL-KEY-WRITE",
                    folder.toString(),
                    "cannot be made: " + FileFaults.reason(e),
                    "give a folder that this user may write to");
        }
    }

    RoleKeys role() {
        return new RoleKeys(new java.util.TreeSet<>(keys().keySet()), threshold);
    }

    SortedMap<String, PublicKey> keys() {
        SortedMap<String, PublicKey> keys = new TreeMap<>();
        signers.forEach(s -> keys.put(s.key().id(), s.key()));
        return keys;
    }
}
