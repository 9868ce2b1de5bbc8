package dev.rebootless.cli;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.release.KeyFile;
import dev.rebootless.release.publish.KeyRotation;
import dev.rebootless.release.publish.NewRepository;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Keys of those who sign releases, and the repository that they sign for. */
@Command(
        name = "keys",
        description = "Keys of those who sign releases, and the repository that they sign for.",
        synopsisSubcommandLabel = "COMMAND",
        commandListHeading = "%nCommands:%n",
        footerHeading = "%nTo begin, on a machine that is not the server:%n",
        footer = "  rebootless keys init --repository repo --keys keys --online online")
final class KeysCommand implements Callable<Integer> {
    private final Console console;

    @Spec private CommandSpec spec = CommandSpec.create();

    private KeysCommand(Console console) {
        this.console = console;
    }

    static CommandLine commandLine(Console console) {
        return new CommandLine(new KeysCommand(console))
                .addSubcommand(new Init(console))
                .addSubcommand(new Make(console))
                .addSubcommand(new Show(console))
                .addSubcommand(new Rotate(console))
                .addSubcommand(new Refresh(console))
                .setCaseInsensitiveEnumValuesAllowed(true);
    }

    @Override
    public Integer call() {
        console.help(spec.commandLine().getUsageMessage());
        return ExitStatus.USAGE.code();
    }

    @Command(
            name = "init",
            description =
                    "Begin a repository: keys for all roles, and the first root, which hosts will trust.")
    static final class Init implements Callable<Integer> {
        private final Console console;

        @Option(
                names = "--repository",
                paramLabel = "DIR",
                required = true,
                description = "Where it goes; for a server later DATA/repository.")
        private Path repository = Path.of("");

        @Option(
                names = "--keys",
                paramLabel = "DIR",
                required = true,
                description =
                        "Where the folders `root` and `release` go. Their keys belong on no server.")
        private Path keys = Path.of("");

        @Option(
                names = "--online",
                paramLabel = "DIR",
                required = true,
                description =
                        "Where the keys of snapshot and timestamp go, which the server needs: DATA/keys.")
        private Path online = Path.of("");

        @Option(
                names = "--count",
                paramLabel = "N",
                description = "Keys of root and of release, each (default: ${DEFAULT-VALUE}).")
        private int count = 3;

        @Option(
                names = "--threshold",
                paramLabel = "N",
                description = "How many of them must sign (default: ${DEFAULT-VALUE}).")
        private int threshold = 2;

        Init(Console console) {
            this.console = console;
        }

        @Override
        public Integer call() {
            new NewRepository(repository, keys, online, count, threshold).create(Clock.systemUTC());
            console.print(
                    "%s is a repository; %s/root and %s/release have %d keys each, of which %d must sign%n"
                            .formatted(repository, keys, keys, count, threshold));
            return ExitStatus.DONE.code();
        }
    }

    @Command(name = "new", description = "Make a key pair (Ed25519) in a file.")
    static final class Make implements Callable<Integer> {
        private final Console console;

        @Parameters(paramLabel = "FILE", description = "Where it goes; must not be there.")
        private Path file = Path.of("");

        Make(Console console) {
            this.console = console;
        }

        @Override
        public Integer call() {
            console.print(KeyFile.create(file).id() + "\n");
            return ExitStatus.DONE.code();
        }
    }

    @Command(name = "show", description = "Show the names of keys, as metadata have them.")
    static final class Show implements Callable<Integer> {
        private final Console console;

        @Parameters(paramLabel = "FILE", arity = "1..*", description = "Files of key pairs.")
        private List<Path> files = List.of();

        Show(Console console) {
            this.console = console;
        }

        @Override
        public Integer call() {
            for (Path file : files) {
                console.print(KeyFile.read(file).key().id() + "  " + file + "\n");
            }
            return ExitStatus.DONE.code();
        }
    }

    @Command(
            name = "rotate",
            description = {
                "Replace the keys of a role (root, release, snapshot or timestamp) by as many new"
                        + " ones, because one was lost or may be in other hands.",
                "Needs the keys of root, and those of snapshot and timestamp that stay."
            })
    static final class Rotate implements Callable<Integer> {
        private final Console console;

        @Parameters(paramLabel = "ROLE", description = "${COMPLETION-CANDIDATES}, in any case.")
        private KeyRotation.Replaced role = KeyRotation.Replaced.ROOT;

        @Mixin private RepositoryOptions repository = new RepositoryOptions();

        @Option(
                names = "--new",
                paramLabel = "DIR",
                required = true,
                description = "Where the new keys go.")
        private Path folder = Path.of("");

        Rotate(Console console) {
            this.console = console;
        }

        @Override
        public Integer call() {
            int version =
                    new KeyRotation(
                                    repository.repository(),
                                    repository.trusted(),
                                    repository.keyring())
                            .rotate(role, folder, Clock.systemUTC());
            console.print(
                    "root %d is published; the new keys are in %s%n".formatted(version, folder));
            return ExitStatus.DONE.code();
        }
    }

    @Command(
            name = "refresh",
            description =
                    "Sign anew what soon expires, as far as the keys are at hand. A server does this"
                            + " by itself for snapshot and timestamp.")
    static final class Refresh implements Callable<Integer> {
        private final Console console;

        @Mixin private RepositoryOptions repository = new RepositoryOptions();

        @Option(names = "--json", description = Texts.JSON)
        private boolean json;

        Refresh(Console console) {
            this.console = console;
        }

        @Override
        public Integer call() {
            return PublishCommand.print(console, json, repository.publisher().refresh());
        }
    }
}
