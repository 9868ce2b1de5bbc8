package dev.rebootless.source.compile;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.base.Subprocess;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Runs a program of the toolchain so that a hostile source file can do no harm and see nothing:
 * bubblewrap (bwrap(1)) gives it a file system of its own with {@code /usr} and the kernel tree,
 * both read-only, an empty {@code /tmp}, and one folder to write to. There is no network, no {@code
 * /etc}, no {@code /proc}, no home and no environment, and prlimit(1) bounds its time and memory.
 *
 * <p>The tree is always at {@link #TREE}, so that what is compiled does not depend on who compiles
 * it where.
 */
final class Sandbox {
    /** Where the tree is inside, and the folder in which programs run. */
    static final String TREE = "/build/linux";

    /** Where the writable folder is inside. */
    static final String OUT = "/build/out";

    /** The slowest unit of a 6.1 kernel takes about 10 s of CPU; objtool and make take less. */
    private static final long CPU_SECONDS = 600;

    /** cc1 takes up to about 600 MB of address space for a kernel unit. */
    private static final long ADDRESS_SPACE_BYTES = 6L << 30;

    private static final long FILE_BYTES = 1L << 30;
    private static final long TMP_BYTES = 1L << 30;
    private static final Duration DEADLINE = Duration.ofMinutes(20);

    /** Status of bwrap itself when it cannot set up the sandbox (bubblewrap.c, die()). */
    private static final int BWRAP_FAILED = 1;

    private final Path tree;
    private final Path bwrap;

    Sandbox(Path tree) {
        this(tree, Path.of("/usr/bin/bwrap"));
    }

    Sandbox(Path tree, Path bwrap) {
        this.tree = tree.toAbsolutePath().normalize();
        this.bwrap = bwrap;
    }

    /** What a job may see and change beyond the toolchain and the tree as it is. */
    enum Rights {
        /** Reads the tree; for compilers, which get source from anywhere. */
        COMPILE,
        /** Reads {@code /etc/alternatives} too, by which shell scripts find awk. */
        PLAN,
        /** Writes to the tree as well; for kbuild and the tree's own files alone. */
        BUILD
    }

    /**
     * One run, as a value.
     *
     * @param command the program and its arguments, with paths as they are inside
     * @param overlays files that take the place of files of the tree, by path in the tree
     * @param out the folder that it may write to, at {@link #OUT}
     */
    record Job(Rights rights, List<String> command, SortedMap<String, Path> overlays, Path out) {
        Job {
            command = List.copyOf(command);
            overlays = new TreeMap<>(overlays);
        }

        static Job of(Rights rights, List<String> command, Path out) {
            return new Job(rights, command, new TreeMap<>(), out);
        }
    }

    /**
     * Runs it to its end.
     *
     * @throws RebootlessException exit status 5 {@code RBL-SANDBOX} when bubblewrap is missing or
     *     the kernel does not let it work; as {@link Subprocess#run}
     */
    Subprocess.Result run(Job job) {
        if (!Files.isExecutable(bwrap)) {
            throw RebootlessException.environment(
                    "RBL-SANDBOX",
                    "bwrap",
                    "bubblewrap is missing, and nothing is compiled outside a sandbox",
                    "install it: apt install bubblewrap");
        }
        Subprocess.Result result = Subprocess.of(words(job)).deadline(DEADLINE).run();
        if (result.status() == BWRAP_FAILED && result.err().startsWith("bwrap: ")) {
            throw sandboxRefused(result.err().strip());
        }
        return result;
    }

    private static RebootlessException sandboxRefused(String message) {
        boolean namespaces = message.contains("namespace") || message.contains("uid map");
        return RebootlessException.environment(
                "RBL-SANDBOX",
                "bwrap",
                "the sandbox cannot be set up: " + message,
                namespaces
                        ? "allow unprivileged user namespaces (sysctl"
                                + " kernel.unprivileged_userns_clone=1; on Ubuntu also"
                                + " kernel.apparmor_restrict_unprivileged_userns=0; in a container,"
                                + " its seccomp profile), or run as root"
                        : "see that the tree and the output folder exist and can be read");
    }

    private List<String> words(Job job) {
        List<String> words = new ArrayList<>(List.of(bwrap.toString()));
        words.addAll(List.of("--unshare-all", "--die-with-parent", "--new-session"));
        words.addAll(List.of("--cap-drop", "ALL", "--hostname", "build"));
        words.addAll(List.of("--clearenv"));
        Map<String, String> environment =
                new TreeMap<>(Map.of("PATH", "/usr/bin", "LC_ALL", "C", "TMPDIR", "/tmp"));
        environment.forEach((name, value) -> words.addAll(List.of("--setenv", name, value)));
        words.addAll(List.of("--ro-bind", "/usr", "/usr"));
        if (Files.isDirectory(Path.of("/usr/local"))) {
            // What the administrator put there is no part of the toolchain.
            words.addAll(List.of("--tmpfs", "/usr/local"));
        }
        for (String folder : List.of("/bin", "/lib", "/lib64")) {
            // Merged-/usr systems have links here; older ones real folders.
            if (Files.isSymbolicLink(Path.of(folder))) {
                words.addAll(List.of("--symlink", "usr" + folder, folder));
            } else if (Files.isDirectory(Path.of(folder), LinkOption.NOFOLLOW_LINKS)) {
                words.addAll(List.of("--ro-bind", folder, folder));
            }
        }
        if (job.rights() != Rights.COMPILE) {
            words.addAll(List.of("--ro-bind", "/etc/alternatives", "/etc/alternatives"));
        }
        words.addAll(List.of("--dev-bind", "/dev/null", "/dev/null"));
        words.addAll(List.of("--size", String.valueOf(TMP_BYTES), "--tmpfs", "/tmp"));
        String bind = job.rights() == Rights.BUILD ? "--bind" : "--ro-bind";
        words.addAll(List.of(bind, tree.toString(), TREE));
        job.overlays()
                .forEach((path, file) ->
                        words.addAll(List.of("--ro-bind", file.toString(), TREE + "/" + path)));
        words.addAll(List.of("--bind", job.out().toAbsolutePath().toString(), OUT));
        words.addAll(List.of("--chdir", TREE));
        words.addAll(List.of("/usr/bin/prlimit", "--cpu=" + CPU_SECONDS));
        words.addAll(List.of("--as=" + ADDRESS_SPACE_BYTES, "--fsize=" + FILE_BYTES, "--core=0"));
        words.add("--");
        words.addAll(job.command());
        return words;
    }
}
