package dev.rebootless.manifest;

import java.util.List;

/**
 * Something that the kernel complained of.
 *
 * @param kind what it is, such as {@code warning}, {@code oops}, {@code rcu-stall}
 * @param source the file of the kernel that prints it
 * @param lines of the log without their time stamps: the complaint first, then what belongs to it
 */
public record ProofLogProblem(String kind, String source, List<String> lines) {
    public ProofLogProblem {
        lines = List.copyOf(lines);
        if (lines.isEmpty()) {
            throw new IllegalArgumentException("a problem of the log without a line of the log");
        }
    }
}
