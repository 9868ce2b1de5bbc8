package dev.rebootless.fleet.store;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.FileFaults;
import dev.rebootless.base.Progress;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.base.Subprocess;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * PostgreSQL as a child of this process, with its files in a folder: for trials, and for fleets
 * that one machine can serve. It listens on the loopback address alone, and wants a password even
 * there, which is in a file that only this user can read. It is started again when it dies.
 *
 * <p>PostgreSQL refuses to run as root, so for root it runs in a user namespace of its own
 * (unshare(1)), where it is nobody and still owns its files.
 */
public final class EmbeddedDatabase implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(EmbeddedDatabase.class);

    private static final String USER = "rebootless";
    private static final Duration START_PATIENCE = Duration.ofSeconds(60);
    private static final Duration STOP_PATIENCE = Duration.ofSeconds(30);
    private static final Duration RESTART_PAUSE = Duration.ofSeconds(1);

    private static final long LARGEST_LOG = 16 << 20;

    /**
     * Of the machines that this is for; the first lines say what makes an acknowledged report safe.
     * Full pages go to the log once after each checkpoint, so that few checkpoints mean little
     * writing.
     */
    private static final List<String> SETTINGS =
            List.of(
                    "fsync=on",
                    "synchronous_commit=on",
                    "full_page_writes=on",
                    "listen_addresses=127.0.0.1",
                    "unix_socket_directories=",
                    "password_encryption=scram-sha-256",
                    "max_connections=60",
                    "shared_buffers=256MB",
                    "max_wal_size=4GB",
                    "min_wal_size=256MB",
                    "checkpoint_timeout=15min",
                    "wal_compression=on",
                    "autovacuum_naptime=20s",
                    "autovacuum_vacuum_cost_limit=1000",
                    "jit=off",
                    "log_timezone=UTC",
                    "timezone=UTC");

    private final Path folder;
    private final FileChannel lockFile;
    private final FileLock lock;
    private final Path programs;
    private final String password;
    private final int port;
    private volatile boolean closing;
    private volatile @Nullable Process process;

    private EmbeddedDatabase(
            Path folder,
            FileChannel lockFile,
            FileLock lock,
            Path programs,
            String password,
            int port) {
        this.folder = folder;
        this.lockFile = lockFile;
        this.lock = lock;
        this.programs = programs;
        this.password = password;
        this.port = port;
    }

    /**
     * Starts the one of a folder, which is made at the first time.
     *
     * @throws RebootlessException exit status 5: {@code RBL-FLEET-DATA} when the folder cannot be
     *     used, or another process uses it; {@code RBL-FLEET-POSTGRES} when PostgreSQL does not
     *     start
     */
    public static EmbeddedDatabase start(Path folder, Progress progress) {
        try {
            Files.createDirectories(folder);
            Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx------"));
            FileChannel channel =
                    FileChannel.open(
                            folder.resolve("lock"),
                            StandardOpenOption.CREATE,
                            StandardOpenOption.WRITE);
            FileLock lock = tryLock(channel);
            if (lock == null) {
                channel.close();
                throw RebootlessException.environment(
                        "RBL-FLEET-DATA",
                        folder.toString(),
                        "another rebootless serve works with it",
                        "end that one first; several need a database of their own, with --database");
            }
            try {
                return start(folder, channel, lock, progress);
            } catch (RuntimeException | IOException e) {
                channel.close();
                throw e;
            }
        } catch (IOException e) {
            throw RebootlessException.environment(
                    "RBL-FLEET-DATA",
                    folder.toString(),
                    "cannot be written: " + FileFaults.reason(e),
                    "free some space there, and see that this user may write to it");
        }
    }

    private static @Nullable FileLock tryLock(FileChannel channel) throws IOException {
        try {
            return channel.tryLock();
        } catch (java.nio.channels.OverlappingFileLockException e) {
            return null;
        }
    }

    private static EmbeddedDatabase start(
            Path folder, FileChannel channel, FileLock lock, Progress progress) throws IOException {
        Path programs = PostgresPrograms.in(folder, progress);
        Path cluster = folder.resolve("cluster");
        Path passwordFile = folder.resolve("password");
        if (!Files.exists(cluster.resolve("PG_VERSION"))) {
            progress.step("making the database in " + folder);
            makeCluster(programs, folder, cluster, passwordFile);
        } else {
            stopLeftOver(programs, cluster);
        }
        String password = Files.readString(passwordFile).strip();
        EmbeddedDatabase database =
                new EmbeddedDatabase(folder, channel, lock, programs, password, freePort());
        database.launch();
        database.awaitStart();
        database.supervise();
        return database;
    }

    /**
     * Finds the one of a folder that another process runs.
     *
     * @return empty when none runs
     */
    public static Optional<DatabaseAddress> running(Path folder) {
        try {
            // Line 4 of postmaster.pid is the port (src/include/utils/pidfile.h).
            List<String> lines = Files.readAllLines(folder.resolve("cluster/postmaster.pid"));
            DatabaseAddress address =
                    address(
                            Integer.parseInt(lines.get(3).strip()),
                            Files.readString(folder.resolve("password")).strip());
            return answers(address) ? Optional.of(address) : Optional.empty();
        } catch (IOException | IndexOutOfBoundsException | NumberFormatException e) {
            return Optional.empty();
        }
    }

    private static DatabaseAddress address(int port, String password) {
        return new DatabaseAddress(
                "jdbc:postgresql://127.0.0.1:" + port + "/postgres", USER, password);
    }

    /** Where it is. */
    public DatabaseAddress address() {
        return address(port, password);
    }

    /** The process, while it runs. */
    public Optional<ProcessHandle> process() {
        return Optional.ofNullable(process).map(Process::toHandle).filter(ProcessHandle::isAlive);
    }

    private static void makeCluster(Path programs, Path folder, Path cluster, Path passwordFile)
            throws IOException {
        byte[] secret = new byte[24];
        new SecureRandom().nextBytes(secret);
        Path aside = folder.resolve("cluster.new");
        AtomicFiles.removeTree(aside);
        Files.deleteIfExists(passwordFile);
        Files.createFile(
                passwordFile,
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        Files.writeString(passwordFile, HexFormat.of().formatHex(secret) + "\n");
        List<String> command = asNobody();
        command.addAll(
                List.of(
                        programs.resolve("bin/initdb").toString(),
                        "--pgdata=" + aside,
                        "--username=" + USER,
                        "--pwfile=" + passwordFile,
                        "--auth=scram-sha-256",
                        "--encoding=UTF8",
                        "--locale=C.UTF-8",
                        "--no-instructions"));
        Subprocess.Result result = Subprocess.of(command).deadline(START_PATIENCE).run();
        if (!result.ok()) {
            throw broken(folder, "the database could not be made: " + lastLine(result.all()));
        }
        Files.move(aside, cluster);
    }

    private static String lastLine(String text) {
        return text.lines().filter(line -> !line.isBlank()).reduce("", (_, line) -> line);
    }

    /** As root, what runs PostgreSQL without being root. */
    private static List<String> asNobody() {
        List<String> command = new ArrayList<>();
        if ("root".equals(System.getProperty("user.name"))) {
            command.addAll(List.of("unshare", "-U"));
        }
        return command;
    }

    /** A server that was killed leaves its database running. */
    private static void stopLeftOver(Path programs, Path cluster) {
        if (Files.exists(cluster.resolve("postmaster.pid"))) {
            stop(programs, cluster);
        }
    }

    private static void stop(Path programs, Path cluster) {
        List<String> command = asNobody();
        command.addAll(
                List.of(
                        programs.resolve("bin/pg_ctl").toString(),
                        "stop",
                        "--pgdata=" + cluster,
                        "--mode=fast",
                        "--timeout=" + STOP_PATIENCE.toSeconds()));
        var _ = Subprocess.of(command).deadline(STOP_PATIENCE.plusSeconds(5)).run();
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    private void launch() throws IOException {
        if (Files.exists(log()) && Files.size(log()) > LARGEST_LOG) {
            Files.delete(log());
        }
        List<String> command = asNobody();
        command.add(programs.resolve("bin/postgres").toString());
        command.add("-D");
        command.add(folder.resolve("cluster").toString());
        for (String setting : SETTINGS) {
            command.add("-c");
            command.add(setting);
        }
        command.add("-p");
        command.add(String.valueOf(port));
        ProcessBuilder builder =
                new ProcessBuilder(command)
                        .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
                        .redirectErrorStream(true)
                        .redirectOutput(ProcessBuilder.Redirect.appendTo(log().toFile()));
        builder.environment().keySet().removeIf(name -> name.startsWith("PG"));
        builder.environment().put("LC_ALL", "C.UTF-8");
        process = builder.start();
    }

    private Path log() {
        return folder.resolve("log");
    }

    private void awaitStart() {
        long end = System.nanoTime() + START_PATIENCE.toNanos();
        while (System.nanoTime() < end) {
            if (answers(address())) {
                return;
            }
            if (process().isEmpty()) {
                throw broken(folder, "PostgreSQL ends at once: " + lastLogLine());
            }
            try {
                TimeUnit.MILLISECONDS.sleep(50);
            } catch (InterruptedException e) {
                close();
                throw RebootlessException.interrupted("PostgreSQL", e);
            }
        }
        close();
        throw broken(folder, "PostgreSQL does not answer: " + lastLogLine());
    }

    private String lastLogLine() {
        try {
            return lastLine(Files.readString(log()));
        } catch (IOException e) {
            return "see " + log();
        }
    }

    private static boolean answers(DatabaseAddress address) {
        try (Connection connection =
                DriverManager.getConnection(
                        address.url() + "?connectTimeout=5&loginTimeout=5",
                        address.user(),
                        address.password())) {
            return connection.isValid(5);
        } catch (SQLException e) {
            return false;
        }
    }

    private void supervise() {
        Thread.ofPlatform()
                .daemon()
                .name("rebootless-postgres")
                .start(() -> {
                    try {
                        while (!closing) {
                            Process running = process;
                            if (running != null) {
                                int status = running.waitFor();
                                if (closing) {
                                    return;
                                }
                                LOG.warn(
                                        "PostgreSQL ended with status {}; it is started again",
                                        status);
                            }
                            Thread.sleep(RESTART_PAUSE);
                            relaunch();
                        }
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                });
    }

    /**
     * Where children of the one that died still hold its shared memory, it has to be tried again.
     */
    private synchronized void relaunch() {
        if (closing) {
            return;
        }
        try {
            launch();
        } catch (IOException e) {
            LOG.error("PostgreSQL cannot be started: {}", e.getMessage());
        }
    }

    private static RebootlessException broken(Path folder, String why) {
        return RebootlessException.environment(
                "RBL-FLEET-POSTGRES",
                folder.toString(),
                why,
                "see the file log there; or give a database of your own with --database");
    }

    @Override
    public synchronized void close() {
        if (closing) {
            return;
        }
        closing = true;
        Process running = process;
        if (running != null && running.isAlive()) {
            stop(programs, folder.resolve("cluster"));
            running.destroyForcibly();
        }
        try {
            lock.release();
            lockFile.close();
        } catch (IOException e) {
            LOG.warn("{}: {}", folder, e.getMessage());
        }
    }
}
