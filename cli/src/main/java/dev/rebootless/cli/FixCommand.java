package dev.rebootless.cli;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.build.Build;
import dev.rebootless.build.BuildOutcome;
import dev.rebootless.build.BuildRequest;
import dev.rebootless.cve.CveId;
import dev.rebootless.host.HostFix;
import dev.rebootless.host.LoadRequest;
import dev.rebootless.source.kit.Kit;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.BooleanSupplier;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** A hole closed on this host: build, prove, load, install, verify. */
@Command(
        name = "fix",
        description =
                "Close CVEs on this host: build a livepatch for the running kernel, prove it by booting, load it, keep it"
                        + " for the next boots, and verify that it is in force.",
        footerHeading = "%nExample:%n",
        footer = {
            "  rebootless fix CVE-2026-12345",
            "  rebootless fix CVE-2026-12345 --patch fix.patch"
        })
final class FixCommand implements Callable<Integer> {
    private final Console console;
    private final BooleanSupplier debug;

    @Parameters(arity = "1..*", paramLabel = "CVE", description = "What is to be closed.")
    private List<String> cves = List.of();

    @Option(
            names = "--patch",
            arity = "1",
            paramLabel = "FILE",
            description =
                    "The fix as a unified diff (git format); may be repeated, in this order (default: it is looked for in the"
                            + " packaged sources).")
    private List<Path> patches = List.of();

    @Mixin private FeedOptions feeds = new FeedOptions();

    @Option(
            names = "--include-unreviewed",
            description =
                    "Without --patch: also a fix that changes locks, references, types or signatures that running code shares"
                            + " with the new, or of which not all that may be part of it is taken.")
    private boolean includeUnreviewed;

    @Option(
            names = {"-o", "--output"},
            paramLabel = "DIR",
            description = "Where the module and its manifest go (default: the current folder).")
    private Path folder = Path.of("");

    @Option(names = "--check", paramLabel = "SCRIPT", description = Texts.CHECK)
    private Optional<Path> check = Optional.empty();

    @Option(names = "--no-test", description = "Do not boot: load what no boot has proven.")
    private boolean noTest;

    @Option(names = "--no-install", description = "Do not load it at the next boots.")
    private boolean noInstall;

    @Option(names = "--dry-run", description = "Build and prove it; load and install nothing.")
    private boolean dryRun;

    @Option(
            names = "--timeout",
            paramLabel = "S",
            description = "Cancel a transition that takes longer (default: ${DEFAULT-VALUE} s).")
    private int timeout = LoadRequest.TIMEOUT;

    @Option(
            names = "--watch",
            paramLabel = "S",
            description = "Follow the kernel log afterwards (default: ${DEFAULT-VALUE} s).")
    private int watch = LoadRequest.WATCH;

    @Option(names = "--json", description = Texts.JSON_LINES)
    private boolean json;

    FixCommand(Console console, BooleanSupplier debug) {
        this.console = console;
        this.debug = debug;
    }

    @Override
    public Integer call() {
        requireSense();
        HostFix host = HostFix.ofThisMachine(json, console.out(), console.err());
        HostFix.Wish wish = new HostFix.Wish(cves, !dryRun, !noInstall);
        HostFix.Target target = host.look(wish);
        return switch (target.standing()) {
            case CLOSED -> ExitStatus.UNCHANGED.code();
            case NOT_KEPT -> {
                host.keep(folder.resolve("livepatch-" + wish.name() + ".ko"), noTest, wish);
                yield ExitStatus.DONE.code();
            }
            case OPEN -> build(host, target, wish).code();
        };
    }

    private ExitStatus build(HostFix host, HostFix.Target target, HostFix.Wish wish) {
        if (!target.replace()) {
            console.step("other livepatches are here: this one goes on top of them");
        }
        Kit kit = new KernelChoice(console).runningKit(target.release(), target.buildId());
        if (patches.isEmpty()) {
            BuildOutcome.Built built =
                    new FoundFixes(console, debug)
                            .build(
                                    feeds.find(console, kit, FeedOptions.Comparing.ALL),
                                    cves,
                                    includeUnreviewed,
                                    target.replace(),
                                    !noTest,
                                    wish.name(),
                                    folder,
                                    check);
            return finish(host, kit, built, wish);
        }
        BuildRequest request =
                new BuildRequest(
                        patches,
                        folder,
                        Optional.of(wish.name()),
                        target.replace(),
                        cves,
                        !noTest,
                        check);
        return switch (new Build(kit, console.progress(), debug.getAsBoolean()).run(request)) {
            case BuildOutcome.Built built -> finish(host, kit, built, wish);
            case BuildOutcome.Unchanged(List<String> warnings) -> {
                if (json) {
                    console.printLine(BuildCommand.unchanged(warnings));
                } else {
                    console.print(Reports.unchanged(warnings));
                }
                yield ExitStatus.UNCHANGED;
            }
            case BuildOutcome.Explained _ ->
                    throw new IllegalStateException("a build does not end with an explanation");
        };
    }

    private ExitStatus finish(HostFix host, Kit kit, BuildOutcome.Built built, HostFix.Wish wish) {
        if (json) {
            console.printLine(BuildCommand.document(built));
        } else {
            console.print(Reports.built(kit, built));
        }
        if (wish.load()) {
            host.apply(request(built.module()), wish);
        }
        return ExitStatus.DONE;
    }

    private void requireSense() {
        Inputs.requireFiles(patches);
        check.ifPresent(Inputs::requireFile);
        cves.forEach(CveId::new);
        requireSeconds("--timeout", timeout, 1);
        requireSeconds("--watch", watch, 0);
    }

    private static void requireSeconds(String option, int seconds, int least) {
        if (seconds < least || seconds > LoadRequest.MAX_SECONDS) {
            throw RebootlessException.usage(
                    "RBL-USAGE",
                    option,
                    "is a number of seconds from " + least + " to " + LoadRequest.MAX_SECONDS,
                    "give another");
        }
    }

    private LoadRequest request(Path module) {
        return new LoadRequest(
                module,
                Duration.ofSeconds(timeout),
                Duration.ofSeconds(watch),
                false,
                noTest,
                false,
                false);
    }
}
