package dev.rebootless.release;

import dev.rebootless.base.FileFaults;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.trust.tuf.RoleKeys;
import dev.rebootless.trust.tuf.Signer;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The keys at hand. Which role each signs for, the root says. */
public final class Keyring {
    /** More files than that are no keyring. */
    private static final int MAX_FILES = 256;

    private final Map<String, Signer> signers;

    private Keyring(Map<String, Signer> signers) {
        this.signers = signers;
    }

    /** Of keys that are in memory. */
    public static Keyring of(Collection<? extends Signer> signers) {
        Map<String, Signer> byId = new LinkedHashMap<>();
        signers.forEach(s -> byId.put(s.key().id(), s));
        return new Keyring(byId);
    }

    /**
     * Reads files of keys, and folders with such files ({@code *.pem}).
     *
     * @throws RebootlessException as {@link KeyFile#read}; exit status 2 {@code RBL-KEY-FILE} for a
     *     folder without any
     */
    public static Keyring read(List<Path> places) {
        List<Signer> found = new ArrayList<>();
        for (Path place : places) {
            List<Path> files = Files.isDirectory(place) ? files(place) : List.of(place);
            files.forEach(file -> found.add(KeyFile.read(file)));
        }
        return of(found);
    }

    private static List<Path> files(Path folder) {
        List<Path> files = new ArrayList<>();
        try (DirectoryStream<Path> all = Files.newDirectoryStream(folder, "*.pem")) {
            all.forEach(files::add);
        } catch (IOException e) {
            throw none(folder, "cannot be read: " + FileFaults.reason(e));
        }
        if (files.isEmpty() || files.size() > MAX_FILES) {
            throw none(folder, "has " + files.size() + " files of keys (*.pem)");
        }
        return files.stream().sorted().toList();
    }

    private static RebootlessException none(Path folder, String why) {
        return RebootlessException.usage(
                "RBL-KEY-FILE", folder.toString(), why, "name the files of keys, or their folder");
    }

    /** Both keyrings. */
    public Keyring with(Keyring other) {
        Map<String, Signer> both = new LinkedHashMap<>(signers);
        both.putAll(other.signers);
        return new Keyring(both);
    }

    /** Those who sign for a role, as far as their keys are at hand. */
    public List<Signer> signersFor(RoleKeys role) {
        return role.keys().stream()
                .filter(signers::containsKey)
                .map(id -> java.util.Objects.requireNonNull(signers.get(id)))
                .toList();
    }

    /** Whether enough of them are at hand. */
    public boolean canSign(RoleKeys role) {
        return signersFor(role).size() >= role.threshold();
    }

    /**
     * Those who sign for a role.
     *
     * @throws RebootlessException exit status 4 {@code RBL-KEYS-MISSING} when too few are at hand
     */
    public List<Signer> requireFor(RoleKeys role, String name) {
        List<Signer> found = signersFor(role);
        if (found.size() < role.threshold()) {
            throw RebootlessException.refused(
                    "RBL-KEYS-MISSING",
                    name,
                    "%d of its keys are at hand, and %d must sign"
                            .formatted(found.size(), role.threshold()),
                    "give more of them with --keys: " + String.join(", ", role.keys()));
        }
        return found;
    }
}
