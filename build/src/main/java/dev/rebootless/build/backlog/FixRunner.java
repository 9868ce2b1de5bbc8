package dev.rebootless.build.backlog;

import dev.rebootless.base.Hashes;
import dev.rebootless.base.Progress;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.build.Build;
import dev.rebootless.build.exposure.CveRow;
import dev.rebootless.source.kit.Kit;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.TreeSet;
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
        Map<CveRow, Outcome> outcomes = new LinkedHashMap<>();
        AtomicInteger done = new AtomicInteger();
        AtomicInteger fresh = new AtomicInteger();
        long start = System.nanoTime();
        ExecutorService pool =
                Executors.newFixedThreadPool(Runtime.getRuntime().availableProcessors());
        try {
            Map<CveRow, Future<Outcome>> futures = new LinkedHashMap<>();
            for (CveRow row : rows) {
                futures.put(
                        row,
                        pool.submit(() -> {
                            Outcome outcome = outcome(row, fresh);
                            report(
                                    outcome,
                                    done.incrementAndGet(),
                                    rows.size(),
                                    fresh.get(),
                                    start);
                            return outcome;
                        }));
            }
            for (Map.Entry<CveRow, Future<Outcome>> each : futures.entrySet()) {
                outcomes.put(each.getKey(), each.getValue().get());
            }
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
        return outcomes;
    }

    private void report(Outcome outcome, int done, int all, int fresh, long start) {
        double seconds = (System.nanoTime() - start) / 1e9;
        // What was kept takes no time, and says nothing of what is to come.
        String left =
                fresh == 0
                        ? ""
                        : String.format(
                                Locale.ROOT,
                                ", about %.0f min left",
                                Math.ceil(seconds / fresh * (all - done) / 60));
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

    private Outcome outcome(CveRow row, AtomicInteger fresh) {
        long start = System.nanoTime();
        String cve = row.cve().id().text();
        Fix fix;
        try {
            fix = finder.find(row);
        } catch (RebootlessException e) {
            // Nothing was tried, so nothing is kept: another feed may tell more.
            return notFound(cve, e);
        }
        String key = key(fix);
        Optional<Outcome> kept =
                store.find(cve, key)
                        .filter(o ->
                                o.verdict() != Outcome.Verdict.REFUSED
                                        || o.told().equals(told(fix)));
        if (kept.isPresent()) {
            return kept.get();
        }
        FixSearch.Found found = search.search(fix, cve.toLowerCase(Locale.ROOT));
        Outcome outcome = of(fix, key, found, (System.nanoTime() - start) / 1e9);
        store.keep(outcome);
        fresh.incrementAndGet();
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
                fix.isStated(),
                found.isNarrowed(),
                // Asked only where the whole was refused, as the search does.
                verdict == Outcome.Verdict.REFUSED || found.isNarrowed() ? told(fix) : "",
                seconds);
    }
}
