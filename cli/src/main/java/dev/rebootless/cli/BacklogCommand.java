package dev.rebootless.cli;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.build.backlog.Backlog;
import dev.rebootless.build.backlog.BacklogRequest;
import dev.rebootless.build.backlog.BacklogResult;
import dev.rebootless.build.backlog.Doubt;
import dev.rebootless.build.backlog.GivenPatch;
import dev.rebootless.build.backlog.Outcome;
import dev.rebootless.build.backlog.Reviews;
import dev.rebootless.build.backlog.Selection;
import dev.rebootless.cve.CveId;
import dev.rebootless.cve.Severity;
import dev.rebootless.source.history.SourceDifference;
import dev.rebootless.source.kit.Kit;
import dev.rebootless.source.kit.Kits;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.function.BooleanSupplier;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Livepatches for all that is open. */
@Command(
        name = "backlog",
        description =
                "Make one livepatch of all fixes that this kernel lacks and that can be closed live, prove it by booting, and"
                        + " report which CVEs it closes and which wait for a reboot.",
        footerHeading = "%nExample:%n",
        footer = "  rebootless backlog --min-severity important --feed cve-records/ -o out")
final class BacklogCommand implements Callable<Integer> {
    /** More functions in one livepatch were not measured. */
    private static final int MAX_FUNCTIONS = 1000;

    private static final int MAX_SAMPLE = 100_000;

    private final Console console;
    private final BooleanSupplier debug;

    @Mixin private FeedOptions feeds = new FeedOptions();

    @Option(names = "--known-exploited", description = "Only CVEs that are known to be exploited.")
    private boolean knownExploited;

    @Option(
            names = "--min-severity",
            paramLabel = "S",
            description =
                    "Take what is critical, important, moderate or low, or worse, beside what is known to be exploited and what"
                            + " is of unknown severity (default: ${DEFAULT-VALUE}).")
    private String minSeverity = "important";

    @Option(names = "--only-known", description = "Leave out what is of unknown severity.")
    private boolean onlyKnown;

    @Option(
            names = "--cve",
            arity = "1",
            split = ",",
            paramLabel = "ID",
            description = "Only these CVEs; may be repeated.")
    private List<String> cves = List.of();

    @Option(
            names = "--patch",
            paramLabel = "[ID[,ID...]=]FILE",
            description =
                    "A fix that is given by hand, as a patch of this kernel's source, and the CVEs that it closes (default: those"
                            + " of --cve); may be repeated.")
    private List<String> patches = List.of();

    @Option(
            names = "--exposed",
            description = "Everything that this kernel is exposed to, whatever its severity.")
    private boolean exposed;

    @Option(
            names = "--listed-files",
            description = "Only CVEs whose files a feed lists, not those that only a title names.")
    private boolean listedFiles;

    @Mixin private OtherLineOption otherLine = new OtherLineOption();

    @Option(
            names = "--include-unreviewed",
            description =
                    "Also fixes that change locks, references, types or signatures that running code shares with the new, those"
                            + " of which not all that may be part of them is taken, and those whose files are known from their"
                            + " titles only.")
    private boolean includeUnreviewed;

    @Option(
            names = "--each",
            description = "One livepatch for each fix, to be stacked, instead of one for all.")
    private boolean each;

    @Option(
            names = "--max-functions",
            paramLabel = "N",
            description =
                    "As many functions as one livepatch may replace (default: ${DEFAULT-VALUE}).")
    private int maxFunctions = 200;

    @Option(
            names = "--sample",
            paramLabel = "N",
            description = "Only as many of them, drawn at random with --seed.")
    private Optional<Integer> sample = Optional.empty();

    @Option(
            names = "--seed",
            paramLabel = "S",
            description = "For --sample (default: a new one, which is printed).")
    private Optional<Long> seed = Optional.empty();

    @Option(
            names = "--try-only",
            description = "Only try each fix by itself; make no livepatch of them.")
    private boolean tryOnly;

    @Option(names = "--no-test", description = "Do not boot: what is built is unproven.")
    private boolean noTest;

