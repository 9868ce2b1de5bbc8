package dev.rebootless.lab;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.Subprocess;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermission;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/**
 * A private folder and the processes that work in it. Both go when it is closed, and also when the
 * Java machine is told to stop (Ctrl-C, SIGTERM), so that no guest and no file is left behind.
 */
final class Workspace implements AutoCloseable {
    /**
     * A unix socket's path must fit into sockaddr_un.sun_path, 108 bytes with its zero (unix(7));
     * our longest name has less than 30.
     */
    private static final int MAX_FOLDER_LENGTH = 70;

    private static final String PREFIX = "rebootless-lab-";

    /** Short, and open to everybody on every system (Filesystem Hierarchy Standard, 3.18). */
    private static final Path FALLBACK = Path.of("/tmp");

    /** Longer than any proof takes; see {@link ProofRequest}. */
    private static final Duration ABANDONED_AFTER = Duration.ofDays(1);

    private static final int MAX_SWEPT = 100;

    private final Path folder;
    private final Set<Process> processes = new HashSet<>();
    private final Thread hook = new Thread(this::clear, "rebootless-lab-cleanup");
    private boolean closed;

    private Workspace(Path folder) {
        this.folder = folder;
        Runtime.getRuntime().addShutdownHook(hook);
    }

    static Workspace create() throws IOException {
        return create(Path.of(System.getProperty("java.io.tmpdir")), Qemu.runningAsRoot());
    }

    /**
     * Makes one in a folder for temporary files, or in /tmp where that one does not do.
     *
     * @param handedOver whether QEMU may run as somebody else than us, as it does when we are root
     */
    static Workspace create(Path temporary, boolean handedOver) throws IOException {
        Path folder = makeFolder(handedOver && !isReachable(temporary) ? FALLBACK : temporary);
        if (folder.toString().length() > MAX_FOLDER_LENGTH) {
            Files.delete(folder);
            folder = makeFolder(FALLBACK);
        }
        return new Workspace(folder);
    }

    private static Path makeFolder(Path parent) throws IOException {
        sweep(parent);
        return Files.createTempDirectory(parent, PREFIX + ProcessHandle.current().pid() + "-");
    }

    /** Whether everybody may pass through a folder and all above it (path_resolution(7)). */
    private static boolean isReachable(Path folder) throws IOException {
        for (Path each = folder.toRealPath(); each != null; each = each.getParent()) {
            if (!Files.getPosixFilePermissions(each).contains(PosixFilePermission.OTHERS_EXECUTE)) {
                return false;
            }
        }
        return true;
    }

    /**
     * Removes the folders of processes that were killed outright (SIGKILL, a power cut). By age and
     * not by process id: another container that shares the folder has ids of its own. Only our own
     * user's: in a folder of another's, a path could be made to lead elsewhere while it is removed.
     */
    private static void sweep(Path temporary) {
        FileTime limit = FileTime.from(Instant.now().minus(ABANDONED_AFTER));
        try (Stream<Path> files = Files.list(temporary)) {
            Object us = owner(Path.of("/proc/self/task"));
            List<Path> ours =
                    files.filter(file -> file.getFileName().toString().startsWith(PREFIX))
                            .limit(MAX_SWEPT)
                            .toList();
            for (Path file : ours) {
                FileTime changed = Files.getLastModifiedTime(file, LinkOption.NOFOLLOW_LINKS);
                if (Files.isDirectory(file, LinkOption.NOFOLLOW_LINKS)
                        && us.equals(owner(file))
                        && changed.compareTo(limit) < 0) {
                    AtomicFiles.removeTree(file);
                }
            }
        } catch (IOException | UncheckedIOException e) {
            // Gone meanwhile, or not to be read: not needed for the work at hand.
        }
    }

    private static Object owner(Path path) throws IOException {
        return Files.getAttribute(path, "unix:uid", LinkOption.NOFOLLOW_LINKS);
    }

    Path folder() {
        return folder;
    }

    /** Starts a process that does not outlive this workspace. */
    synchronized Process start(ProcessBuilder builder) throws IOException {
        if (closed) {
            throw new IOException("the lab is being closed");
        }
        Process process = builder.start();
        processes.add(process);
        return process;
    }

    /** Ends a process, if it has not ended, and waits until it is gone. */
    void end(Process process) {
        Subprocess.kill(process);
        process.onExit().join();
        synchronized (this) {
            processes.remove(process);
        }
    }

    @Override
    public void close() {
        clear();
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // The machine is stopping, and the hook runs or has run.
        }
    }

    private synchronized void clear() {
        closed = true;
        processes.forEach(Subprocess::kill);
        processes.forEach(process -> process.onExit().join());
        processes.clear();
        try {
            AtomicFiles.removeTree(folder);
        } catch (IOException e) {
            // A temporary folder that cannot be removed is no reason to fail what was achieved.
        }
    }
}
