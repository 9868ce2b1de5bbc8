import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;

/** The table of all cases, and the totals. */
final class Report {
    /** So many refusals are drawn for a reader to check by hand. */
    private static final int BY_HAND = 40;

    private final List<Row> rows;
    private final Map<String, Boots.Result> boots;
    private final List<Attempt.Times> times;

    Report(List<Row> rows, Map<String, Boots.Result> boots, List<Attempt.Times> times) {
        this.rows = rows;
        this.boots = boots;
        this.times = times;
    }

    /** file, verdict, refusal codes, seconds, loaded, transition in seconds. */
    void write(Path table) throws IOException {
        StringBuilder text = new StringBuilder("file\tverdict\tcodes\tseconds\tloaded\ttransition\n");
        for (Row row : rows) {
            Boots.Result boot = row.is("built") ? boots.get(row.file()) : null;
            text.append(
                    String.join(
                            "\t",
                            row.file(),
                            row.verdict(),
                            row.codes(),
                            String.format(Locale.ROOT, "%.1f", row.buildSeconds()),
                            boot == null ? "" : boot.verdict(),
                            boot == null ? "" : String.format(Locale.ROOT, "%.2f", boot.transition() / 100.0)))
                    .append('\n');
        }
        Files.writeString(table, text.toString());
    }

    /** For checking by hand: refusals drawn at random, with all that they say. */
    void sample(Path file, long seed) throws IOException {
        List<Row> refused = new ArrayList<>(rows.stream().filter(r -> r.is("refused")).toList());
        Collections.shuffle(refused, new Random(seed));
        Files.write(
                file,
                refused.stream().limit(BY_HAND).map(r -> r.file() + ": " + r.message()).toList());
    }

    void print() {
        List<Row> sources = rows.stream().filter(r -> !r.isHeader()).toList();
        List<Row> compiled = sources.stream().filter(r -> !r.is("failed")).toList();
        System.out.println();
        System.out.printf("internal faults: %d of %d%n", count(rows, "fault"), rows.size());
        share("changed .c files that the configuration builds", sources);
        share("of these, that compile with their file alone", compiled);
        share(
                "of these, whose two objects have equal named data",
                compiled.stream().filter(Row::dataEqual).toList());
        headers(rows.stream().filter(Row::isHeader).toList());
        codes("refusals of .c files", sources);
        codes("refusals of headers", rows.stream().filter(Row::isHeader).toList());
        lives();
        times();
    }

    private static void codes(String what, List<Row> rows) {
        Map<String, Integer> codes = new TreeMap<>();
        rows.stream()
                .filter(r -> !r.codes().isEmpty())
                .forEach(r -> codes.merge(r.verdict() + " " + r.codes(), 1, Integer::sum));
        System.out.println(what + " by code:");
        codes.entrySet().stream()
                .sorted((a, b) -> b.getValue() - a.getValue())
                .forEach(e -> System.out.printf("%5d %s%n", e.getValue(), e.getKey()));
    }

    private void lives() {
        Map<String, Integer> lives = new TreeMap<>();
        List<Integer> transitions = new ArrayList<>();
        for (Row row : rows) {
            Boots.Result boot = boots.get(row.file());
            if (row.is("built") && boot != null) {
                lives.merge(boot.verdict(), 1, Integer::sum);
                if (boot.verdict().equals("ok")) {
                    transitions.add(boot.transition());
                }
            }
        }
        if (!transitions.isEmpty()) {
            Collections.sort(transitions);
            System.out.printf(
                    Locale.ROOT,
                    "loaded, switched, unloaded: %s; load and transition: median %.2f s, longest %.2f s%n",
                    lives,
                    transitions.get(transitions.size() / 2) / 100.0,
                    transitions.getLast() / 100.0);
        }
    }

    private void times() {
        List<Double> ratios =
                times.stream().map(t -> (t.build() - 1) / t.compile()).sorted().toList();
        if (!ratios.isEmpty()) {
            System.out.printf(
                    Locale.ROOT,
                    "of %d built, one after the other, originals in the cache: median of"
                            + " (build - 1 s) / compile %.2f%n",
                    ratios.size(),
                    ratios.get(ratios.size() / 2));
        }
    }

    /** Most headers that change reach no code of the configuration; that is no merit. */
    private static void headers(List<Row> rows) {
        System.out.printf(
                "%-50s %4d: built %d, unchanged %d, refused %d, not compiling %d, slow %d%n",
                "changed headers with their .c files",
                rows.size(),
                count(rows, "built"),
                count(rows, "unchanged"),
                count(rows, "refused"),
                count(rows, "failed"),
                count(rows, "slow"));
    }

    private static long count(List<Row> rows, String verdict) {
        return rows.stream().filter(r -> r.is(verdict)).count();
    }

    private static void share(String what, List<Row> rows) {
        long good = count(rows, "built") + count(rows, "unchanged");
        System.out.printf(
                Locale.ROOT,
                "%-50s %4d: built %d, unchanged %d, refused %d, not compiling %d, slow %d: %.1f %%%n",
                what,
                rows.size(),
                count(rows, "built"),
                count(rows, "unchanged"),
                count(rows, "refused"),
                count(rows, "failed"),
                count(rows, "slow"),
                rows.isEmpty() ? 0.0 : 100.0 * good / rows.size());
    }
}
