package dev.rebootless.cli;

import dev.rebootless.base.FileFaults;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.build.exposure.CveRow;
import dev.rebootless.build.exposure.ExposedCves;
import dev.rebootless.build.exposure.FixSteps;
import dev.rebootless.cve.Changelog;
import dev.rebootless.cve.CveId;
import dev.rebootless.cve.CveList;
import dev.rebootless.cve.Exposure;
import dev.rebootless.cve.FeedFacts;
import dev.rebootless.cve.Feeds;
import dev.rebootless.cve.Severity;
import dev.rebootless.host.HostCves;
import dev.rebootless.host.files.HostFiles;
import dev.rebootless.kernel.DebianVersion;
import dev.rebootless.source.kit.KernelHistory;
import dev.rebootless.source.kit.Kit;
import dev.rebootless.source.kit.Kits;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;
import picocli.CommandLine.Option;

/** The options of all commands that list CVEs, and what they lead to. */
final class FeedOptions {
    @Option(names = "--kernel", paramLabel = "RELEASE[=VERSION]", description = Texts.KERNEL)
    private Optional<String> kernel = Optional.empty();

    @Option(
            names = "--to",
            paramLabel = "VERSION",
            description =
                    "The package version to compare with (default: the newest of the kernel's line"
                            + " that apt serves).")
    private Optional<String> to = Optional.empty();

    @Option(
            names = "--feed",
            paramLabel = "PLACE",
            description =
                    "CVE records (a file, or a folder of them), Debian's security tracker, CISA's list of known exploited"
                            + " vulnerabilities, NVD's answers, or a table of facts: a path or an https address; may be repeated.")
    private List<String> feeds = List.of();

    @Option(
            names = "--changelog",
            paramLabel = "FILE",
            description = "Read this changelog (as text) instead of the newest package's.")
    private Optional<Path> changelog = Optional.empty();

    @Option(
            names = "--loaded",
            paramLabel = "FILE",
            description =
                    "Which modules are loaded: what lsmod prints on the host in question (default: on the host itself, its own"
                            + " modules; elsewhere every module may be).")
    private Optional<Path> loaded = Optional.empty();

    /**
     * All that was found.
     *
     * @param host what this machine says, if it runs that kernel
     * @param history where the sources in between come from
     * @param steps the differences of the sources in between; empty where they were not compared,
     *     and cannot be
     */
    record Found(
            Kit kit,
            Changelog changelog,
            FeedFacts feeds,
            CveList list,
            ExposedCves exposed,
            List<CveRow> rows,
            HostCves host,
            Optional<KernelHistory> history,
            Optional<FixSteps> steps) {}

    /** Which sources in between are compared. */
    enum Comparing {
        /** All of them: what is not in the cache is got, some 150 MB and half a minute for each. */
        ALL,
        /** None, unless it was done before. */
        ONLY_KEPT
    }

    /**
     * Nothing is looked for in feeds.
     *
     * @param what is done instead
     * @throws RebootlessException exit status 2 where an option says that it is
     */
    void requireKernelOnly(String what) {
        List<String> given = new ArrayList<>();
        to.ifPresent(v -> given.add("--to"));
        changelog.ifPresent(v -> given.add("--changelog"));
        loaded.ifPresent(v -> given.add("--loaded"));
        if (!feeds.isEmpty()) {
            given.add("--feed");
        }
        if (!given.isEmpty()) {
            throw RebootlessException.usage(
                    "RBL-USAGE",
                    String.join(", ", given),
                    "nothing of it is needed " + what,
                    "leave it out, or name CVEs");
        }
    }

    /** The kit of the kernel that `--kernel` names. */
    Kit kit(Console console) {
        return new KernelChoice(console).kit(kernel);
    }

    /** For the kernel that `--kernel` names. */
    Found find(Console console, Comparing comparing) {
        return find(console, kit(console), comparing);
    }

    /** For the kernel of a kit. */
    Found find(Console console, Kit kit, Comparing comparing) {
        return find(console, kit, comparing, id -> true);
    }

    /**
     * For the kernel of a kit.
     *
     * @param wanted whose rows are asked for
     */
    Found find(Console console, Kit kit, Comparing comparing, Predicate<CveId> wanted) {
        changelog.ifPresent(Inputs::requireFile);
        loaded.ifPresent(Inputs::requireFile);
        Optional<DebianVersion> upTo = to.map(DebianVersion::new);
        Kits kits = new Kits(Kits.userCache(), console.progress());
        FeedFacts facts = Feeds.read(feeds, Kits.userCache().resolve("feeds"), console.progress());
        facts.warnings().forEach(console::say);
        Optional<KernelHistory> history =
                changelog.isPresent() ? Optional.empty() : Optional.of(kits.history(kit));
        KernelHistory.ChangelogText text =
                changelog
                        .map(FeedOptions::read)
                        .orElseGet(() -> history.orElseThrow().changelog(upTo));
        DebianVersion running = new DebianVersion(kit.facts().sourceVersion());
        Changelog parsed = Changelog.parseDownTo(text.text(), text.place(), running);
        DebianVersion target = upTo.orElse(parsed.newest());
        CveList list = CveList.of(parsed, facts, running, target, kits.suite(kit));
        HostCves host = HostCves.of(HostFiles.ofThisMachine(), kit.facts().buildId());
        Optional<Set<String>> modules =
                loaded.map(file -> HostCves.names(read(file).text())).or(host::modules);
        Optional<FixSteps> steps =
                history.flatMap(
                                h -> {
                                    List<DebianVersion> versions = h.sources(target);
                                    return switch (comparing) {
                                        case ALL -> Optional.of(h.differences(versions));
                                        case ONLY_KEPT -> h.kept(versions);
                                    };
                                })
                        .map(FixSteps::new);
        ExposedCves exposed =
                new ExposedCves(kit, modules, steps.orElse(FixSteps.NONE), console.progress());
        List<CveRow> rows =
                list.cves().stream()
                        .filter(cve -> wanted.test(cve.id()))
                        .map(exposed::row)
                        .toList();
        return new Found(kit, parsed, facts, list, exposed, rows, host, history, steps);
    }

    private static KernelHistory.ChangelogText read(Path file) {
        try {
            if (Files.size(file) > Changelog.MAX_CHARS) {
                throw RebootlessException.usage(
                        "RBL-FILE",
                        file.toString(),
                        "is too large to be a changelog or a list of modules",
                        "see whether it is the file you meant");
            }
            return new KernelHistory.ChangelogText(Files.readString(file), file.toString());
        } catch (IOException e) {
            throw RebootlessException.usage(
                    "RBL-FILE",
                    file.toString(),
                    "cannot be read as text: " + FileFaults.reason(e),
                    "give a text file");
        }
    }

    /** The severity that an option names. */
    static Severity severity(String option, String word) {
        return Severity.of(word)
                .filter(s -> s != Severity.UNKNOWN)
                .orElseThrow(() ->
                        RebootlessException.usage(
                                "RBL-USAGE",
                                option,
                                "is one of critical, important, moderate, low",
                                "give another"));
    }

    /** The number of rows of each exposure. */
    static Map<Exposure, Long> totals(List<CveRow> rows) {
        Map<Exposure, Long> totals = new TreeMap<>();
        for (Exposure each : Exposure.values()) {
            totals.put(each, rows.stream().filter(r -> r.exposure() == each).count());
        }
        return totals;
    }
}
