package dev.rebootless.source.sandbox;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.base.Subprocess;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Runs a program on foreign input so that it can do no harm and see nothing: bubblewrap (bwrap(1))
 * gives it a file system of its own with {@code /usr} read-only, an empty {@code /tmp}, and what it
 * is given. There is no network, no other process, no {@code /etc}, no {@code /proc}, no home and
 * no environment; prlimit(1) bounds the time and memory of each process.
 *
 * <p>Started by root it holds as well: all capabilities are dropped, for with them a makefile could
 * mount {@code /usr} writable again.
 *
 * <p>Everything that unpacks, prepares or compiles uses this one class, so that the compiler that a
 * kit was checked with is the one that compiles: both see {@link #PROGRAMS} of one {@link
 * ProgramRoot} and nothing else. The machine's own root is the usual one; a kernel of another suite
 * of Debian brings its own.
 *
 * <p>Values are immutable; every method gives a new one.
 */
public final class Sandbox {
    /** The one folder that programs are searched in, inside. */
    public static final Path PROGRAMS = Path.of("/usr/bin");

    /**
     * Where a kernel tree is inside: always the same place, so that what is compiled does not
     * depend on who compiles it where.
     */
    public static final String TREE = "/build/linux";

    /** Where the folder for results is inside. */
    public static final String OUT = "/build/out";

    /** Status of bwrap itself when it cannot set up the sandbox (bubblewrap.c, die()). */
    private static final int BWRAP_FAILED = 1;

    /** What bwrap says, in a sandbox that is set up, of a program that is not in it. */
    private static final String NO_SUCH_PROGRAM = "bwrap: execvp ";

    private static final Map<String, String> ENVIRONMENT =
            new TreeMap<>(Map.of("PATH", PROGRAMS.toString(), "LC_ALL", "C", "TMPDIR", "/tmp"));

    /** Kinds of jobs, by what they may take. */
    public enum Limits {
        /** Asks a program for a line or two. */
        LOOK(60, 2L << 30, 64L << 20, Duration.ofMinutes(1)),
        /**
         * xz works with as many threads as there are processors, each with blocks of 24 MB and a
         * malloc arena of its own; the largest file of a package has 60 MB.
         */
        UNPACK(900, 64L << 30, 1L << 30, Duration.ofMinutes(15)),
        /** make and what it starts: the same as compiling, for it compiles. */
        KBUILD(600, 6L << 30, 1L << 30, Duration.ofMinutes(20)),
        /**
         * The slowest unit of a 6.1 kernel takes about 10 s of CPU, and cc1 up to about 600 MB of
         * address space.
         */
        COMPILE(600, 6L << 30, 1L << 30, Duration.ofMinutes(20));

        /** Of each process; the deadline is for all together. */
        private final long cpuSeconds;

        private final long addressSpaceBytes;

        /** Of each file, and of {@code /tmp} as a whole. */
        private final long fileBytes;

        private final Duration deadline;

        Limits(long cpuSeconds, long addressSpaceBytes, long fileBytes, Duration deadline) {
            this.cpuSeconds = cpuSeconds;
            this.addressSpaceBytes = addressSpaceBytes;
            this.fileBytes = fileBytes;
            this.deadline = deadline;
        }
    }

    private final Path bwrap;
    private final Limits limits;
    private final ProgramRoot root;

    /** Options of bwrap, in order: a later mount may lie inside an earlier one. */
    private final List<String> mounts;

    private final String workingFolder;

    private Sandbox(
            Path bwrap,
            Limits limits,
            ProgramRoot root,
            List<String> mounts,
            String workingFolder) {
        this.bwrap = bwrap;
        this.limits = limits;
        this.root = root;
        this.mounts = List.copyOf(mounts);
        this.workingFolder = workingFolder;
    }

    /** Only the machine's programs and an empty /tmp. */
    public static Sandbox of(Limits limits) {
        return of(limits, ProgramRoot.HOST);
    }

    /** Only the programs of a root and an empty /tmp. */
    public static Sandbox of(Limits limits, ProgramRoot root) {
        return new Sandbox(PROGRAMS.resolve("bwrap"), limits, root, List.of(), "/");
    }

    static Sandbox of(Limits limits, Path bwrap) {
        return new Sandbox(bwrap, limits, ProgramRoot.HOST, List.of(), "/");
    }

    /** Shows a kernel tree at {@link #TREE}, read-only, where programs then start. */
    public Sandbox tree(Path tree) {
        return readOnly(tree, TREE).in(TREE);
    }

    /**
     * Shows a kernel tree at {@link #TREE} that programs may write to; for kbuild and the tree's
     * own files alone.
     */
    public Sandbox writableTree(Path tree) {
        return writable(tree, TREE).in(TREE);
    }

    /** Lets files take the place of files of the tree, by path in the tree. */
    public Sandbox overlays(Map<String, Path> files) {
        Sandbox with = this;
        for (Map.Entry<String, Path> file : new TreeMap<>(files).entrySet()) {
            with = with.readOnly(file.getValue(), TREE + "/" + file.getKey());
        }
        return with;
    }

    /** Shows a folder at {@link #OUT}, writable. */
    public Sandbox out(Path folder) {
        return writable(folder, OUT);
    }

    /** Shows a file or folder inside under another name, read-only. */
    public Sandbox readOnly(Path outside, String inside) {
        return with("--ro-bind", absolute(outside), inside);
    }

