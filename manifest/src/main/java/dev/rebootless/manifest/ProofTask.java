package dev.rebootless.manifest;

import java.util.List;

/**
 * A task that had not moved to the new code (or back) in time.
 *
 * @param pid of the thread
 * @param comm its name, at most 15 characters
 * @param stack its functions from /proc/PID/stack, innermost first; empty when the kernel does not
 *     show it
 */
public record ProofTask(int pid, String comm, List<String> stack) {
    public ProofTask {
        stack = List.copyOf(stack);
    }
}
