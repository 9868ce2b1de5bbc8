package dev.rebootless.lab;

import dev.rebootless.base.AtomicFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import java.util.regex.Pattern;

/**
 * Finds out whether /dev/kvm works, by really booting a kernel with it: on some machines it opens
 * and then the guest hangs, or QEMU aborts. The answer holds until this machine boots again and is
 * kept for that long, so that the probe, with its deadline of {@link Accelerator#bootDeadline}, is
 * paid once.
 */
final class AcceleratorProbe {
    static final Path DEVICE = Path.of("/dev/kvm");
    private static final Path BOOT_ID = Path.of("/proc/sys/kernel/random/boot_id");
    private static final Pattern UUID = Pattern.compile("[0-9a-f-]{36}");
    private static final ReentrantLock ONE_AT_A_TIME = new ReentrantLock();

    private final Path folder;
    private final Path device;

    /**
     * @param folder where answers are kept
     * @param device {@link #DEVICE}, but for tests
     */
    AcceleratorProbe(Path folder, Path device) {
        this.folder = folder;
        this.device = device;
    }

    /** Boots a guest to see whether it comes up. */
    @FunctionalInterface
    interface Trial {
        boolean comesUp() throws IOException;
    }

    /** The fastest accelerator that works here. */
    Accelerator best(Trial trial) throws IOException {
        if (!Files.isReadable(device) || !Files.isWritable(device)) {
            return Accelerator.TCG;
        }
        ONE_AT_A_TIME.lock();
        try {
            Optional<Accelerator> known = known();
            if (known.isPresent()) {
                return known.get();
            }
            Accelerator found = trial.comesUp() ? Accelerator.KVM : Accelerator.TCG;
            remember(found);
            return found;
        } finally {
            ONE_AT_A_TIME.unlock();
        }
    }

    /** Keeps an answer for as long as this machine runs; that it cannot be kept is no error. */
    void remember(Accelerator accelerator) {
        answer().ifPresent(file -> {
            try {
                Files.createDirectories(folder);
                AtomicFiles.write(file, accelerator.word() + "\n");
            } catch (IOException e) {
                // The next run probes again.
            }
        });
    }

    private Optional<Accelerator> known() {
        return answer().filter(Files::isRegularFile)
                .flatMap(file -> {
                    try {
                        String word = Files.readString(file).strip();
                        return java.util.Arrays.stream(Accelerator.values())
                                .filter(accelerator -> accelerator.word().equals(word))
                                .findFirst();
                    } catch (IOException e) {
                        return Optional.empty();
                    }
                });
    }

    private Optional<Path> answer() {
        try {
            String id = Files.readString(BOOT_ID).strip();
            return UUID.matcher(id).matches()
                    ? Optional.of(folder.resolve("accelerator-" + id))
                    : Optional.empty();
        } catch (IOException e) {
            return Optional.empty();
        }
    }
}