    @Option(names = "--check", paramLabel = "SCRIPT", description = Texts.CHECK)
    private Optional<Path> check = Optional.empty();

    @Option(
            names = "--accept",
            split = ",",
            paramLabel = "ID",
            description =
                    "Keep a reviewer's yes to the fixes of these CVEs as they were tried; build nothing.")
    private List<String> accept = List.of();

    @Option(
            names = "--reject",
            split = ",",
            paramLabel = "ID",
            description = "Keep a reviewer's no to the fixes of these CVEs; build nothing.")
    private List<String> reject = List.of();

    @Option(
            names = "--name",
            paramLabel = "N",
            description = "The livepatch's name (default: ${DEFAULT-VALUE}).")
    private String name = "backlog";

    @Option(
            names = {"-o", "--output"},
            paramLabel = "DIR",
            description = "Where modules and reports go (default: the current folder).")
    private Path folder = Path.of("");

    @Option(names = "--json", description = Texts.JSON)
    private boolean json;

    BacklogCommand(Console console, BooleanSupplier debug) {
        this.console = console;
        this.debug = debug;
    }

    @Override
    public Integer call() {
        Selection selection = selection();
        check.ifPresent(Inputs::requireFile);
        FeedOptions.Found found = feeds.find(console, FeedOptions.Comparing.ALL);
        selection.ids().stream()
                .filter(id -> found.list().find(id).isEmpty())
                .findFirst()
                .ifPresent(id -> {
                    throw notInList(id, found);
                });
        if (knownExploited && found.feeds().exploited().isEmpty()) {
            throw RebootlessException.usage(
                    "RBL-USAGE",
                    "--known-exploited",
                    "no list of known exploited vulnerabilities was given",
                    "give one with --feed");
        }
        Backlog backlog =
                new Backlog(
                        found.kit(),
                        found.exposed(),
                        steps(found),
                        given(found),
                        otherLine.lazy(found, console),
                        work(found.kit()),
                        debug.getAsBoolean(),
                        console.progress());
        boolean reviewing = !accept.isEmpty() || !reject.isEmpty();
        BacklogResult result =
                backlog.run(
                        found.list(),
                        found.rows(),
                        new BacklogRequest(
                                selection,
                                includeUnreviewed ? Doubt.UNREVIEWED : Set.of(),
                                true,
                                each,
                                maxFunctions,
                                !noTest,
                                !tryOnly && !reviewing,
                                name,
                                folder,
                                check));
        if (reviewing) {
            review(result);
        }
        write(found, result);
        if (json) {
            console.print(BacklogDocuments.of(found, result));
        } else {
            console.print(BacklogText.of(found, result));
            result.modules()
                    .forEach(built -> console.print("\n" + Reports.built(found.kit(), built)));
        }
        boolean nothing = !tryOnly && !reviewing && result.modules().isEmpty();
        return (nothing ? ExitStatus.UNCHANGED : ExitStatus.DONE).code();
    }

    private Selection selection() {
        requireWithin("--max-functions", maxFunctions, 1, MAX_FUNCTIONS);
        sample.ifPresent(n -> requireWithin("--sample", n, 1, MAX_SAMPLE));
        Set<CveId> ids = new TreeSet<>();
        cves.forEach(c -> ids.add(new CveId(c)));
        accept.forEach(c -> ids.add(new CveId(c)));
        reject.forEach(c -> ids.add(new CveId(c)));
        Severity named = FeedOptions.severity("--min-severity", minSeverity);
        Severity least = exposed ? Severity.LOW : named;
        long drawn = seed.orElseGet(() -> System.nanoTime() & Integer.MAX_VALUE);
        if (sample.isPresent()) {
            console.step("seed " + drawn);
        }
        return new Selection(ids, knownExploited, least, onlyKnown, listedFiles, sample, drawn);
    }

