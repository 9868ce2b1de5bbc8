package dev.rebootless.lab;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.manifest.ProofCheck;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The guest's root file system: busybox, {@code init.sh}, its settings, the modules, the targets,
 * the check.
 *
 * @param bytes the initramfs
 * @param memoryMebibytes that the guest needs with it
 */
record GuestImage(byte[] bytes, int memoryMebibytes) {
    /**
     * How long the kernel may take a livepatch's functions out of ftrace, when all tasks have left
     * it: 1,000 of them, with 0.15 s for each in an emulated guest, twice.
     */
    static final Duration UNPATCHING = Duration.ofMinutes(5);

    private static final int MAX_MODULE_BYTES = 256 << 20;
    private static final int MAX_MODULES = 64;
    private static final int MAX_SCRIPT_BYTES = 1 << 20;
    private static final int MAX_BUSYBOX_BYTES = 16 << 20;
    private static final int MAX_LAGGING_TASKS = 32;

    /**
     * What the stock kernel and a small user space need; QEMU takes only what the guest touches.
     */
    private static final int BASE_MEBIBYTES = 512;

    /** Unit of the shell's {@code ulimit -f} (POSIX). */
    private static final int ULIMIT_BLOCK = 512;

    /** What the guest is to do once it is up. */
    enum Mode {
        /** Nothing: to see that it comes up. */
        PROBE,
        RUN,
        PROVE
    }

    /**
     * Packs what one guest is to do.
     *
     * @param nonce hexadecimal digits, see {@link GuestProtocol}
     * @param modules in the order of loading
     * @param livepatch whether the last of them is the one to prove
     * @param targets what it patches
     */
    static GuestImage of(
            Mode mode,
            String nonce,
            List<Path> modules,
            boolean livepatch,
            TargetFiles targets,
            Optional<Path> check,
            Duration transitionTimeout,
            Duration checkTimeout) {
        if (modules.size() > MAX_MODULES) {
            throw RebootlessException.usage(
                    "RBL-LAB-TOO-MANY-MODULES",
                    "",
                    modules.size()
                            + " modules are more than the "
                            + MAX_MODULES
                            + " that a guest takes",
                    "give only those that the livepatch needs");
        }
        CpioArchive archive =
                new CpioArchive()
                        .folder("bin")
                        .folder("modules")
                        .file("bin/busybox", 0755, busybox())
                        .file("init", 0755, init());
        for (int i = 0; i < modules.size(); i++) {
            archive.file("modules/" + i + ".ko", 0644, read(modules.get(i), MAX_MODULE_BYTES));
        }
        check.ifPresent(script -> archive.file("check", 0755, read(script, MAX_SCRIPT_BYTES)));
        List<String> settings = new ArrayList<>();
        settings.add("MODE=" + word(mode));
        settings.add("NONCE=" + nonce);
        settings.add("CHECK=" + (check.isPresent() ? 1 : 0));
        settings.add("MODULE=" + (livepatch ? 1 : 0));
        settings.add("EARLIER=" + (modules.size() - (livepatch ? 1 : 0)));
        targets.pack(archive, settings);
        settings.add("TRANSITION_CENTISECONDS=" + transitionTimeout.toMillis() / 10);
        settings.add("UNPATCHING_CENTISECONDS=" + UNPATCHING.toMillis() / 10);
        settings.add("CHECK_SECONDS=" + checkTimeout.toSeconds());
        settings.add("OUTPUT_BYTES=" + ProofCheck.MAX_OUTPUT_BYTES);
        settings.add("OUTPUT_BLOCKS=" + (ProofCheck.MAX_OUTPUT_BYTES / ULIMIT_BLOCK + 1));
        settings.add("MAX_TASKS=" + MAX_LAGGING_TASKS);
        String text = String.join("\n", settings) + "\n";
        archive.file("rebootless.conf", 0644, text.getBytes(StandardCharsets.US_ASCII));
        byte[] bytes = archive.bytes();
        // The archive is in memory once as it came, and once unpacked.
        return new GuestImage(bytes, BASE_MEBIBYTES + 3 * (bytes.length >> 20));
    }

    private static String word(Mode mode) {
        return switch (mode) {
            case PROBE -> "probe";
            case RUN -> "run";
            case PROVE -> "prove";
        };
    }

    private static byte[] init() {
        try (InputStream in = GuestImage.class.getResourceAsStream("init.sh")) {
            if (in == null) {
                throw new IllegalStateException("init.sh is not in the jar");
            }
            return in.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static byte[] busybox() {
        Path found =
                Stream.of("/bin/busybox", "/usr/bin/busybox")
                        .map(Path::of)
                        .filter(Files::isRegularFile)
                        .findFirst()
                        .orElseThrow(() ->
                                noBusybox(
                                        "/bin/busybox",
                                        "is not there; the guest's shell and tools are busybox"));
        byte[] program = read(found, MAX_BUSYBOX_BYTES);
        if (!isStatic(program)) {
            throw noBusybox(
                    found.toString(),
                    "is not a statically linked x86-64 program; a guest has no libraries");
        }
        return program;
    }

    private static RebootlessException noBusybox(String place, String message) {
        return RebootlessException.environment(
                "RBL-BUSYBOX-MISSING", place, message, "apt-get install busybox-static");
    }

    /**
     * Whether an ELF program asks for no interpreter: no program header of type PT_INTERP (3).
     * Offsets are those of Elf64_Ehdr and Elf64_Phdr in elf(5).
     */
    static boolean isStatic(byte[] program) {
        int headerBytes = 64;
        int entryBytes = 56;
        ByteBuffer elf = ByteBuffer.wrap(program).order(ByteOrder.LITTLE_ENDIAN);
        if (program.length < headerBytes || elf.getInt(0) != 0x464c457f || elf.get(4) != 2) {
            return false;
        }
        long offset = elf.getLong(32);
        int count = elf.getShort(56) & 0xffff;
        if (elf.getShort(18) != 62
                || offset < headerBytes
                || offset + (long) count * entryBytes > program.length) {
            return false;
        }
        for (int i = 0; i < count; i++) {
            if (elf.getInt((int) offset + i * entryBytes) == 3) {
                return false;
            }
        }
        return true;
    }

    /**
     * Reads a file that the user named.
     *
     * @throws RebootlessException exit status 2 {@code RBL-FILE-UNREADABLE} or {@code
     *     RBL-FILE-TOO-LARGE}
     */
    static byte[] read(Path file, int maxBytes) {
        try {
            long size = Files.size(file);
            if (size > maxBytes) {
                throw RebootlessException.usage(
                        "RBL-FILE-TOO-LARGE",
                        file.toString(),
                        size + " bytes are more than the " + maxBytes + " that are accepted here",
                        "see whether it is the file you meant");
            }
            return Files.readAllBytes(file);
        } catch (IOException e) {
            String why = e instanceof NoSuchFileException ? "there is no such file" : e.toString();
            throw RebootlessException.usage(
                    "RBL-FILE-UNREADABLE", file.toString(), why, "give a file that you may read");
        }
    }
}
