package dev.rebootless.release.publish;

import dev.rebootless.trust.tuf.Metadata;
import dev.rebootless.trust.tuf.RepositoryReader;
import dev.rebootless.trust.tuf.TufClient;
import dev.rebootless.trust.tuf.TufFault;
import dev.rebootless.trust.tuf.TufRole;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What stands in a repository, as those see it who publish to it: also what is signed and in no
 * snapshot yet, because the server's keys were not at hand.
 *
 * @param session what clients see
 * @param newest the metadata of {@code targets} and {@code state}, by role
 * @param files of those that are in no snapshot yet, by role
 */
record Standing(
        TufClient.Session session,
        SortedMap<String, Metadata.Targets> newest,
        SortedMap<String, byte[]> files) {
    static final List<String> ROLES = List.of(TufRole.TARGETS.word(), Catalog.STATE);

    /** Versions that may wait for a snapshot; a server that makes none is not running. */
    private static final int MAX_WAITING = 1000;

    private static final long MAX_BYTES = 8 << 20;

    static Standing read(TufClient.Session session, RepositoryReader repository) {
        SortedMap<String, Metadata.Targets> newest = new TreeMap<>();
        SortedMap<String, byte[]> files = new TreeMap<>();
        newest.put(TufRole.TARGETS.word(), session.targets());
        newest.put(Catalog.STATE, session.delegated(Catalog.STATE));
        newest.replaceAll((role, published) -> {
            Metadata.Targets found = published;
            for (int i = 1; i <= MAX_WAITING; i++) {
                String name = "metadata/" + (published.version() + i) + "." + role + ".json";
                Optional<byte[]> file = repository.read(name, MAX_BYTES);
                if (file.isEmpty()) {
                    break;
                }
                found = session.verified(role, file.get(), name);
                if (found.version() != published.version() + i) {
                    throw TufFault.Attack.ROLLBACK.of(
                            name, "it is version " + found.version() + " under another name");
                }
                files.put(role, file.get());
            }
            return found;
        });
        return new Standing(session, newest, files);
    }

    /**
     * The version after one.
     *
     * @throws TufFault {@code RBL-TUF-ROLLBACK} after the highest: whoever signed it meant to end
     *     all versions, and the keys that did have to be replaced
     */
    static int after(int version) {
        if (version == Integer.MAX_VALUE) {
            throw TufFault.Attack.ROLLBACK.of("metadata", "there is no version after " + version);
        }
        return version + 1;
    }

    Metadata.Targets of(String role) {
        return java.util.Objects.requireNonNull(newest.get(role));
    }

    Catalog catalog(RepositoryReader repository) {
        return Catalog.of(of(TufRole.TARGETS.word()), of(Catalog.STATE), repository);
    }
}