    private List<GivenPatch> given(FeedOptions.Found found) {
        Set<CveId> named = new TreeSet<>();
        List<GivenPatch> given = new ArrayList<>();
        for (String patch : patches) {
            int equals = patch.startsWith("CVE-") ? patch.indexOf('=') : -1;
            List<String> words = equals < 0 ? cves : List.of(patch.substring(0, equals).split(","));
            Set<CveId> ids = new TreeSet<>();
            words.forEach(w -> ids.add(new CveId(w)));
            if (ids.isEmpty()) {
                throw RebootlessException.usage(
                        "RBL-USAGE",
                        "--patch " + patch,
                        "nothing says which CVEs it closes",
                        "add --cve ID, or give it as ID=FILE");
            }
            for (CveId id : ids) {
                if (found.list().find(id).isEmpty()) {
                    throw notInList(id, found);
                }
                if (!named.add(id)) {
                    throw RebootlessException.usage(
                            "RBL-USAGE",
                            "--patch " + patch,
                            "there is another patch for " + id,
                            "give one of them, or one patch of both");
                }
            }
            Path file = Path.of(patch.substring(equals + 1));
            Inputs.requireFile(file);
            given.add(GivenPatch.of(found.kit(), file, ids, work(found.kit())));
        }
        return given;
    }

    private static void requireWithin(String option, int value, int least, int most) {
        if (value < least || value > most) {
            throw RebootlessException.usage(
                    "RBL-USAGE",
                    option,
                    "is a number from " + least + " to " + most,
                    "give another");
        }
    }

    static RebootlessException notInList(CveId id, FeedOptions.Found found) {
        return RebootlessException.usage(
                "RBL-CVE-UNKNOWN",
                id.text(),
                "neither the changelog nor a feed says that it was fixed from %s to %s"
                        .formatted(found.list().running(), found.list().to()),
                "see the id, or give the fix itself: rebootless build FIX.patch --cve " + id);
    }

    /** The differences of what was packaged in between. */
    static List<SourceDifference> steps(FeedOptions.Found found) {
        return found.steps()
                .orElseThrow(() ->
                        RebootlessException.usage(
                                "RBL-USAGE",
                                "--changelog",
                                "only tells what is open; the sources in between come from apt",
                                "leave it out"))
                .list();
    }

    /** Where a kit's backlog is worked on and kept. */
    static Path work(Kit kit) {
        return Kits.userCache()
                .resolve("backlog")
                .resolve(kit.facts().release())
                .resolve(kit.facts().buildId());
    }

    private void review(BacklogResult result) {
        List<Outcome> outcomes =
                result.entries().stream()
                        .flatMap(e -> e.outcome().stream())
                        .filter(o -> o.verdict() == Outcome.Verdict.BUILT)
                        .toList();
        Set<String> tried = new TreeSet<>();
        outcomes.forEach(o -> tried.add(o.cve()));
        for (String id : accept) {
            if (!tried.contains(id)) {
                throw RebootlessException.usage(
                        "RBL-USAGE",
                        id,
                        "no livepatch of its fix can be made, so there is nothing to accept",
                        "see `rebootless backlog --cve " + id + "`");
            }
        }
        Path file = Backlog.reviewsOf(result.kit());
        Reviews.read(file)
                .with(
                        file,
                        outcomes,
                        accept.stream().map(CveId::new).toList(),
                        reject.stream().map(CveId::new).toList(),
                        Instant.now());
        console.step("kept in " + file);
    }

    private void write(FeedOptions.Found found, BacklogResult result) {
        SequencedMap<Path, byte[]> files = new LinkedHashMap<>();
        put(files, name + ".txt", BacklogText.of(found, result));
        put(files, name + ".json", Documents.text(BacklogDocuments.of(found, result)));
        put(files, name + ".html", BacklogPage.of(found, result));
        try {
            Files.createDirectories(folder);
            AtomicFiles.writeAll(files);
            console.step("the report is " + folder.resolve(name + ".html"));
        } catch (IOException e) {
            throw RebootlessException.environment(
                    "RBL-OUTPUT",
                    folder.toString(),
                    "cannot be written: " + e.getMessage(),
                    "free some space, or choose another folder with -o");
        }
    }

    private void put(SequencedMap<Path, byte[]> files, String file, String content) {
        files.put(folder.resolve(file), content.getBytes(StandardCharsets.UTF_8));
    }
}
