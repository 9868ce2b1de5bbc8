package dev.rebootless.cli;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.build.BuildOutcome;
import dev.rebootless.build.backlog.Backlog;
import dev.rebootless.build.backlog.BacklogEntry;
import dev.rebootless.build.backlog.BacklogRequest;
import dev.rebootless.build.backlog.BacklogResult;
import dev.rebootless.build.backlog.Doubt;
import dev.rebootless.build.backlog.Held;
import dev.rebootless.build.backlog.Outcome;
import dev.rebootless.build.backlog.Selection;
import dev.rebootless.cve.CveId;
import dev.rebootless.cve.Severity;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BooleanSupplier;

/**
 * One livepatch of the fixes of named CVEs, found in the packaged sources: all of them, or none.
 */
final class FoundFixes {
    /** As {@code backlog} takes it; whoever names single CVEs never comes near. */
    private static final int MAX_FUNCTIONS = 200;

    private final Console console;
    private final BooleanSupplier debug;

    FoundFixes(Console console, BooleanSupplier debug) {
        this.console = console;
        this.debug = debug;
    }

    /**
     * Builds it.
     *
     * @throws RebootlessException exit status 4 with the reason for each CVE that cannot be closed;
     *     exit status 2 {@code RBL-CVE-UNKNOWN}; as {@link Backlog#run}
     */
    BuildOutcome.Built build(
            FeedOptions.Found found,
            List<String> cves,
            boolean includeUnreviewed,
            boolean replace,
            boolean test,
            String name,
            Path folder,
            Optional<Path> check) {
        Set<CveId> ids = ids(found, cves);
        Backlog backlog = backlog(found);
        Selection selection = selection(ids);
        // Whoever names a CVE takes on that its title is all there is to go by, and is told.
        Set<Doubt> takenOn = includeUnreviewed ? Doubt.UNREVIEWED : Set.of(Doubt.FILES_FROM_TITLE);
        // First whether all of them can be: half of what was asked for is not what was asked for.
        BacklogResult tried =
                backlog.run(
                        found.list(),
                        found.rows(),
                        request(selection, takenOn, replace, false, false, name, folder, check));
        requireAll(tried, ids);
        BacklogResult built =
                backlog.run(
                        found.list(),
                        found.rows(),
                        request(selection, takenOn, replace, test, true, name, folder, check));
        requireBuilt(built, ids);
        sayUnreviewed(built);
        return built.modules().getFirst();
    }

    /**
     * What can be said of the fixes of some CVEs: as they were tried before, or are now.
     *
     * @throws RebootlessException exit status 2 {@code RBL-CVE-UNKNOWN}; as {@link Backlog#run}
     */
    BacklogResult explain(FeedOptions.Found found, List<String> cves) {
        Set<CveId> ids = ids(found, cves);
        BacklogResult tried =
                backlog(found)
                        .run(
                                found.list(),
                                found.rows(),
                                request(
                                        selection(ids),
                                        Doubt.UNREVIEWED,
                                        true,
                                        false,
                                        false,
                                        "explain",
                                        Path.of(""),
                                        Optional.empty()));
        return tried.only(ids);
    }

    private static Set<CveId> ids(FeedOptions.Found found, List<String> cves) {
        Set<CveId> ids = new TreeSet<>();
        cves.forEach(c -> ids.add(new CveId(c)));
        for (CveId id : ids) {
            if (found.list().find(id).isEmpty()) {
                throw BacklogCommand.notInList(id, found);
            }
        }
        return ids;
    }

    private Backlog backlog(FeedOptions.Found found) {
        return new Backlog(
                found.kit(),
                found.exposed(),
                BacklogCommand.steps(found),
                List.of(),
                OtherLineOption.kept(found, console),
                BacklogCommand.work(found.kit()),
                debug.getAsBoolean(),
                console.progress());
    }

    private static Selection selection(Set<CveId> ids) {
        return new Selection(ids, false, Severity.LOW, false, false, Optional.empty(), 0);
    }

    private static BacklogRequest request(
            Selection selection,
            Set<Doubt> takenOn,
            boolean replace,
            boolean test,
            boolean build,
            String name,
            Path folder,
            Optional<Path> check) {
        return new BacklogRequest(
                selection,
                takenOn,
                replace,
                false,
                MAX_FUNCTIONS,
                test,
                build,
                name,
                folder,
                check);
    }

    private static void requireAll(BacklogResult tried, Set<CveId> ids) {
        List<Problem> problems = new ArrayList<>();
        for (BacklogEntry entry : tried.entries()) {
            if (!ids.contains(entry.row().cve().id())) {
                continue;
            }
            String id = entry.row().cve().id().text();
            Optional<Outcome> outcome = entry.outcome();
            if (outcome.isPresent() && !outcome.get().problems().isEmpty()) {
                Outcome.Refusal first = outcome.get().problems().getFirst();
                problems.add(
                        new Problem(
                                first.code(),
                                id
                                        + (first.place().isEmpty() || first.place().equals(id)
                                                ? ""
                                                : ": " + first.place()),
                                first.message(),
                                first.remedy()));
            } else if (outcome.isEmpty() || outcome.get().verdict() != Outcome.Verdict.BUILT) {
                problems.add(
                        new Problem(
                                "RBL-FIX-NOT-FOUND",
                                id,
                                entry.why(),
                                "leave it out: there is nothing to close on this kernel"));
            } else if (entry.held().filter(Held::isForAReviewer).isPresent()) {
                problems.add(
                        new Problem(
                                "RBL-FIX-UNREVIEWED",
                                id,
                                entry.why(),
                                "look at `rebootless backlog --cve "
                                        + id
                                        + " --try-only`, then give --include-unreviewed, or keep a yes with"
                                        + " `rebootless backlog --accept "
                                        + id
                                        + "`"));
            }
        }
        if (!problems.isEmpty()) {
            throw new RebootlessException(ExitStatus.REFUSED, problems);
        }
    }

    private void sayUnreviewed(BacklogResult built) {
        for (BacklogEntry entry : built.entries()) {
            if (entry.state() == BacklogEntry.State.CLOSED_UNREVIEWED) {
                console.say(
                        "%s: %s: %s"
                                .formatted(
                                        entry.row().cve().id(), entry.state().word(), entry.why()));
            }
        }
    }

    private static void requireBuilt(BacklogResult built, Set<CveId> ids) {
        List<Problem> problems = new ArrayList<>();
        for (BacklogEntry entry : built.entries()) {
            if (ids.contains(entry.row().cve().id()) && !entry.state().isDone()) {
                problems.add(
                        new Problem(
                                "RBL-FIX-TOGETHER",
                                entry.row().cve().id().text(),
                                entry.why(),
                                "close it by itself, without the others"));
            }
        }
        if (!problems.isEmpty() || built.modules().isEmpty()) {
            throw new RebootlessException(ExitStatus.REFUSED, problems);
        }
    }
}
