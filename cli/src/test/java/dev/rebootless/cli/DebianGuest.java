package dev.rebootless.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.base.Subprocess;
import dev.rebootless.kernel.KernelModule;
import dev.rebootless.lab.CpioArchive;
import dev.rebootless.lab.TargetModule;
import dev.rebootless.source.kit.Kit;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * A Debian that runs a shipped kernel in QEMU, with a disk that outlives its boots, and to which a
 * test says what to run.
 */
final class DebianGuest implements AutoCloseable {
    private static final Duration BOOT = Duration.ofMinutes(6);
    private static final Duration COMMAND = Duration.ofMinutes(5);

    /**
     * What a guest is made of.
     *
     * @param root image of its disk, which is copied
     * @param more images of more disks, {@code /dev/vdc} and so on, which it may write to
     * @param mebibytes of memory
     * @param network whether it reaches this machine, as 10.0.2.2
     */
    record Hardware(Path root, List<Path> more, int mebibytes, boolean network) {
        /** For the host's commands. */
        static Hardware small() throws IOException {
            return new Hardware(DebianRoot.image(), List.of(), 1024, false);
        }

        /** The same, for the agent. */
        static Hardware inNetwork() throws IOException {
            return new Hardware(DebianRoot.image(), List.of(), 1024, true);
        }

        private List<String> modules() {
            return network
                    ? List.of("virtio_pci", "virtio_blk", "virtio_net")
                    : List.of("virtio_pci", "virtio_blk");
        }
    }

    /** QEMU's user network: this guest, and the machine that it runs on (qemu(1), -nic user). */
    private static final String NETWORK =
            """
            /bin/busybox ip address add 10.0.2.15/24 dev eth0
            /bin/busybox ip link set eth0 up
            /bin/busybox ip route add default via 10.0.2.2
            """;

    private final Kit kit;
    private final Path folder;
    private final Path disk;
    private final Path data;
    private final Hardware hardware;
    private String parameters = "";
    private int boots;
    private Running running;
    private final BlockingQueue<String> answers = new LinkedBlockingQueue<>();
    private int requested;

    /** One boot. */
    private record Running(
            Process qemu,
            ServerSocketChannel server,
            SocketChannel channel,
            OutputStream requests) {
        void closeSockets() throws IOException {
            channel.close();
            server.close();
        }
    }

    /** What a script in the guest left. */
    record Result(int status, String out, String err) {
        Result requireStatus(int expected) {
            assertThat(status).as("%s%n%s", out, err).isEqualTo(expected);
            return this;
        }
    }

    private DebianGuest(Kit kit, Path folder, Path disk, Path data, Hardware hardware)
            throws IOException {
        this.kit = kit;
        this.folder = folder;
        this.disk = disk;
        this.data = data;
        this.hardware = hardware;
        this.running = start();
    }

    /**
     * Boots one.
     *
     * @param folder for its disk and sockets
     * @param files that it finds below {@code /opt}, which is only read
     */
    static DebianGuest boot(Kit kit, Path folder, Path files, Hardware hardware) throws Exception {
        Path disk = folder.resolve("disk.ext4");
        run("cp", "--sparse=always", hardware.root().toString(), disk.toString());
        Path data = image(files, folder.resolve("data.ext4"), "900M");
        DebianGuest guest = new DebianGuest(kit, folder, disk, data, hardware);
        guest.requireReady();
        return guest;
    }

    /** Makes the image of a disk that has what a folder has. */
    static Path image(Path content, Path file, String size) {
        run("mke2fs", "-q", "-t", "ext4", "-d", content.toString(), file.toString(), size);
        return file;
    }

    private static void run(String... command) {
        Subprocess.Result result = Subprocess.of(command).deadline(Duration.ofMinutes(5)).run();
        assertThat(result.ok()).as(String.join(" ", command) + ": " + result.err()).isTrue();
    }

