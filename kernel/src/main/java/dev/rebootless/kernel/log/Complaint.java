package dev.rebootless.kernel.log;

import java.util.List;

/**
 * Something that the kernel complained of in its log.
 *
 * @param kind what it is, such as {@code warning}, {@code oops}, {@code rcu-stall}
 * @param source the file of the kernel that prints it
 * @param fatal whether nothing can be expected of what was running, or of the whole kernel
 * @param lines without their time stamps: the complaint first, then what belongs to it
 */
public record Complaint(String kind, String source, boolean fatal, List<String> lines) {
    public Complaint {
        lines = List.copyOf(lines);
    }
}
