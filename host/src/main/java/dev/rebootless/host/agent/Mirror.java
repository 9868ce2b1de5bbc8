package dev.rebootless.host.agent;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.trust.tuf.RepositoryReader;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The part of the server's repository that this host needs, as plain files for the side with
 * rights, which has no network. What is got is put aside, and takes its place when all of it was
 * believed, the timestamp last: so the copy is always of one publication. What is not needed any
 * more goes.
 */
final class Mirror implements RepositoryReader {
    static final String FOLDER = "repository";
    private static final String ASIDE = "incoming";

    /** The only file of a repository that is ever written over. */
    private static final String TIMESTAMP = "metadata/timestamp.json";

    private static final String ADDRESS = "/repository/";

    /** As {@code RepositoryReader}'s users name files: plain names between slashes. */
    private static final Pattern NAME =
            Pattern.compile("(?:metadata|targets)(?:/[A-Za-z0-9_+~][A-Za-z0-9._+~-]{0,299}){1,16}");

    private static final Pattern ROOT = Pattern.compile("metadata/[0-9]{1,10}\\.root\\.json");

    private final FleetServer server;
    private final AgentFolder agent;
    private final Path here;
    private final Path aside;
    private final Set<String> used = new TreeSet<>();
    private final Set<String> got = new LinkedHashSet<>();
    private boolean usedOlder;

    Mirror(AgentFolder agent, FleetServer server) {
        this.server = server;
        this.agent = agent;
        this.here = agent.path(FOLDER);
        this.aside = agent.path(ASIDE);
    }

    /** Begins anew: what a call before has left aside goes. */
    void begin() {
        used.clear();
        got.clear();
        usedOlder = false;
        try {
            AtomicFiles.removeTree(aside);
        } catch (IOException e) {
            throw agent.fault(ASIDE, e);
        }
    }

    /** Whether something of an earlier call was used, which may be damaged. */
    boolean usedOlder() {
        return usedOlder;
    }

    /** Removes all of it; the next report gets it anew. */
    static void drop(AgentFolder agent) {
        AtomicFiles.removeTreeQuietly(agent.path(FOLDER));
    }

    /** Forgets all but the roots, which are never got again by those who have seen them. */
    void forget() {
        used.clear();
        removeUnused();
    }

    @Override
    public Optional<byte[]> read(String name, long most) {
        if (!NAME.matcher(name).matches()) {
            throw RebootlessException.refused(
                    "RBL-TUF-FORMAT", name, "is no file of a repository", "do not use it");
        }
        used.add(name);
        if (got.contains(name)) {
            return bytes(aside.resolve(name), most);
        }
        if (!name.equals(TIMESTAMP)) {
            Optional<byte[]> before = bytes(here.resolve(name), most);
            if (before.isPresent()) {
                usedOlder = true;
                return before;
            }
        }
        Optional<byte[]> now = server.get(ADDRESS + name, most);
        if (now.isPresent() && now.get().length <= most) {
            put(name, now.get());
        }
        return now;
    }

    private Optional<byte[]> bytes(Path file, long most) {
        try (InputStream in = Files.newInputStream(file, LinkOption.NOFOLLOW_LINKS)) {
            return Optional.of(in.readNBytes((int) Math.min(most + 1, Integer.MAX_VALUE - 8)));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (IOException e) {
            throw agent.fault(FOLDER, e);
        }
    }

    private void put(String name, byte[] content) {
        Path file = aside.resolve(name);
        try {
            Files.createDirectories(file.resolveSibling("."));
            AtomicFiles.write(file, content);
            got.add(name);
        } catch (IOException e) {
            throw agent.fault(ASIDE, e);
        }
    }

    /**
     * Puts what was got in its place.
     *
     * @param roots the versions that the side with rights may not have seen, for it sees only what
     *     is here
     */
    void commit(List<Long> roots, long mostRootBytes) {
        for (long version : roots) {
            Optional<byte[]> _ = read("metadata/" + version + ".root.json", mostRootBytes);
        }
        List<String> ordered = new ArrayList<>(got);
        ordered.sort(Comparator.comparing(TIMESTAMP::equals));
        try {
            for (String name : ordered) {
                Path target = here.resolve(name);
                Files.createDirectories(target.resolveSibling("."));
                Files.move(
                        aside.resolve(name),
                        target,
                        StandardCopyOption.ATOMIC_MOVE,
                        StandardCopyOption.REPLACE_EXISTING);
            }
            AtomicFiles.removeTree(aside);
        } catch (IOException e) {
            throw agent.fault(FOLDER, e);
        }
        removeUnused();
    }

    private void removeUnused() {
        if (!Files.isDirectory(here, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        try (Stream<Path> walk = Files.walk(here)) {
            for (Path each : walk.sorted(Comparator.reverseOrder()).toList()) {
                String name = here.relativize(each).toString();
                if (Files.isDirectory(each, LinkOption.NOFOLLOW_LINKS)) {
                    removeEmpty(each);
                } else if (!used.contains(name) && !ROOT.matcher(name).matches()) {
                    Files.delete(each);
                }
            }
        } catch (IOException e) {
            throw agent.fault(FOLDER, e);
        }
    }

    private static void removeEmpty(Path folder) throws IOException {
        boolean empty;
        try (Stream<Path> in = Files.list(folder)) {
            empty = in.findAny().isEmpty();
        }
        if (empty) {
            Files.delete(folder);
        }
    }
}
