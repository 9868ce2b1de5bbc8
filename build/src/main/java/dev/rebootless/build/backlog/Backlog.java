package dev.rebootless.build.backlog;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Lazy;
import dev.rebootless.base.Problem;
import dev.rebootless.base.Progress;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.build.Build;
import dev.rebootless.build.BuildOutcome;
import dev.rebootless.build.BuildRequest;
import dev.rebootless.build.exposure.CveRow;
import dev.rebootless.build.exposure.ExposedCves;
import dev.rebootless.cve.CveId;
import dev.rebootless.cve.CveList;
import dev.rebootless.cve.Exposure;
import dev.rebootless.manifest.Manifest;
import dev.rebootless.source.history.SourceDifference;
import dev.rebootless.source.kit.Kit;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import java.util.TreeSet;

/**
 * From a running kernel to the security level of a newer one: tries every fix by itself, makes one
 * livepatch of those that may be in it, and proves it.
 */
public final class Backlog {
    /**
     * Headers that more units may include are not looked into for a fix: with some 0.3 s for each
     * unit that would be minutes for one of hundreds of fixes.
     */
    static final int WIDEST_HEADER = 250;

    /** Boots that may fail before a livepatch is given up. */
    private static final int MAX_PROOFS = 6;

    private final Kit kit;
    private final ExposedCves exposed;
    private final History history;
    private final ToldApart toldApart;
    private final Path folder;
    private final Progress progress;
    private final boolean debug;

    /**
     * @param steps the differences of the packaged sources, from the kit's own on
     * @param given fixes that are known better than from those
     * @param other asked only where a fix is refused
     * @param folder of the cache, for outcomes and what is tried
     */
    public Backlog(
            Kit kit,
            ExposedCves exposed,
            List<SourceDifference> steps,
            List<GivenPatch> given,
            Lazy<Optional<OtherLine>> other,
            Path folder,
            boolean debug,
            Progress progress) {
        this.kit = kit;
        this.exposed = exposed;
        this.history = new History(steps, given);
        this.toldApart = new ToldApart(history, other);
        this.folder = folder;
        this.debug = debug;
        this.progress = progress;
    }

    /** Where reviewers' answers for a kit are: beside it, so that emptying a cache loses none. */
    public static Path reviewsOf(Kit kit) {
        return kit.folder().resolveSibling(kit.facts().buildId() + ".reviews.json");
    }

    /**
     * Runs it. What is tried is kept, so an interrupted run goes on where it was.
     *
     * @throws RebootlessException exit status 5 and 130 as of {@link Build#run}; 6 when no
     *     livepatch passes the proof
     */
    public BacklogResult run(CveList list, List<CveRow> found, BacklogRequest request) {
        long start = System.nanoTime();
        // What was given by hand is known better than from a title.
        List<CveRow> rows =
                found.stream()
                        .map(row ->
                                history.given(row.cve().id())
                                        .map(g -> g.row(row, exposed))
                                        .orElse(row))
                        .toList();
        // Each fix by itself.
        List<CveRow> selected = request.selection().of(rows);
        progress.step(selected.size() + " CVEs are to be closed, of " + rows.size());
        requireSelected(selected);
        Build quiet = new Build(kit, message -> {}, debug, WIDEST_HEADER);
        Workshop workshop = new Workshop(quiet, history, folder.resolve("work"));
        Map<CveRow, Outcome> outcomes =
                new FixRunner(
                                kit,
                                history,
                                new FixFinder(history, exposed),
                                new FixSearch(history, workshop, toldApart),
                                toldApart,
                                new OutcomeStore(folder.resolve("outcomes")),
                                progress)
                        .run(selected);
        // Those that may go in, the most important first.
        Reviews reviews = Reviews.read(reviewsOf(kit));
        Admission admission = Admission.of(outcomes, reviews, request.takenOn(), history);
        List<Candidate> candidates = admission.candidates();
        SequencedMap<CveRow, Held> held = new LinkedHashMap<>(admission.held());
        // One livepatch of them, or one each.
        List<BuildOutcome.Built> modules = new ArrayList<>();
        Set<Candidate> inModules = new java.util.LinkedHashSet<>();
        SequencedMap<Candidate, String> leftOut = new LinkedHashMap<>();
        if (request.build() && !candidates.isEmpty()) {
            if (request.each()) {
                eachAlone(candidates, request, modules, inModules, leftOut);
            } else {
                together(
                        new Cumulative(workshop, request.maxFunctions(), progress),
                        candidates,
                        request,
                        modules,
                        inModules,
                        leftOut,
                        fixes -> level(list, rows, outcomes, fixes));
            }
        }
        leftOut.forEach((c, why) -> held.put(c.row(), new Held.Unfit(why)));
        return new BacklogResult(
                kit,
                list.running().text(),
                list.to().text(),
                entries(rows, outcomes, inModules, held, request.build()),
                modules,
                (System.nanoTime() - start) / 1e9);
    }

