package dev.rebootless.lab;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.kernel.log.KernelLog;
import dev.rebootless.manifest.ProofLogProblem;
import java.io.IOException;
import java.io.InputStream;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.nio.file.attribute.UserPrincipal;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;

/**
 * Boots guests in a workspace and follows each to its end, which a hard deadline sets if nothing
 * else does.
 */
final class Guest {
    /** How often the deadlines are looked at. */
    private static final long TICK_MILLIS = 20;

    /** From the guest's last report to its power-off. */
    private static final Duration LAST_GRACE = Duration.ofSeconds(10);

    /** What a guest gets to come to an end after an oops, which may have left locks held. */
    private static final Duration FATAL_GRACE = Duration.ofSeconds(15);

    private static final int MAX_MESSAGES = 20_000;

    private final Workspace workspace;
    private final Qemu qemu;
    private final Path kernel;
    private final GuestImage image;
    private final String nonce;
    private final Duration checkTimeout;
    private final Duration workDeadline;
    private final AtomicInteger count = new AtomicInteger();

    /**
     * Lays the files out that every boot reads.
     *
     * @param checkTimeout after which the guest ends a check
     * @param workDeadline from the guest's first report to its power-off
     */
    Guest(
            Workspace workspace,
            Qemu qemu,
            byte[] kernel,
            GuestImage image,
            String nonce,
            Duration checkTimeout,
            Duration workDeadline)
            throws IOException {
        this.workspace = workspace;
        this.qemu = qemu;
        this.image = image;
        this.nonce = nonce;
        this.checkTimeout = checkTimeout;
        this.workDeadline = workDeadline;
        this.kernel = Files.write(workspace.folder().resolve("vmlinuz"), kernel);
        Files.write(initramfs(), image.bytes());
    }

    /**
     * What a guest left.
     *
     * @param bootSeconds from the start of QEMU to the first report; empty when there was none
     * @param messages in the order of their coming
     * @param damagedLines of the report that made no sense
     * @param ended why it ended without saying so; empty after an orderly end
     * @param emulatorSaid the last lines of QEMU's own output
     */
    record Result(
            Optional<Double> bootSeconds,
            List<GuestMessage> messages,
            KernelLog log,
            int damagedLines,
            Optional<String> ended,
            List<String> emulatorSaid) {
        /** What the kernel complained of, as it stands in a proof. */
        List<ProofLogProblem> problems() {
            return log.problems().stream()
                    .map(c -> new ProofLogProblem(c.kind(), c.source(), c.lines()))
                    .toList();
        }
    }

    /**
     * Boots once.
     *
     * @param listener gets each message as it comes, on a thread of its own
     * @throws RebootlessException exit status 130 when this thread is interrupted
     */
    Result boot(CpuProfile profile, Accelerator accelerator, Consumer<GuestMessage> listener)
            throws IOException {
        int number = count.incrementAndGet();
        Path console = workspace.folder().resolve(number + ".console");
        Path report = workspace.folder().resolve(number + ".report");
        Path said = workspace.folder().resolve(number + ".qemu");
        Follower follower = new Follower(nonce, checkTimeout, listener);
        List<Thread> readers = new ArrayList<>();
        Optional<String> ended;
        long start;
        try {
            try (ServerSocketChannel consoleServer = listen(console);
                    ServerSocketChannel reportServer = listen(report)) {
                handOver(accelerator, console, report);
                List<String> command =
                        qemu.command(
                                kernel,
                                initramfs(),
                                image.memoryMebibytes(),
                                profile,
                                accelerator,
                                console,
                                report);
                ProcessBuilder builder =
                        new ProcessBuilder(command)
                                .directory(workspace.folder().toFile())
                                .redirectInput(new java.io.File("/dev/null"))
                                .redirectErrorStream(true)
                                .redirectOutput(said.toFile());
                start = System.nanoTime();
                Process process = workspace.start(builder);
                try {
                    readers.add(
                            reader(consoleServer, KernelLog.MAX_LINE_BYTES, follower.log::accept));
                    readers.add(
                            reader(
                                    reportServer,
                                    GuestProtocol.MAX_LINE_BYTES,
                                    follower::acceptReport));
                    ended = watch(process, accelerator, follower);
                } finally {
                    workspace.end(process);
                }
            }
            // QEMU is gone: its sockets are at their ends, or were never opened.
            for (Thread reader : readers) {
                reader.join();
            }
            return follower.result(start, ended, tail(said));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new RebootlessException(
                    ExitStatus.INTERRUPTED,
                    List.of(new Problem("RBL-INTERRUPTED", "proof", "interrupted", "run it again")),
                    e);
        }
    }

    private Path initramfs() {
        return workspace.folder().resolve("initramfs");
    }

