import dev.rebootless.source.kit.KernelRequest;
import dev.rebootless.source.kit.Kit;
import dev.rebootless.source.kit.Kits;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Builds a livepatch for what differs between the sources of two packaged kernels, file by file,
 * against the older kernel: real changes that nobody chose for a test; then loads and unloads each
 * on it. Run by script/sweep.
 *
 * <p>Arguments: the older and the newer kernel (RELEASE=VERSION), the folder for results, how many
 * files (0: all) and headers, the seed, the commit of these programs. What is in the folder already
 * is not done again.
 */
public final class Sweep {
    /** gcc's threads are two for each build, of which the cached original is often none. */
    private static final int JOBS = Runtime.getRuntime().availableProcessors();

    /** A header that thousands of units include can take an hour; such a case is given up. */
    private static final int MINUTES = 10;

    /** So many of the builds are timed. */
    private static final int TIMED = 21;

    public static void main(String[] args) throws Exception {
        Kits kits = new Kits(Kits.userCache(), message -> {});
        Kit older = kits.add(KernelRequest.parse(args[0]));
        Kit newer = kits.add(KernelRequest.parse(args[1]));
        Path folder = Files.createDirectories(Path.of(args[2]));
        int files = Integer.parseInt(args[3]);
        int headers = Integer.parseInt(args[4]);
        long seed = Long.parseLong(args[5]);
        requireSameRun(
                folder,
                "%s to %s by %s%n"
                        .formatted(
                                older.facts().sourceVersion(),
                                newer.facts().sourceVersion(),
                                args[6]));
        System.out.printf(
                "%s (%s) to %s, seed %d%n",
                older.facts().release(),
                older.facts().sourceVersion(),
                newer.facts().sourceVersion(),
                seed);
        List<Case> cases = new Plan(older, newer.tree()).cases(folder, files, headers, seed);
        Attempt attempt = new Attempt(older, newer.tree(), folder);
        List<Row> rows = buildAll(attempt, folder, cases);
        Boots boots = new Boots(older, folder);
        boots.all(rows);
        Report report = new Report(rows, boots.read(), times(attempt, cases, rows, seed));
        report.write(folder.resolve("table.tsv"));
        report.sample(folder.resolve("refusals-to-check.txt"), seed);
        report.print();
    }

    /** What was found by other programs, or of other kernels, is not gone on with. */
    private static void requireSameRun(Path folder, String run) throws IOException {
        Path mark = folder.resolve("run.txt");
        if (!Files.exists(mark)) {
            Files.writeString(mark, run);
        } else if (!Files.readString(mark).equals(run)) {
            System.err.printf(
                    "%s has results of another run: %s  give another folder with --work%n",
                    folder, Files.readString(mark));
            System.exit(2);
        }
    }

    /** Some of what was built, in turn, with nothing beside it: compile and build are compared. */
    private static List<Attempt.Times> times(
            Attempt attempt, List<Case> cases, List<Row> rows, long seed) throws Exception {
        List<Case> built = new ArrayList<>();
        for (int i = 0; i < cases.size(); i++) {
            if (rows.get(i).is("built") && !cases.get(i).isHeader()) {
                built.add(cases.get(i));
            }
        }
        Collections.shuffle(built, new Random(seed));
        List<Attempt.Times> times = new ArrayList<>();
        for (Case what : built.subList(0, Math.min(TIMED, built.size()))) {
            times.add(attempt.time(what));
        }
        return times;
    }

    private static List<Row> buildAll(Attempt attempt, Path folder, List<Case> cases)
            throws Exception {
        Path table = folder.resolve("results.tsv");
        Map<String, Row> known = Row.read(table);
        List<Case> open = cases.stream().filter(c -> !known.containsKey(c.file())).toList();
        AtomicInteger done = new AtomicInteger(cases.size() - open.size());
        long start = System.nanoTime();
        List<Future<?>> running = new ArrayList<>();
        try (ExecutorService jobs = Executors.newFixedThreadPool(JOBS);
                ExecutorService attempts = Executors.newCachedThreadPool()) {
            for (Case what : open) {
                running.add(
                        jobs.submit(() -> {
                            Row row = limited(attempts, attempt, what);
                            synchronized (table) {
                                Attempt.append(table, row.line());
                            }
                            System.out.printf(
                                    Locale.ROOT,
                                    "[%4.0f s] %d/%d %s %s %s%n",
                                    (System.nanoTime() - start) / 1e9,
                                    done.incrementAndGet(),
                                    cases.size(),
                                    what.file(),
                                    row.verdict(),
                                    row.codes());
                            return row;
                        }));
            }
            for (Future<?> future : running) {
                future.get();
            }
        }
        Map<String, Row> rows = Row.read(table);
        return cases.stream().map(c -> rows.get(c.file())).toList();
    }

    private static Row limited(ExecutorService attempts, Attempt attempt, Case what)
            throws InterruptedException, ExecutionException {
        Future<Row> row = attempts.submit(() -> attempt.run(what));
        try {
            return row.get(MINUTES, TimeUnit.MINUTES);
        } catch (TimeoutException e) {
            row.cancel(true);
            return new Row(what.file(), "", "slow", "", !what.isHeader(), 0, "over " + MINUTES + " minutes");
        }
    }
}