    /** What inserts the modules of the disk, which are no part of the cloud kernel's image. */
    private Path initramfs() throws IOException {
        CpioArchive archive =
                new CpioArchive()
                        .folder("bin")
                        .file("bin/busybox", 0755, Files.readAllBytes(Path.of("/bin/busybox")));
        StringBuilder init = new StringBuilder("#!/bin/busybox sh\n");
        init.append("/bin/busybox mkdir -p /proc /sys /dev /root\n");
        init.append("/bin/busybox mount -t devtmpfs devtmpfs /dev\n");
        Set<Path> inserted = new LinkedHashSet<>();
        modules(hardware.modules()).forEach(target -> inserted.addAll(target.files()));
        for (Path file : inserted) {
            String name = file.getFileName().toString().replaceFirst("\\.ko.*", ".ko");
            byte[] module = KernelModule.plain(Files.readAllBytes(file), file.toString());
            archive.file(name, 0644, module);
            init.append("/bin/busybox insmod /").append(name).append('\n');
        }
        init.append(hardware.network() ? NETWORK : "");
        init.append(
                """
                while [ ! -b /dev/vdb ]; do /bin/busybox usleep 50000; done
                /bin/busybox mount -t ext4 /dev/vda /root
                /bin/busybox mount -t ext4 -o ro /dev/vdb /root/opt
                /bin/busybox mount --move /dev /root/dev
                exec /bin/busybox switch_root /root /sbin/init
                """);
        archive.file("init", 0755, init.toString().getBytes(StandardCharsets.US_ASCII));
        return Files.write(folder.resolve("initramfs.cpio"), archive.bytes());
    }

    /** Those of them that are modules of this kernel; 6.12 has the bus in its image. */
    private List<TargetModule> modules(List<String> names) throws IOException {
        List<TargetModule> found = new ArrayList<>();
        for (String name : names) {
            try {
                found.addAll(TargetModule.find(kit.modules(), List.of(name)));
            } catch (RebootlessException e) {
                assertThat(e.problems().getFirst().code()).isEqualTo("RBL-KERNEL-MODULE-MISSING");
            }
        }
        return found;
    }

    private Running start() throws IOException {
        boots++;
        Path socket = folder.resolve("agent-" + boots);
        ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        server.bind(UnixDomainSocketAddress.of(socket));
        List<String> command = new ArrayList<>();
        command.addAll(List.of("setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64"));
        command.addAll(List.of("-nodefaults", "-no-user-config", "-no-reboot"));
        command.addAll(List.of("-display", "none", "-monitor", "none"));
        command.addAll(List.of("-nic", hardware.network() ? "user,model=virtio-net-pci" : "none"));
        // One thread: see the lab's Accelerator.
        command.addAll(List.of("-machine", "q35", "-accel", "tcg,thread=single"));
        command.addAll(List.of("-cpu", "max", "-smp", "2", "-m", hardware.mebibytes() + "M"));
        command.addAll(List.of("-kernel", kit.bootImage().toString()));
        command.addAll(List.of("-initrd", initramfs().toString()));
        command.addAll(
                List.of(
                        "-append",
                        // As in the lab's Qemu.
                        "console=ttyS0 loglevel=5 panic=-1 cryptomgr.notests no_timer_check"
                                + " tsc=unstable net.ifnames=0 "
                                + parameters));
        command.addAll(List.of("-drive", drive(disk, "off")));
        command.addAll(List.of("-drive", drive(data, "on")));
        for (Path more : hardware.more()) {
            command.addAll(List.of("-drive", drive(more, "off")));
        }
        command.addAll(List.of("-serial", "file:" + console()));
        command.addAll(List.of("-chardev", "socket,id=agent,path=" + socket));
        command.addAll(List.of("-serial", "chardev:agent"));
        Process qemu =
                new ProcessBuilder(command)
                        .redirectErrorStream(true)
                        .redirectOutput(folder.resolve("qemu-" + boots + ".txt").toFile())
                        .start();
        SocketChannel channel = server.accept();
        answers.clear();
        Thread.ofPlatform()
                .daemon()
                .start(() -> {
                    try (BufferedReader lines =
                            new BufferedReader(
                                    new InputStreamReader(
                                            Channels.newInputStream(channel),
                                            StandardCharsets.US_ASCII))) {
                        for (String line = lines.readLine();
                                line != null;
                                line = lines.readLine()) {
                            answers.add(line);
                        }
                    } catch (IOException e) {
                        // QEMU went away.
                    }
                });
        return new Running(qemu, server, channel, Channels.newOutputStream(channel));
    }

