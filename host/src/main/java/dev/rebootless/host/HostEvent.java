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

    /** The transition is turned round. */
    record Cancelling(String livepatch, String why) implements HostEvent {}

    /** No task runs the new code any more. */
    record OutOfForce(String livepatch, double seconds) implements HostEvent {}

    /** The kernel has let the module go. */
    record Removed(String livepatch) implements HostEvent {}
}