    /** Whoever gives a fix wants it in. */
    private void requireSelected(List<CveRow> selected) {
        Set<CveId> ids = new TreeSet<>();
        selected.forEach(row -> ids.add(row.cve().id()));
        for (CveId id : history.given()) {
            if (!ids.contains(id)) {
                throw RebootlessException.usage(
                        "RBL-USAGE",
                        id.text(),
                        "a patch is given for it, and it is not among what is to be closed (by its severity, or since its"
                                + " module is not loaded)",
                        "add --cve " + id);
            }
        }
    }

    /**
     * Builds and proves them as one; what is refused or fails the proof only together with others
     * goes, and the rest is tried again.
     */
    private void together(
            Cumulative cumulative,
            List<Candidate> candidates,
            BacklogRequest request,
            List<BuildOutcome.Built> modules,
            Set<Candidate> inModules,
            Map<Candidate, String> leftOut,
            LevelOf level) {
        Cumulative.Choice choice = cumulative.choose(candidates);
        leftOut.putAll(choice.leftOut());
        List<Candidate> fitting = choice.chosen();
        int refusals = 0;
        int proofs = 0;
        while (!fitting.isEmpty()) {
            progress.step("the livepatch of " + fitting.size() + " fixes: build and prove");
            try {
                BuildOutcome outcome =
                        build(request.name(), fitting, request, Optional.of(level.of(fitting)));
                if (outcome instanceof BuildOutcome.Built built) {
                    modules.add(built);
                    inModules.addAll(fitting);
                }
                return;
            } catch (RebootlessException e) {
                if (e.status() == ExitStatus.REFUSED) {
                    choice = cumulative.afterRefusal(fitting, e.problems(), refusals++);
                    leftOut.putAll(choice.leftOut());
                    if (choice.chosen().equals(fitting)) {
                        throw e;
                    }
                    fitting = choice.chosen();
                    continue;
                }
                if (e.status() != ExitStatus.PROOF_FAILED) {
                    throw e;
                }
                if (++proofs == MAX_PROOFS) {
                    throw e;
                }
                List<Candidate> culprits = culprits(fitting, e.problems(), request);
                if (culprits.isEmpty()) {
                    throw e;
                }
                culprits.forEach(c ->
                        leftOut.put(
                                c,
                                "the livepatch with it does not pass the proof by boot: "
                                        + e.problems().getFirst().message()));
                List<Candidate> rest = new ArrayList<>(fitting);
                rest.removeAll(culprits);
                fitting = rest;
            }
        }
    }

    /** Half of a set that fails holds at least one that does; at the end single ones. */
    private List<Candidate> culprits(
            List<Candidate> failing, List<Problem> problems, BacklogRequest request) {
        if (failing.size() == 1) {
            return failing;
        }
        List<Candidate> named = namedIn(failing, problems);
        if (!named.isEmpty() && named.size() < failing.size()) {
            progress.step(
                    "the proof failed, and names functions of "
                            + named.stream()
                                    .map(Candidate::id)
                                    .collect(java.util.stream.Collectors.joining(", ")));
            return named;
        }
        progress.step(
                "the proof failed ("
                        + problems.getFirst().message().lines().findFirst().orElse("")
                        + "); halving "
                        + failing.size()
                        + " fixes to find out which");
        int middle = failing.size() / 2;
        for (List<Candidate> half :
                List.of(failing.subList(0, middle), failing.subList(middle, failing.size()))) {
            try {
                build("backlog-half", half, aside(request), Optional.empty());
            } catch (RebootlessException e) {
                if (e.status() == ExitStatus.PROOF_FAILED || e.status() == ExitStatus.REFUSED) {
                    return culprits(half, e.problems(), request);
                }
                throw e;
            }
        }
        // Both halves pass: only together they fail, and the less important half goes.
        return failing.subList(middle, failing.size());
    }

