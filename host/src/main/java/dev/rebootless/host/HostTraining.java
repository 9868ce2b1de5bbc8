package dev.rebootless.host;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.host.files.HostFiles;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Uses the host's commands once on a made-up host, for {@code script/host-package}: the classes
 * that are loaded while this runs go into the cache of loaded classes (JEP 483) of every later
 * start.
 */
final class HostTraining {
    private HostTraining() {}

    /** Trains; leaves nothing behind but what the Java machine was asked for. */
    public static void main(String[] args) throws IOException {
        Path root = Files.createTempDirectory("rebootless-training");
        try {
            put(root, "proc/sys/kernel/osrelease", "6.1.0-0-amd64\n");
            put(root, "proc/modules", "livepatch_example 16384 1 - Live 0x0 (OK)\n");
            String livepatch = "sys/kernel/livepatch/livepatch_example/";
            put(root, livepatch + "enabled", "1\n");
            put(root, livepatch + "transition", "0\n");
            put(root, livepatch + "vmlinux/patched", "1\n");
            Files.createDirectories(root.resolve(livepatch + "vmlinux/do_example,1"));
            for (String line :
                    List.of(
                            "list",
                            "status",
                            "status --functions",
                            "status --json",
                            "load /nonexistent.ko",
                            "unload other",
                            "agent status",
                            "--help status")) {
                run(root, line);
            }
        } finally {
            AtomicFiles.removeTreeQuietly(root);
        }
    }

    private static void run(Path root, String line) {
        OutputStream nowhere = OutputStream.nullOutputStream();
        Machine machine =
                new Machine(
                        new HostFiles(root),
                        new LinuxKernelCalls(),
                        Ticker.SYSTEM,
                        livepatch -> Optional.empty(),
                        BootUnits.SYSTEMD);
        HostCommand command =
                new HostCommand(
                        machine, nowhere, new PrintStream(nowhere, false, StandardCharsets.UTF_8));
        HostCommand.recognize(List.of(line.split(" "))).ifPresent(command::run);
    }

    private static void put(Path root, String name, String text) throws IOException {
        Path file = root.resolve(name);
        Files.createDirectories(file.getParent());
        Files.writeString(file, text);
    }
}
