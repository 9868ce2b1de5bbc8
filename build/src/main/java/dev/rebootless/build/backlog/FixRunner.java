package dev.rebootless.build.backlog;

import dev.rebootless.base.Hashes;
import dev.rebootless.base.Progress;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.build.Build;
import dev.rebootless.build.Concern;
import dev.rebootless.build.exposure.CveRow;
import dev.rebootless.source.kit.Kit;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.NavigableSet;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Tries each CVE's fix by itself, as many at once as there are processors; what was tried is kept.
 */
final class FixRunner {
    private final Kit kit;
    private final History history;
    private final FixFinder finder;
    private final FixSearch search;
    private final ToldApart toldApart;
    private final OutcomeStore store;
    private final Progress progress;

    FixRunner(
            Kit kit,
            History history,
            FixFinder finder,
            FixSearch search,
            ToldApart toldApart,
            OutcomeStore store,
            Progress progress) {
        this.kit = kit;
        this.history = history;
        this.finder = finder;
        this.search = search;
        this.toldApart = toldApart;
        this.store = store;
        this.progress = progress;
    }

    /**
     * The outcomes, in the order of the rows.
     *
     * @throws RebootlessException for anything but refusals, and when interrupted; what was done
     *     until then is kept
     */
    Map<CveRow, Outcome> run(List<CveRow> rows) {
        long start = System.nanoTime();
        ExecutorService pool =
                Executors.newFixedThreadPool(Runtime.getRuntime().availableProcessors());
        try {
            Map<CveRow, Future<Ready>> ready = new LinkedHashMap<>();
            rows.forEach(row -> ready.put(row, pool.submit(() -> ready(row))));
            // What is known already says nothing of how long the rest takes.
            int toTry = 0;
            for (Future<Ready> each : ready.values()) {
                toTry += each.get() instanceof Ready.ToTry ? 1 : 0;
            }
            progress.step(
                    "%d of %d are known from before, %d are to be tried"
                            .formatted(rows.size() - toTry, rows.size(), toTry));
            int all = toTry;
            AtomicInteger done = new AtomicInteger();
            Map<CveRow, Future<Outcome>> futures = new LinkedHashMap<>();
            for (Map.Entry<CveRow, Future<Ready>> each : ready.entrySet()) {
                Ready found = each.getValue().get();
                futures.put(
                        each.getKey(),
                        switch (found) {
                            case Ready.Known(Outcome outcome) ->
                                    CompletableFuture.completedFuture(outcome);
                            case Ready.ToTry(Fix fix, String key) ->
                                    pool.submit(() -> {
                                        Outcome outcome = tried(fix, key);
                                        report(outcome, done.incrementAndGet(), all, start);
                                        return outcome;
                                    });
                        });
            }
            Map<CveRow, Outcome> outcomes = new LinkedHashMap<>();
            for (Map.Entry<CveRow, Future<Outcome>> each : futures.entrySet()) {
                outcomes.put(each.getKey(), each.getValue().get());
            }
            return outcomes;
        } catch (InterruptedException e) {
            throw RebootlessException.interrupted("backlog", e);
        } catch (ExecutionException e) {
            switch (e.getCause()) {
                case RuntimeException failure -> throw failure;
                case Error failure -> throw failure;
                case null, default -> throw new IllegalStateException(e);
            }
        } finally {
            pool.shutdownNow();
            pool.close();
        }
    }

    /** What is to be done for a CVE. */
    private sealed interface Ready {
        /** Nothing: it was tried before, or where its fix is was not found. */
        record Known(Outcome outcome) implements Ready {}

        record ToTry(Fix fix, String key) implements Ready {}
    }

    private void report(Outcome outcome, int done, int all, long start) {
        double seconds = (System.nanoTime() - start) / 1e9;
        String left =
                String.format(
                        Locale.ROOT,
                        ", about %.0f min left",
                        Math.ceil(seconds / done * (all - done) / 60));
        progress.step(
                "%d of %d%s: %s %s"
                        .formatted(
                                done, all, done < all ? left : "", outcome.cve(), words(outcome)));
    }

    private static String words(Outcome outcome) {
        return switch (outcome.verdict()) {
            case BUILT ->
                    "can be built: "
                            + outcome.functions().size()
                            + (outcome.functions().size() == 1 ? " function" : " functions");
            case UNCHANGED -> "changes no compiled code here";
            case REFUSED, NOT_FOUND -> outcome.problems().getFirst().code();
        };
    }