    private void requireReady() throws Exception {
        assertThat(answer(BOOT)).isEqualTo("ready " + kit.facts().release());
    }

    private static String drive(Path file, String readOnly) {
        return "file=" + file + ",format=raw,if=virtio,cache=unsafe,read-only=" + readOnly;
    }

    private Path console() {
        return folder.resolve("console-" + boots + ".txt");
    }

    private String answer(Duration time) throws Exception {
        long deadline = System.nanoTime() + time.toNanos();
        while (System.nanoTime() < deadline) {
            String line = answers.poll(200, TimeUnit.MILLISECONDS);
            if (line != null) {
                return line;
            }
            if (!running.qemu().isAlive() && answers.isEmpty()) {
                throw new AssertionError("the guest went down:\n" + tail());
            }
        }
        throw new AssertionError("the guest does not answer:\n" + tail());
    }

    private String tail() throws IOException {
        List<String> lines =
                new String(Files.readAllBytes(console()), StandardCharsets.UTF_8).lines().toList();
        return String.join("\n", lines.subList(Math.max(0, lines.size() - 30), lines.size()));
    }

    /** Runs a shell script as root. */
    Result run(String script) throws Exception {
        String number = Integer.toString(++requested);
        String encoded =
                Base64.getEncoder().encodeToString(script.getBytes(StandardCharsets.UTF_8));
        request(number + " " + encoded);
        String[] words = answer(COMMAND).split(" ");
        assertThat(words).hasSize(4);
        assertThat(words[0]).isEqualTo(number);
        return new Result(Integer.parseInt(words[1]), text(words[2]), text(words[3]));
    }

    private void request(String line) throws IOException {
        running.requests().write((line + "\n").getBytes(StandardCharsets.US_ASCII));
        running.requests().flush();
    }

    private static String text(String encoded) {
        return encoded.equals("-")
                ? ""
                : new String(Base64.getDecoder().decode(encoded), StandardCharsets.UTF_8);
    }

    /** Shuts it down and boots it again, on the same disk. */
    void reboot() throws Exception {
        shutDown();
        running = start();
        requireReady();
    }

    /** The same, where the next boot ends by itself, and another follows. */
    void rebootThroughACrash() throws Exception {
        shutDown();
        running = start();
        assertThat(running.qemu().waitFor(BOOT.toSeconds(), TimeUnit.SECONDS)).isTrue();
        assertThat(new String(Files.readAllBytes(console()), StandardCharsets.UTF_8))
                .contains("Kernel panic");
        running.closeSockets();
        running = start();
        requireReady();
    }

    /** Ends it as a power cut does, and boots it again. */
    void cutPower() throws Exception {
        running.qemu().destroyForcibly().waitFor();
        running.closeSockets();
        running = start();
        requireReady();
    }

    /** Words that the kernel gets from the next boot on. */
    void setKernelParameters(String words) {
        parameters = words;
    }

    private void shutDown() throws Exception {
        String script = "systemctl poweroff";
        request("0 " + Base64.getEncoder().encodeToString(script.getBytes(StandardCharsets.UTF_8)));
        assertThat(running.qemu().waitFor(COMMAND.toSeconds(), TimeUnit.SECONDS)).isTrue();
        running.closeSockets();
    }

    @Override
    public void close() throws IOException {
        running.qemu().destroyForcibly();
        running.closeSockets();
    }
}