    /** Waits for the end of QEMU, or until a deadline says that there will be none; says which. */
    private Optional<String> watch(Process process, Accelerator accelerator, Follower follower)
            throws InterruptedException {
        Optional<Deadline> fatal = Optional.empty();
        Optional<Deadline> last = Optional.empty();
        Deadline boot = Deadline.in(accelerator.bootDeadline());
        Optional<Deadline> work = Optional.empty();
        while (!process.waitFor(TICK_MILLIS, TimeUnit.MILLISECONDS)) {
            if (follower.ended()) {
                last = last.or(() -> Optional.of(Deadline.in(LAST_GRACE)));
            }
            if (follower.readyAt().isPresent()) {
                work = work.or(() -> Optional.of(Deadline.in(workDeadline)));
            } else if (boot.passed()) {
                return Optional.of(
                        "the guest did not come up within "
                                + accelerator.bootDeadline().toSeconds()
                                + " s");
            }
            if (follower.log.fatal()) {
                fatal = fatal.or(() -> Optional.of(Deadline.in(FATAL_GRACE)));
            }
            if (last.filter(Deadline::passed).isPresent()) {
                return Optional.of("the guest did not power off");
            }
            if (fatal.filter(Deadline::passed).isPresent()) {
                return Optional.of("the guest hung after what the kernel log shows");
            }
            if (work.filter(Deadline::passed).isPresent()) {
                return Optional.of(
                        "the guest did not end within " + workDeadline.toSeconds() + " s");
            }
        }
        return Optional.empty();
    }

    private record Deadline(long nanos) {
        static Deadline in(Duration time) {
            return new Deadline(System.nanoTime() + time.toNanos());
        }

        boolean passed() {
            return System.nanoTime() - nanos >= 0;
        }
    }

    /**
     * Lets QEMU read and connect to what lies in the workspace, when it runs as another user. The
     * folder stays ours: QEMU may pass through it, and neither list it nor make a file in it.
     */
    private void handOver(Accelerator accelerator, Path... sockets) throws IOException {
        Optional<UserPrincipal> user = qemu.user(accelerator);
        if (user.isEmpty()) {
            return;
        }
        Files.setPosixFilePermissions(
                workspace.folder(), PosixFilePermissions.fromString("rwx--x--x"));
        for (Path path : List.of(kernel, initramfs())) {
            Files.setOwner(path, user.get());
        }
        for (Path path : sockets) {
            Files.setOwner(path, user.get());
        }
    }

    private static ServerSocketChannel listen(Path path) throws IOException {
        ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        try {
            return server.bind(UnixDomainSocketAddress.of(path));
        } catch (IOException e) {
            server.close();
            throw e;
        }
    }

    private static Thread reader(ServerSocketChannel server, int maxBytes, Consumer<String> sink) {
        return Thread.ofPlatform()
                .daemon()
                .name("rebootless-lab-serial")
                .start(() -> {
                    try (SocketChannel channel = server.accept();
                            InputStream in = Channels.newInputStream(channel)) {
                        BoundedLines.read(in, maxBytes, sink);
                    } catch (IOException e) {
                        // QEMU went away, or never came: what was read until then is what there is.
                    }
                });
    }

    /**
     * The last lines of QEMU's output but those that say which features TCG leaves out, as it
     * always does.
     */
    private static List<String> tail(Path file) throws IOException {
        List<String> lines =
                new String(Files.readAllBytes(file), java.nio.charset.StandardCharsets.UTF_8)
                        .lines()
                        .filter(line -> !line.contains("doesn't support requested feature"))
                        .toList();
        return lines.subList(Math.max(0, lines.size() - 10), lines.size());
    }

    /**
     * Collects what comes over the two ports; used by their two readers and the thread that
     * watches.
     */
    private static final class Follower {
        private final KernelLog log = new KernelLog();
        private final GuestProtocol protocol;
        private final Consumer<GuestMessage> listener;
        private final List<GuestMessage> messages = new ArrayList<>();
        private Optional<Long> readyAt = Optional.empty();
        private boolean ended;

        Follower(String nonce, Duration checkTimeout, Consumer<GuestMessage> listener) {
            this.protocol = new GuestProtocol(nonce, checkTimeout.toSeconds());
            this.listener = listener;
        }

        synchronized void acceptReport(String line) {
            Optional<GuestMessage> read = protocol.accept(line);
            if (read.isEmpty() || messages.size() >= MAX_MESSAGES) {
                return;
            }
            GuestMessage message = read.get();
            messages.add(message);
            if (message instanceof GuestMessage.Ready && readyAt.isEmpty()) {
                readyAt = Optional.of(System.nanoTime());
            }
            ended |= message instanceof GuestMessage.End;
            listener.accept(message);
        }

        synchronized Optional<Long> readyAt() {
            return readyAt;
        }

        synchronized boolean ended() {
            return ended;
        }

        synchronized Result result(long start, Optional<String> why, List<String> emulatorSaid) {
            Optional<String> reason =
                    ended ? Optional.empty() : why.or(() -> Optional.of("the guest went down"));
            return new Result(
                    readyAt.map(at -> (at - start) / 1e9),
                    List.copyOf(messages),
                    log,
                    protocol.unreadable(),
                    reason,
                    emulatorSaid);
        }
    }
}
