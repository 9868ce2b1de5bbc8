package dev.rebootless.host;

import dev.rebootless.base.ExitStatus;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** The {@code rebootless} command on a host that has nothing but the host's part of it. */
public final class HostMain {
    private HostMain() {}

    /** Runs one command and ends the process with its {@link ExitStatus}. */
    public static void main(String[] args) {
        // Not System.out: it swallows what goes wrong, such as a full disk.
        FileOutputStream out = new FileOutputStream(FileDescriptor.out);
        PrintStream err =
                new PrintStream(
                        new FileOutputStream(FileDescriptor.err), true, StandardCharsets.UTF_8);
        System.exit(HostCommand.ofThisMachine(out, err).runAny(List.of(args)).code());
    }
}