    /** Shows a file or folder inside under another name, writable. */
    public Sandbox writable(Path outside, String inside) {
        return with("--bind", absolute(outside), inside);
    }

    /**
     * Shows {@code /etc/alternatives} of the root, by which shell scripts find awk; compilers need
     * none.
     */
    public Sandbox alternatives() {
        String inside = "/etc/alternatives";
        return hasFolder(inside) ? readOnly(root.outside(Path.of(inside)), inside) : this;
    }

    /** The folder, as named inside, that programs start in. */
    public Sandbox in(String inside) {
        return new Sandbox(bwrap, limits, root, mounts, inside);
    }

    private Sandbox with(String... options) {
        List<String> more = new ArrayList<>(mounts);
        more.addAll(List.of(options));
        return new Sandbox(bwrap, limits, root, more, workingFolder);
    }

    private static String absolute(Path outside) {
        return outside.toAbsolutePath().normalize().toString();
    }

    /**
     * Runs a program to its end. Killing this process, or interrupting this thread, kills all that
     * the program started.
     *
     * @param command the program and its arguments, with paths as they are inside
     * @throws RebootlessException exit status 5 {@code RBL-SANDBOX} when bubblewrap is missing or
     *     the kernel does not let it work; as {@link Subprocess#run}
     */
    public Subprocess.Result run(List<String> command) {
        if (!Files.isExecutable(bwrap)) {
            throw RebootlessException.environment(
                    "RBL-SANDBOX",
                    "bwrap",
                    "bubblewrap is missing, and nothing is unpacked or compiled outside a sandbox",
                    "install it: apt install bubblewrap");
        }
        Subprocess.Result result = Subprocess.of(words(command)).deadline(limits.deadline).run();
        if (result.status() == BWRAP_FAILED
                && result.err().startsWith("bwrap: ")
                && !result.err().startsWith(NO_SUCH_PROGRAM)) {
            throw refused(result.err().strip());
        }
        return result;
    }

    /**
     * Makes sure that sandboxes work on this machine.
     *
     * @throws RebootlessException {@code RBL-SANDBOX} (exit status 5) when the kernel or the
     *     container forbids new namespaces
     */
    public static void require() {
        Subprocess.Result result = of(Limits.LOOK).run(List.of("true"));
        if (!result.ok()) {
            throw refused(result.all());
        }
    }

    private static RebootlessException refused(String message) {
        boolean namespaces = message.contains("namespace") || message.contains("uid map");
        return RebootlessException.environment(
                "RBL-SANDBOX",
                "bwrap",
                "the sandbox cannot be set up: " + message,
                namespaces
                        ? "allow unprivileged user namespaces (sysctl"
                                + " kernel.unprivileged_userns_clone=1; on Ubuntu also"
                                + " kernel.apparmor_restrict_unprivileged_userns=0; in a container,"
                                + " its seccomp profile, for example with `--security-opt"
                                + " seccomp=unconfined`), or run as root"
                        : "see that the folders named exist and can be read");
    }

    private List<String> words(List<String> command) {
        // Outside, for a root of another suite has no prlimit, and limits are inherited.
        List<String> words = new ArrayList<>(List.of(PROGRAMS.resolve("prlimit").toString()));
        words.addAll(List.of("--cpu=" + limits.cpuSeconds, "--as=" + limits.addressSpaceBytes));
        words.addAll(List.of("--fsize=" + limits.fileBytes, "--core=0", "--"));
        words.add(bwrap.toString());
        words.addAll(List.of("--unshare-all", "--die-with-parent", "--new-session"));
        // bwrap keeps all capabilities of its user namespace when root starts it.
        words.addAll(List.of("--cap-drop", "ALL", "--hostname", "build", "--clearenv"));
        ENVIRONMENT.forEach((name, value) -> words.addAll(List.of("--setenv", name, value)));
        words.addAll(List.of("--ro-bind", outside("/usr"), "/usr"));
        if (hasFolder("/usr/local")) {
            // What the administrator put there is no part of the toolchain.
            words.addAll(List.of("--tmpfs", "/usr/local"));
        }
        for (String folder : List.of("/bin", "/lib", "/lib64")) {
            // Merged-/usr systems have links here; older ones real folders.
            Path there = root.outside(Path.of(folder));
            if (Files.isSymbolicLink(there)) {
                words.addAll(List.of("--symlink", "usr" + folder, folder));
            } else if (Files.isDirectory(there, LinkOption.NOFOLLOW_LINKS)) {
                words.addAll(List.of("--ro-bind", there.toString(), folder));
            }
        }
        words.addAll(List.of("--dev-bind", "/dev/null", "/dev/null"));
        words.addAll(List.of("--size", String.valueOf(limits.fileBytes), "--tmpfs", "/tmp"));
        words.addAll(mounts);
        words.addAll(List.of("--chdir", workingFolder, "--"));
        words.addAll(command);
        return words;
    }

    /**
     * Whether the root itself has this folder: a link in a root that was unpacked would be followed
     * on this machine.
     */
    private boolean hasFolder(String inside) {
        Path at = root.folder();
        for (Path name : Path.of(inside)) {
            at = at.resolve(name);
            if (!Files.isDirectory(at, LinkOption.NOFOLLOW_LINKS)) {
                return false;
            }
        }
        return true;
    }

    private String outside(String inside) {
        return root.outside(Path.of(inside)).toString();
    }
}