    /**
     * Those that replace a function which a failed proof names: on the stack of a task that does
     * not arrive, as the main function of a kernel thread is, or in an oops.
     */
    static List<Candidate> namedIn(List<Candidate> failing, List<Problem> problems) {
        Set<String> words = new TreeSet<>();
        problems.forEach(p -> words.addAll(FileChange.names(p.message())));
        return failing.stream()
                .filter(c ->
                        c.outcome().functions().stream().anyMatch(f -> words.contains(f.name())))
                .toList();
    }

    private BacklogRequest aside(BacklogRequest request) {
        return new BacklogRequest(
                request.selection(),
                request.takenOn(),
                true,
                false,
                request.maxFunctions(),
                true,
                true,
                request.name(),
                folder.resolve("work/modules"),
                Optional.empty());
    }

    private void eachAlone(
            List<Candidate> candidates,
            BacklogRequest request,
            List<BuildOutcome.Built> modules,
            Set<Candidate> inModules,
            Map<Candidate, String> leftOut) {
        for (Candidate candidate : candidates) {
            progress.step("the livepatch of " + candidate.id() + ": build and prove");
            try {
                String name = candidate.id().toLowerCase(java.util.Locale.ROOT);
                if (build(name, List.of(candidate), request, Optional.empty())
                        instanceof BuildOutcome.Built built) {
                    modules.add(built);
                    inModules.add(candidate);
                }
            } catch (RebootlessException e) {
                if (e.status() != ExitStatus.PROOF_FAILED && e.status() != ExitStatus.REFUSED) {
                    throw e;
                }
                leftOut.put(
                        candidate,
                        (e.status() == ExitStatus.REFUSED
                                        ? "it is refused: "
                                        : "its livepatch does not pass the proof by boot: ")
                                + e.problems().getFirst().message());
            }
        }
    }

    private BuildOutcome build(
            String name,
            List<Candidate> fixes,
            BacklogRequest request,
            Optional<Manifest.Level> level) {
        Build build = new Build(kit, progress, debug);
        // Beside the module, where `rebuild` finds them.
        Workshop workshop = new Workshop(build, history, request.folder());
        return build.run(
                new BuildRequest(
                        workshop.patches(request.folder(), name, Cumulative.pieces(fixes)),
                        request.folder(),
                        Optional.of(name),
                        request.replace() && !request.each(),
                        fixes.stream().map(Candidate::id).toList(),
                        request.test(),
                        request.check(),
                        level));
    }

    /** Tells how far a livepatch of some fixes brings the kernel. */
    private interface LevelOf {
        Manifest.Level of(List<Candidate> fixes);
    }

    private static Manifest.Level level(
            CveList list, List<CveRow> rows, Map<CveRow, Outcome> outcomes, List<Candidate> fixes) {
        Set<String> closed = new TreeSet<>();
        Set<String> unreviewed = new TreeSet<>();
        for (Candidate fix : fixes) {
            closed.add(fix.id());
            if (!fix.isSound()) {
                unreviewed.add(fix.id());
            }
        }
        Set<String> notAffected = new TreeSet<>();
        Set<String> waiting = new TreeSet<>();
        int exposed = 0;
        for (CveRow row : rows) {
            String id = row.cve().id().text();
            Outcome outcome = outcomes.get(row);
            boolean same =
                    outcome != null
                            && outcome.verdict() == Outcome.Verdict.UNCHANGED
                            && outcome.stated();
            if (row.exposure() == Exposure.EXPOSED || closed.contains(id)) {
                exposed++;
                if (same) {
                    notAffected.add(id);
                } else if (!closed.contains(id)) {
                    waiting.add(id);
                }
            }
        }
        return new Manifest.Level(
                list.running().text(),
                list.to().text(),
                exposed,
                List.copyOf(notAffected),
                List.copyOf(unreviewed),
                List.copyOf(waiting));
    }

