package dev.rebootless.host;

import java.util.List;

/** What happens while a livepatch comes or goes, as it happens. */
public sealed interface HostEvent {
    /** All that was looked at before anything was touched. */
    record Preflight(List<Finding> findings) implements HostEvent {
        public Preflight {
            findings = List.copyOf(findings);
        }
    }

    /** The kernel has taken the module; its transition has begun. */
    record Inserted(String livepatch) implements HostEvent {}

    /**
     * Tasks are moving.
     *
     * @param seconds since the transition began
     * @param left tasks that have not arrived
     * @param told the first of them
     */
    record Moving(String livepatch, double seconds, int left, List<LaggingTask> told)
            implements HostEvent {
        public Moving {
            told = List.copyOf(told);
        }
    }

    /** All tasks run the new code. */
    record InForce(String livepatch, double seconds) implements HostEvent {}

    /** The kernel's log is followed. */
    record Watching(String livepatch, double seconds) implements HostEvent {}

    /** The kernel's log may not be read, so that nothing is watched. */
    record Blind(String livepatch) implements HostEvent {}

    /**
     * The kernel complained of something.
     *
     * @param kind such as {@code oops} or {@code warning}
     * @param ours whether it was in the livepatch's code
     * @param lines of the log
     */
    record Complained(String livepatch, String kind, boolean ours, List<String> lines)
            implements HostEvent {
        public Complained {
            lines = List.copyOf(lines);
        }
    }

    /** The transition is turned round. */
    record Cancelling(String livepatch, String why) implements HostEvent {}

    /** No task runs the new code any more. */
    record OutOfForce(String livepatch, double seconds) implements HostEvent {}

    /**
     * A module will be loaded at boot.
     *
     * @param release of the kernel that it is for
     * @param replaced those that no longer are
     */
    record Installed(String livepatch, String release, List<String> replaced) implements HostEvent {
        public Installed {
            replaced = List.copyOf(replaced);
        }
    }

    /** A module will no longer be loaded at boot. */
    record Uninstalled(String livepatch) implements HostEvent {}

    /** A module that is installed is not loaded. */
    record Skipped(String livepatch, String why) implements HostEvent {}

    /** Nothing is loaded at this boot: the kernel's command line says so. */
    record BootOff(String word) implements HostEvent {}

    /** The kernel keeps a module that does nothing any more. */
    record Kept(String livepatch, String why) implements HostEvent {}

    /** The kernel has let the module go. */
    record Removed(String livepatch) implements HostEvent {}

    /** There was nothing to cancel. */
    record NoTransition() implements HostEvent {}

    /**
     * How far a CVE is closed after all was done.
     *
     * @param state a word of {@link HostState.Closed}
     * @param livepatch that closes it; empty when none does
     * @param why one sentence where it is not plainly closed, else empty
     */
    record Verified(String cve, String state, String livepatch, String why) implements HostEvent {}
}
