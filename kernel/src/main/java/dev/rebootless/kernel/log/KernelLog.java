package dev.rebootless.kernel.log;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * The kernel's log, read while it is written: finds what the kernel complains of and keeps the last
 * lines for messages. Safe for one thread that writes and others that read.
 */
public final class KernelLog {
    /** What is longer is cut; the kernel's own lines have at most 1,024 (PRINTKRB_RECORD_MAX). */
    public static final int MAX_LINE_BYTES = 4096;

    private static final int MAX_PROBLEMS = 32;
    private static final int MAX_PROBLEM_LINES = 80;
    private static final int KEPT_LINES = 40;

    /**
     * {@code [ 1.072133] } or, with CONFIG_PRINTK_CALLER, {@code [ 1.072133][ T1] }
     * (kernel/printk/printk.c).
     */
    private static final Pattern STAMP =
            Pattern.compile("^\\[ *\\d+\\.\\d+\\](\\[ *[TC]\\d+\\])? ?");

    /**
     * Ends the report of a WARN, BUG or oops; kernel/panic.c, print_oops_end_marker() and panic().
     */
    private static final Pattern END_OF_REPORT = Pattern.compile("---\\[ end (trace|Kernel panic)");

    private final List<Found> problems = new ArrayList<>();
    private final Deque<String> last = new ArrayDeque<>();
    private Optional<Found> report = Optional.empty();
    private boolean fatal;

    private record Found(Symptom symptom, List<String> lines) {}

    /** Takes the next line, without its end. */
    public synchronized void accept(String raw) {
        String line = withoutStamp(raw);
        if (line.isEmpty()) {
            return;
        }
        last.addLast(line);
        if (last.size() > KEPT_LINES) {
            last.removeFirst();
        }
        Optional<Symptom> symptom = Symptom.in(line);
        fatal |= symptom.map(Symptom::fatal).orElse(false);
        boolean starts =
                symptom.isPresent() && !(report.isPresent() && symptom.get().partOfAReport());
        if (starts) {
            Optional<Found> found = Optional.empty();
            if (problems.size() < MAX_PROBLEMS) {
                found = Optional.of(new Found(symptom.get(), new ArrayList<>(List.of(line))));
                problems.add(found.get());
            }
            // A complaint of one line, of another processor, may stand within a report.
            if (symptom.get().hasReport()) {
                report = found;
            }
        } else if (report.isPresent()) {
            List<String> lines = report.get().lines();
            lines.add(line);
            if (lines.size() >= MAX_PROBLEM_LINES || END_OF_REPORT.matcher(line).find()) {
                report = Optional.empty();
            }
        }
    }

    /** A line as the kernel's source has it. */
    public static String withoutStamp(String line) {
        return STAMP.matcher(line.stripTrailing()).replaceFirst("");
    }

    /** What the kernel complained of until now. */
    public synchronized List<Complaint> problems() {
        return problems.stream()
                .map(found ->
                        new Complaint(
                                found.symptom().kind(),
                                found.symptom().source(),
                                found.symptom().fatal(),
                                found.lines()))
                .toList();
    }

    /** Forgets the first of {@link #problems}, so that there is room for others. */
    public synchronized void forget(int count) {
        problems.subList(0, count).clear();
    }

    /** Whether something was seen after which a kernel may well hang. */
    public synchronized boolean fatal() {
        return fatal;
    }

    /** The last lines, without time stamps. */
    public synchronized List<String> lastLines() {
        return List.copyOf(last);
    }
}
