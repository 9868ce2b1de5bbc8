package dev.rebootless.host.agent;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * What the agent needs of the host's commands. Each method that does something throws what the
 * command of that name throws.
 */
public interface LivepatchHost {
    /**
     * The kernel that runs.
     *
     * @param release what {@code uname -r} prints
     * @param buildId hexadecimal; empty where it cannot be read
     * @param packageVersion of a kernel of Debian's, as {@code /proc/version} has it
     */
    record Kernel(String release, Optional<String> buildId, Optional<String> packageVersion) {}

    /**
     * A livepatch that the kernel lists.
     *
     * @param enabled whether it is in force or on its way there
     * @param transition whether tasks are still moving
     */
    record Loaded(String name, boolean enabled, boolean transition) {}

    /**
     * A livepatch that is installed for the boots of a kernel.
     *
     * @param skipped why it is not loaded any more
     */
    record Kept(String name, String sha256, Optional<String> skipped) {}

    /** Who is told how far a load is. */
    interface Progress {
        /** All was looked at, nothing speaks against it; the kernel gets it next. */
        void cleared();

        /**
         * All tasks run the new code.
         *
         * @param seconds that it took
         */
        void inForce(double seconds);
    }

    /** The running kernel. */
    Kernel kernel();

    /** The id of this boot. */
    String bootId();

    /** The livepatches that the kernel lists, whoever made them. */
    List<Loaded> loaded();

    /** The document of {@code status --json}. */
    String status();

    /** What is installed for a kernel build; empty where that cannot be read. */
    Optional<List<Kept>> kept(String release, String buildId);

    /**
     * Loads, follows and watches, with all of {@code load}'s care.
     *
     * @param module the file, with the JSON of its proof beside it
     * @param name that it must have
     * @param mayLose whether it may lack functions and CVEs of livepatches that it replaces
     */
    void load(Path module, String name, boolean mayLose, Progress progress);

    /**
     * Installs for the boots of a kernel build, and loads nothing; as {@link #load}.
     *
     * @param buildId of the kernel that it must be for
     */
    void install(Path module, String name, String buildId, boolean mayLose);

    /** Leaves an installed one out of the boots of a kernel build; none is no error. */
    void uninstall(String release, String buildId, String name);

    /** Takes one out of force and out of the kernel. */
    void unload(String name);

    /**
     * Waits for the end of a transition that runs, as long as a load would.
     *
     * @return whether none runs any more
     */
    boolean settle();
}
