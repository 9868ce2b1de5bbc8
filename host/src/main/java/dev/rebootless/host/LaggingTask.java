package dev.rebootless.host;

import java.util.List;
import java.util.Optional;

/**
 * A task that a transition waits for.
 *
 * @param id its thread id
 * @param command its name, as {@code ps} shows it
 * @param stack the functions on its kernel stack, the innermost first; empty where it cannot be
 *     read
 * @param sitsIn the function that the livepatch replaces and that it is in
 */
public record LaggingTask(int id, String command, List<String> stack, Optional<String> sitsIn) {
    public LaggingTask {
        stack = List.copyOf(stack);
    }

    /** As it is named in a sentence. */
    public String text() {
        return command
                + " ("
                + id
                + ")"
                + sitsIn.map(function -> " in " + function)
                        .orElse(stack.isEmpty() ? "" : " at " + stack.getFirst());
    }

    /** All that a transition waits for, in a sentence. */
    static String text(int left, List<LaggingTask> told) {
        List<String> words = told.stream().map(LaggingTask::text).toList();
        return left
                + (left == 1 ? " task is" : " tasks are")
                + " left"
                + (words.isEmpty() ? "" : ": " + String.join(", ", words))
                + (left > words.size() && !words.isEmpty() ? ", …" : "");
    }
}
