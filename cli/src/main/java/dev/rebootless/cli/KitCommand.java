package dev.rebootless.cli;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.kernel.DebianVersion;
import dev.rebootless.source.kit.DebianSuite;
import dev.rebootless.source.kit.KernelRequest;
import dev.rebootless.source.kit.Kit;
import dev.rebootless.source.kit.Kits;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Kits: all that is needed to build for one kernel build. */
@Command(
        name = "kit",
        description = "Prepare and show kits: all that is needed to build for one kernel build.",
        synopsisSubcommandLabel = "COMMAND",
        commandListHeading = "%nCommands:%n",
        footerHeading = "%nExample:%n",
        footer = "  rebootless kit add 6.1.0-56-cloud-amd64")
final class KitCommand implements Callable<Integer> {
    private final Console console;

    @Spec private CommandSpec spec = CommandSpec.create();

    private KitCommand(Console console) {
        this.console = console;
    }

    static CommandLine commandLine(Console console) {
        return new CommandLine(new KitCommand(console))
                .addSubcommand(new Add(console))
                .addSubcommand(new ListAll(console))
                .addSubcommand(new Show(console))
                .addSubcommand(new Remove(console));
    }

    @Override
    public Integer call() {
        console.help(spec.commandLine().getUsageMessage());
        return ExitStatus.USAGE.code();
    }

    private static Kits kits(Console console) {
        return new Kits(Kits.userCache(), console.progress());
    }

    private static void print(Console console, boolean json, List<Kit> kits, String text) {
        if (json) {
            console.print(Documents.KitList.of(kits));
        } else {
            console.print(text);
        }
    }

    /** Those of a release, or of one version of it. */
    private static List<Kit> require(Kits kits, String asked) {
        KernelRequest request = KernelRequest.parse(asked);
        List<Kit> found =
                kits.list().stream()
                        .filter(k -> k.facts().release().equals(request.release().text()))
                        .filter(k ->
                                request.version()
                                        .map(DebianVersion::text)
                                        .map(k.facts().packageVersion()::equals)
                                        .orElse(true))
                        .toList();
        if (found.isEmpty()) {
            List<String> there = kits.list().stream().map(KernelChoice::name).toList();
            throw RebootlessException.environment(
                    "RBL-KIT-UNKNOWN",
                    asked,
                    "there is no such kit; there "
                            + (there.isEmpty() ? "is none" : "are: " + String.join(", ", there)),
                    "add it with `rebootless kit add " + asked + "`");
        }
        return found;
    }

    @Command(name = "add", description = "Make the kit of a kernel build.")
    static final class Add implements Callable<Integer> {
        private final Console console;

        @Parameters(
                arity = "0..1",
                paramLabel = "RELEASE[=VERSION]",
                description =
                        "As uname -r prints it (default: with --from the one whose image package is"
                                + " in DIR; else the running kernel if it is Debian's, else the"
                                + " newest 6.1 cloud kernel that apt serves).")
        private Optional<String> kernel = Optional.empty();

        @Option(
                names = "--from",
                paramLabel = "DIR",
                description = "Take .deb files from this folder instead of asking apt.")
        private Optional<Path> from = Optional.empty();

        @Option(
                names = "--suite",
                paramLabel = "SUITE",
                description =
                        "Take the kernel, unless it is --from DIR, and the whole toolchain from"
                                + " this suite of Debian, such as trixie, whatever this machine"
                                + " runs; nothing is installed.")
        private Optional<String> suite = Optional.empty();

        @Option(names = "--json", description = Texts.JSON)
        private boolean json;

        Add(Console console) {
            this.console = console;
        }

        @Override
        public Integer call() {
            if (suite.isPresent() && kernel.isEmpty() && from.isEmpty()) {
                throw RebootlessException.usage(
                        "RBL-USAGE",
                        "--suite",
                        "needs a release, for what this machine runs is of another suite",
                        "name it: rebootless kit add RELEASE --suite " + suite.get());
            }
            Kits kits = kits(console);
            KernelChoice choice = new KernelChoice(console);
            KernelRequest request =
                    from.isPresent() ? choice.request(kernel, from.get()) : choice.request(kernel);
            Kit kit = kits.add(request.of(suite.map(DebianSuite::new)));
            print(console, json, List.of(kit), Reports.kit(kit));
            return ExitStatus.DONE.code();
        }
    }

    @Command(name = "list", description = "List the kits that are there.")
    static final class ListAll implements Callable<Integer> {
        private final Console console;

        @Option(names = "--json", description = Texts.JSON)
        private boolean json;

        ListAll(Console console) {
            this.console = console;
        }

        @Override
        public Integer call() {
            List<Kit> there = kits(console).list();
            if (there.isEmpty()) {
                console.say("there is no kit yet; `rebootless kit add` makes one");
            }
            print(console, json, there, Reports.kits(there));
            return ExitStatus.DONE.code();
        }
    }

    @Command(name = "show", description = "Show what a kit is made of.")
    static final class Show implements Callable<Integer> {
        private final Console console;

        @Parameters(paramLabel = "RELEASE[=VERSION]", description = "As `kit list` has it.")
        private String kernel = "";

        @Option(names = "--json", description = Texts.JSON)
        private boolean json;

        Show(Console console) {
            this.console = console;
        }

        @Override
        public Integer call() {
            List<Kit> found = require(kits(console), kernel);
            print(
                    console,
                    json,
                    found,
                    String.join("\n", found.stream().map(Reports::kit).toList()));
            return ExitStatus.DONE.code();
        }
    }

    @Command(
            name = "remove",
            description = "Remove the kits of a release; its packages stay in the cache.")
    static final class Remove implements Callable<Integer> {
        private final Console console;

        @Parameters(paramLabel = "RELEASE[=VERSION]", description = "As `kit list` has it.")
        private String kernel = "";

        @Option(names = "--json", description = Texts.JSON)
        private boolean json;

        Remove(Console console) {
            this.console = console;
        }

        @Override
        public Integer call() {
            Kits kits = kits(console);
            List<Kit> found = require(kits, kernel);
            for (Kit kit : found) {
                console.step("removing " + KernelChoice.name(kit));
                kits.remove(kit);
            }
            print(console, json, found, "");
            return ExitStatus.DONE.code();
        }
    }
}