    private static List<BacklogEntry> entries(
            List<CveRow> rows,
            Map<CveRow, Outcome> outcomes,
            Set<Candidate> inModules,
            Map<CveRow, Held> held,
            boolean isBuilt) {
        Map<CveRow, Candidate> byRow = new LinkedHashMap<>();
        inModules.forEach(c -> byRow.put(c.row(), c));
        List<BacklogEntry> entries = new ArrayList<>();
        for (CveRow row : rows.stream().sorted(Selection.BY_IMPORTANCE).toList()) {
            Outcome outcome = outcomes.get(row);
            entries.add(
                    outcome == null
                            ? notTried(row)
                            : entry(
                                    row,
                                    outcome,
                                    Optional.ofNullable(byRow.get(row)),
                                    Optional.ofNullable(held.get(row)),
                                    isBuilt));
        }
        return entries;
    }

    private static BacklogEntry notTried(CveRow row) {
        return switch (row.exposure()) {
            case EXPOSED ->
                    new BacklogEntry(
                            row,
                            BacklogEntry.State.NOT_SELECTED,
                            Optional.empty(),
                            "not asked for");
            case NOT_LOADED ->
                    new BacklogEntry(
                            row,
                            BacklogEntry.State.NOT_LOADED,
                            Optional.empty(),
                            "in " + String.join(", ", row.targets()) + ", not loaded");
            case NOT_BUILT ->
                    new BacklogEntry(
                            row,
                            BacklogEntry.State.NOT_BUILT,
                            Optional.empty(),
                            "this kernel has none of the code (" + row.place().source() + ")");
            case UNKNOWN ->
                    new BacklogEntry(
                            row,
                            BacklogEntry.State.UNKNOWN,
                            Optional.empty(),
                            "neither a feed nor the changelog says which files its fix changes");
        };
    }

    private static BacklogEntry entry(
            CveRow row,
            Outcome outcome,
            Optional<Candidate> in,
            Optional<Held> held,
            boolean isBuilt) {
        Optional<Outcome> kept = Optional.of(outcome);
        return switch (outcome.verdict()) {
            case NOT_FOUND ->
                    new BacklogEntry(
                            row,
                            BacklogEntry.State.UNKNOWN,
                            kept,
                            outcome.problems().getFirst().message());
            case REFUSED ->
                    new BacklogEntry(row, BacklogEntry.State.REFUSED, kept, refusal(outcome));
            case UNCHANGED ->
                    new BacklogEntry(
                            row,
                            outcome.stated()
                                    ? BacklogEntry.State.NOT_AFFECTED
                                    : BacklogEntry.State.UNKNOWN,
                            kept,
                            outcome.stated()
                                    ? "the fix changes no compiled code of this kernel"
                                    : "what is known of the fix changes no compiled code of this kernel");
            case BUILT -> {
                if (in.isEmpty()) {
                    yield new BacklogEntry(
                            row,
                            BacklogEntry.State.LEFT_OUT,
                            kept,
                            held.map(Held::words)
                                    .orElse(
                                            isBuilt
                                                    ? "left out"
                                                    : "a livepatch can be made; none was asked for"),
                            held);
                }
                yield new BacklogEntry(
                        row,
                        in.get().isSound()
                                ? BacklogEntry.State.CLOSED
                                : BacklogEntry.State.CLOSED_UNREVIEWED,
                        kept,
                        outcome.functions().size()
                                + (outcome.functions().size() == 1 ? " function" : " functions")
                                + (in.get().isSound() ? "" : "; " + Held.said(outcome.doubts())));
            }
        };
    }

    /** In plain words. */
    private static String refusal(Outcome outcome) {
        Outcome.Refusal first = outcome.problems().getFirst();
        return first.code()
                + ": "
                + (first.place().isEmpty() ? "" : first.place() + ": ")
                + first.message().lines().findFirst().orElse("");
    }
}
