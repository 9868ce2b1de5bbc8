package dev.rebootless.host;

import dev.rebootless.kernel.log.Complaint;
import dev.rebootless.kernel.log.KernelLog;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Finds what the kernel complains of while a livepatch is young, and whether it was the livepatch's
 * code. Fed with the whole log again and again, it looks at what is new each time.
 */
final class LogWatch {
    /** What syslog(2) puts before a line: its level. */
    private static final Pattern LEVEL = Pattern.compile("^<\\d+>");

    private static final Pattern STAMP = Pattern.compile("\\[ *(\\d+\\.\\d+)\\]");

    /** Where the processor was (arch/x86/kernel/dumpstack.c, show_ip()). */
    private static final Pattern INSTRUCTION_POINTER =
            Pattern.compile("^RIP: [0-9a-f]{4}:\\S+(?: \\[(\\w+)[^]]*\\])?");

    /**
     * A frame of a call trace (show_trace_log_lvl()): a question mark before those that the
     * unwinder did not find, the module behind the symbol (kernel/kallsyms.c, __sprint_symbol()).
     */
    private static final Pattern FRAME =
            Pattern.compile("^\\s+(\\? )?\\S+\\+0x[0-9a-f]+/0x[0-9a-f]+(?: \\[(\\w+)[^]]*\\])?");

    /** A WARN names the place itself. */
    private static final Pattern WARNED_AT =
            Pattern.compile("WARNING: .* at \\S+ \\S+\\+0x\\S+(?: \\[(\\w+)[^]]*\\])?");

    /** A report is written in a fraction of a second, and a one-line complaint has no end. */
    private static final int LOOKS_TO_WAIT = 4;

    private final String livepatch;
    private final KernelLog log = new KernelLog();
    private Optional<String> last;
    private int waited;

    /**
     * @param livepatch the module's name
     * @param before the log as it is now; what stands in it is nobody's fault
     */
    LogWatch(String livepatch, String before) {
        this.livepatch = livepatch;
        this.last = before.lines().reduce((one, other) -> other);
    }

    /**
     * What is new.
     *
     * @param complaint of the kernel
     * @param ours whether the instruction pointer or the top frame is the livepatch's code
     */
    record Seen(Complaint complaint, boolean ours) {}

    /** Looks at the log once more; a complaint whose report is still being written comes later. */
    List<Seen> look(String whole) {
        for (String line : fresh(last, whole)) {
            last = Optional.of(line);
            log.accept(LEVEL.matcher(line).replaceFirst(""));
        }
        List<Complaint> all = log.problems();
        int known = all.size();
        // The newest may go on; it is told when it is whole, or after some looks.
        if (!all.isEmpty() && !isWhole(all.getLast()) && waited < LOOKS_TO_WAIT) {
            waited++;
            known--;
        } else {
            waited = 0;
        }
        return tell(all.subList(0, known));
    }

    /** What is left at the end of the watch, whole or not. */
    List<Seen> rest() {
        return tell(log.problems());
    }

    /** What is told is forgotten: a flood of complaints must not hide a later one. */
    private List<Seen> tell(List<Complaint> complaints) {
        log.forget(complaints.size());
        return complaints.stream().map(each -> new Seen(each, isOurs(each))).toList();
    }

    /** The end of a report (kernel/panic.c, print_oops_end_marker()). */
    private static boolean isWhole(Complaint complaint) {
        return complaint.lines().getLast().contains("---[ end trace");
    }

    private boolean isOurs(Complaint complaint) {
        boolean frameSeen = false;
        boolean pointerSeen = false;
        for (String line : complaint.lines()) {
            Matcher warned = WARNED_AT.matcher(line);
            if (warned.find()) {
                return livepatch.equals(warned.group(1));
            }
            Matcher pointer = INSTRUCTION_POINTER.matcher(line);
            // Later ones are of what was interrupted, in the kernel or in user space: not what
            // faulted.
            if (!pointerSeen && pointer.find()) {
                pointerSeen = true;
                if (livepatch.equals(pointer.group(1))) {
                    return true;
                }
            }
            Matcher frame = FRAME.matcher(line);
            if (!frameSeen && frame.find() && frame.group(1) == null) {
                frameSeen = true;
                if (livepatch.equals(frame.group(2))) {
                    return true;
                }
            }
        }
        return false;
    }

    /**
     * The lines that came after one. The log is a ring: where that line is gone, those with a later
     * time.
     */
    static List<String> fresh(Optional<String> last, String whole) {
        List<String> lines = whole.lines().toList();
        if (last.isEmpty()) {
            return lines;
        }
        int at = lines.lastIndexOf(last.get());
        if (at >= 0) {
            return lines.subList(at + 1, lines.size());
        }
        double since = stamp(last.get()).orElse(Double.MAX_VALUE);
        return lines.stream()
                .filter(line -> stamp(line).filter(s -> s > since).isPresent())
                .toList();
    }

    private static Optional<Double> stamp(String line) {
        Matcher stamp = STAMP.matcher(line);
        return stamp.find() ? Optional.of(Double.valueOf(stamp.group(1))) : Optional.empty();
    }
}
