package dev.rebootless.lab;

import dev.rebootless.manifest.ProofLogProblem;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * The kernel's console, read while it is written: finds what the kernel complains of and keeps the
 * last lines for messages. Safe for one thread that writes and others that read.
 */
final class KernelLog {
    static final int MAX_LINE_BYTES = 4096;

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
    private boolean inReport;
    private boolean fatal;

    private record Found(Symptom symptom, List<String> lines) {}

    /** Takes the next line of the console, without its end. */
    synchronized void accept(String raw) {
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
        boolean starts = symptom.isPresent() && !(inReport && symptom.get().partOfAReport());
        if (starts) {
            inReport = symptom.get().hasReport();
            if (problems.size() < MAX_PROBLEMS) {
                problems.add(new Found(symptom.get(), new ArrayList<>(List.of(line))));
            } else {
                inReport = false;
            }
        } else if (inReport) {
            List<String> lines = problems.getLast().lines();
            lines.add(line);
            inReport = lines.size() < MAX_PROBLEM_LINES && !END_OF_REPORT.matcher(line).find();
        }
    }

    /** A line as the kernel's source has it. */
    static String withoutStamp(String line) {
        return STAMP.matcher(line.stripTrailing()).replaceFirst("");
    }

    /** What the kernel complained of until now. */
    synchronized List<ProofLogProblem> problems() {
        return problems.stream()
                .map(found ->
                        new ProofLogProblem(
                                found.symptom().kind(), found.symptom().source(), found.lines()))
                .toList();
    }

    /** Whether something was seen after which a kernel may well hang. */
    synchronized boolean fatal() {
        return fatal;
    }

    /** The last lines, without time stamps. */
    synchronized List<String> lastLines() {
        return List.copyOf(last);
    }
}
