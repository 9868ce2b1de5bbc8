package dev.rebootless.host.agent;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.FileFaults;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.host.files.HostFiles;
import dev.rebootless.host.files.JsonObject;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/** A folder in which one side of the agent keeps its files, and nobody else writes. */
final class AgentFolder {
    /** Where all that is kept on a host is; root's. */
    static final String ROOT = "/var/lib/rebootless";

    /** The network side's: user {@link AgentMachine#USER}, 0700. */
    static final String AGENT = ROOT + "/agent";

    /** What the side with rights leaves for the other to read: root's, 0755. */
    static final String APPLY = ROOT + "/apply";

    /** What the side with rights believes of releases: root's, 0700. */
    static final String TRUSTED = ROOT + "/trusted";

    /** No file of the agent's own is longer; an identity or an order has some hundred bytes. */
    private static final int MAX_BYTES = 1 << 20;

    private static final String LOCK = "lock";

    private final Path folder;
    private final String place;

    AgentFolder(HostFiles files, String folder) {
        this.folder = files.path(folder);
        this.place = folder;
    }

    Path path(String name) {
        return folder.resolve(name);
    }

    boolean exists() {
        return Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS);
    }

    /**
     * Makes sure that this process's user owns the folder and nobody else may write to it.
     *
     * @throws RebootlessException exit status 5 {@code RBL-AGENT-USER}
     */
    void requireOwn(String remedy) {
        try {
            PosixFileAttributes is =
                    Files.readAttributes(
                            folder, PosixFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
            Set<PosixFilePermission> rights = is.permissions();
            if (!is.isDirectory()
                    || !is.owner().getName().equals(System.getProperty("user.name"))
                    || rights.contains(PosixFilePermission.GROUP_WRITE)
                    || rights.contains(PosixFilePermission.OTHERS_WRITE)) {
                throw RebootlessException.environment(
                        "RBL-AGENT-USER",
                        place,
                        "belongs to "
                                + is.owner().getName()
                                + " ("
                                + PosixFilePermissions.toString(rights)
                                + "), and this is "
                                + System.getProperty("user.name"),
                        remedy);
            }
        } catch (IOException e) {
            throw fault("", e);
        }
    }

    /** Makes the folder, for its owner alone or for all to read. */
    void create(boolean readable) {
        try {
            Files.createDirectories(folder);
            Files.setPosixFilePermissions(
                    folder, PosixFilePermissions.fromString(readable ? "rwxr-xr-x" : "rwx------"));
        } catch (IOException e) {
            throw fault("", e);
        }
    }

    /** A file's bytes; empty only when it is not there. */
    Optional<byte[]> read(String name) {
        Path file = path(name);
        try (InputStream in = Files.newInputStream(file, LinkOption.NOFOLLOW_LINKS)) {
            byte[] bytes = in.readNBytes(MAX_BYTES + 1);
            if (bytes.length > MAX_BYTES) {
                throw damaged(name, "it has more than " + MAX_BYTES + " bytes");
            }
            return Optional.of(bytes);
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (IOException e) {
            throw fault(name, e);
        }
    }

    /** The document in a file; empty only when it is not there. */
    Optional<Answer> document(String name) {
        return read(name)
                .map(bytes -> {
                    try {
                        Map<String, Object> fields =
                                JsonObject.parse(new String(bytes, StandardCharsets.UTF_8));
                        return new Answer(place + "/" + name, fields, Answer.Origin.OWN);
                    } catch (JsonObject.NoneException e) {
                        throw damaged(name, String.valueOf(e.getMessage()));
                    }
                });
    }

    /** Writes a file whole or not at all; it is on the disk when this returns. */
    void write(String name, byte[] content) {
        try {
            AtomicFiles.removeAsideQuietly(path(name));
            AtomicFiles.write(path(name), content);
        } catch (IOException e) {
            throw fault(name, e);
        }
    }

    void write(String name, AgentJson content) {
        write(name, (content.text() + "\n").getBytes(StandardCharsets.UTF_8));
    }

    /** As {@link #write}, readable by the owner alone; the folder is as well. */
    void writeSecret(String name, byte[] content) {
        write(name, content);
        try {
            Files.setPosixFilePermissions(path(name), PosixFilePermissions.fromString("rw-------"));
        } catch (IOException e) {
            throw fault(name, e);
        }
    }

    void remove(String name) {
        try {
            AtomicFiles.remove(path(name));
        } catch (IOException e) {
            throw fault(name, e);
        }
    }

    /**
     * Works while no other call works in this folder.
     *
     * @throws RebootlessException exit status 4 {@code RBL-AGENT-BUSY} when one does
     */
    <T> T alone(Supplier<T> work) {
        try (FileChannel channel =
                        FileChannel.open(
                                path(LOCK),
                                StandardOpenOption.CREATE,
                                StandardOpenOption.WRITE,
                                LinkOption.NOFOLLOW_LINKS);
                FileLock lock = channel.tryLock()) {
            if (lock == null) {
                throw busy();
            }
            return work.get();
        } catch (OverlappingFileLockException e) {
            throw busy();
        } catch (IOException e) {
            throw fault(LOCK, e);
        }
    }

    private RebootlessException busy() {
        return RebootlessException.refused(
                "RBL-AGENT-BUSY",
                place,
                "another call of the agent is at work",
                "wait for its end and try again");
    }

    RebootlessException fault(String name, IOException e) {
        return RebootlessException.environment(
                "RBL-AGENT-STORE",
                name.isEmpty() ? place : place + "/" + name,
                "cannot be read or written: " + FileFaults.reason(e),
                "see that /var/lib has room, and that the command runs as the user that it is for");
    }

    RebootlessException damaged(String name, String why) {
        return RebootlessException.environment(
                "RBL-AGENT-STORE",
                place + "/" + name,
                "cannot be understood: " + why,
                place.equals(APPLY)
                        ? "see what happened to the disk; then remove this file: what it says is found out anew"
                        : "see what happened to the disk; then enrol this host anew, as docs/howto-agent.md says");
    }
}