    private Ready ready(CveRow row) {
        String cve = row.cve().id().text();
        Fix fix;
        try {
            fix = finder.find(row);
        } catch (RebootlessException e) {
            // Nothing was tried, so nothing is kept: another feed may tell more.
            return new Ready.Known(notFound(cve, e));
        }
        String key = key(fix);
        return store.find(cve, key)
                .filter(o -> isStillTrue(o, fix))
                .<Ready>map(o -> new Ready.Known(o.withNotes(fix.notes())))
                .orElseGet(() -> new Ready.ToTry(fix, key));
    }

    /** Whether another line of kernels would not tell the fix apart otherwise by now. */
    private boolean isStillTrue(Outcome outcome, Fix fix) {
        if (outcome.verdict() == Outcome.Verdict.REFUSED) {
            return outcome.told().equals(told(fix));
        }
        if (outcome.told().isEmpty()) {
            return true;
        }
        String now = told(fix);
        return now.isEmpty() || outcome.told().equals(now);
    }

    private Outcome tried(Fix fix, String key) {
        long start = System.nanoTime();
        FixSearch.Found found =
                search.search(fix, fix.row().cve().id().text().toLowerCase(Locale.ROOT));
        Outcome outcome = of(fix, key, found, (System.nanoTime() - start) / 1e9);
        store.keep(outcome);
        return outcome;
    }

    private String told(Fix fix) {
        return toldApart.of(fix).map(ToldApart.Part::words).orElse("");
    }

    private static Outcome notFound(String cve, RebootlessException why) {
        return new Outcome(
                Outcome.FORMAT,
                cve,
                "",
                Outcome.Verdict.NOT_FOUND,
                List.of(),
                List.of(),
                List.of(),
                refusals(why.problems()),
                List.of(),
                List.of(),
                List.of(),
                new TreeSet<>(),
                false,
                false,
                "",
                0);
    }

    private static List<Outcome.Refusal> refusals(List<dev.rebootless.base.Problem> problems) {
        return problems.stream()
                .map(p -> new Outcome.Refusal(p.code(), p.place(), p.message(), p.remedy()))
                .toList();
    }

    private String key(Fix fix) {
        StringBuilder text = new StringBuilder();
        text.append(Outcome.FORMAT).append('\n').append(Build.TOOL).append('\n');
        text.append(Backlog.WIDEST_HEADER).append('\n');
        text.append(kit.facts().release()).append(' ').append(kit.facts().buildId()).append('\n');
        parts(fix.pieces()).forEach(p -> text.append(p).append('\n'));
        text.append(fix.functions()).append(fix.isStated());
        return Hashes.sha256(text.toString().getBytes(StandardCharsets.UTF_8));
    }

    private List<Outcome.Part> parts(Pieces pieces) {
        List<Outcome.Part> parts = new ArrayList<>();
        for (Piece piece : pieces.list()) {
            parts.add(
                    new Outcome.Part(
                            history.steps().get(piece.step()).older(),
                            history.steps().get(piece.step()).newer(),
                            piece.path(),
                            piece.hunks().map(List::copyOf).orElse(List.of())));
        }
        return parts;
    }

    private Outcome of(Fix fix, String key, FixSearch.Found found, double seconds) {
        List<Outcome.Function> functions = new ArrayList<>();
        List<String> warnings = List.of();
        NavigableSet<Concern> concerns = new TreeSet<>();
        List<Outcome.Refusal> problems = List.of();
        Outcome.Verdict verdict =
                switch (found.attempt()) {
                    case Attempt.Built built -> {
                        built.manifest()
                                .objects()
                                .forEach(o ->
                                        o.functions()
                                                .forEach(f ->
                                                        functions.add(
                                                                new Outcome.Function(
                                                                        o.name(),
                                                                        f.name(),
                                                                        f.sympos(),
                                                                        f.unit()))));
                        warnings = built.manifest().warnings();
                        concerns.addAll(built.concerns());
                        yield Outcome.Verdict.BUILT;
                    }
                    case Attempt.Unchanged unchanged -> {
                        warnings = unchanged.warnings();
                        yield Outcome.Verdict.UNCHANGED;
                    }
                    case Attempt.Refused refused -> {
                        problems = refusals(refused.problems());
                        yield Outcome.Verdict.REFUSED;
                    }
                };
        NavigableSet<String> others = new TreeSet<>(history.functions(found.pieces()));
        functions.forEach(f -> others.remove(f.name().replaceFirst("\\..*", "")));
        return new Outcome(
                Outcome.FORMAT,
                fix.row().cve().id().text(),
                key,
                verdict,
                parts(found.pieces()),
                found.story(),
                fix.notes(),
                problems,
                functions,
                List.copyOf(others),
                warnings,
                concerns,
                fix.isStated(),
                found.isNarrowed(),
                found.told(),
                seconds);
    }
}
