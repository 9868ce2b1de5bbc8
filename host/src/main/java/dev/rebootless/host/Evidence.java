package dev.rebootless.host;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.FileFaults;
import dev.rebootless.host.files.HostFiles;
import dev.rebootless.kernel.log.Complaint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Keeps what the kernel said of a livepatch that was taken out for it. */
final class Evidence {
    private static final String FOLDER = Store.ROOT + "/evidence";

    private final HostFiles files;

    Evidence(HostFiles files) {
        this.files = files;
    }

    /**
     * Keeps a complaint; that it cannot be kept does not keep the livepatch in the kernel.
     *
     * @return where it is, or why it is nowhere
     */
    String keep(ModuleToLoad module, Complaint complaint) {
        String boot = files.read("/proc/sys/kernel/random/boot_id").known().orElse("boot").strip();
        String name = FOLDER + "/" + module.name() + "-" + boot + ".log";
        try {
            Path file = files.path(name);
            Files.createDirectories(file.getParent());
            AtomicFiles.write(file, String.join("\n", complaint.lines()) + "\n");
            return name;
        } catch (IOException e) {
            return "no file, for " + name + " cannot be written: " + FileFaults.reason(e);
        }
    }
}
