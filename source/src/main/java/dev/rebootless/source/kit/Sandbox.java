package dev.rebootless.source.kit;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.base.Subprocess;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * Runs programs on foreign input so that they see the machine's programs and what they are given,
 * and nothing else: no network, no other processes, no file of the user's, no file of the system's
 * but those under /usr. It is bubblewrap (bwrap(1)) with every namespace unshared.
 *
 * <p>Values are immutable; every method gives a new one.
 */
public final class Sandbox {
    /** Where the mounted files and folders of a kit stand inside; the same for every kit. */
    public static final Path KIT = Path.of("/kit");

    private static final String SEARCH_PATH = "/usr/local/bin:/usr/bin:/bin";

    private final List<String> mounts;
    private final Path workingFolder;

    private Sandbox(List<String> mounts, Path workingFolder) {
        this.mounts = List.copyOf(mounts);
        this.workingFolder = workingFolder;
    }

    /** Only the machine's programs and an empty /tmp. */
    public static Sandbox empty() {
        return new Sandbox(List.of(), Path.of("/"));
    }

    /** Shows a file or folder inside under another name, read-only. */
    public Sandbox readOnly(Path outside, Path inside) {
        return mounted("--ro-bind", outside, inside);
    }

    /** Shows a folder inside under another name, writable. */
    public Sandbox writable(Path outside, Path inside) {
        return mounted("--bind", outside, inside);
    }

    /** The folder, as named inside, that programs start in. */
    public Sandbox in(Path inside) {
        return new Sandbox(mounts, inside);
    }

    private Sandbox mounted(String option, Path outside, Path inside) {
        List<String> more = new ArrayList<>(mounts);
        more.addAll(List.of(option, outside.toAbsolutePath().toString(), inside.toString()));
        return new Sandbox(more, workingFolder);
    }

    /** The whole command line that runs a program inside. */
    public List<String> commandLine(List<String> program) {
        List<String> all = new ArrayList<>();
        all.addAll(List.of("bwrap", "--unshare-all", "--die-with-parent", "--new-session"));
        all.addAll(List.of("--ro-bind", "/usr", "/usr"));
        // Debian's merged /usr; the dynamic loader is named /lib64/ld-linux-x86-64.so.2 in every
        // program.
        all.addAll(List.of("--symlink", "usr/bin", "/bin", "--symlink", "usr/sbin", "/sbin"));
        all.addAll(List.of("--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64"));
        // awk and others are links into it.
        all.addAll(List.of("--ro-bind-try", "/etc/alternatives", "/etc/alternatives"));
        all.addAll(List.of("--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"));
        all.addAll(mounts);
        all.addAll(
                List.of("--clearenv", "--setenv", "PATH", SEARCH_PATH, "--setenv", "HOME", "/tmp"));
        all.addAll(List.of("--setenv", "LC_ALL", "C.UTF-8", "--setenv", "TZ", "UTC"));
        all.addAll(List.of("--chdir", workingFolder.toString(), "--"));
        all.addAll(program);
        return List.copyOf(all);
    }

    /** A program ready to be run inside; killing it kills all that it started. */
    public Subprocess command(List<String> program) {
        return Subprocess.of(commandLine(program));
    }

    /**
     * Makes sure that sandboxes work on this machine.
     *
     * @throws RebootlessException {@code RBL-SANDBOX} (exit status 5) when the kernel or the
     *     container forbids new namespaces
     */
    public static void require() {
        Subprocess.Result result =
                empty().command(List.of("true")).deadline(Duration.ofSeconds(30)).run();
        if (!result.ok()) {
            throw RebootlessException.environment(
                    "RBL-SANDBOX",
                    "bwrap",
                    "cannot make a sandbox here: " + result.all(),
                    "allow user namespaces (`sysctl kernel.unprivileged_userns_clone=1`), or in a container let it make namespaces, for example with `--security-opt seccomp=unconfined`");
        }
    }
}
