package dev.rebootless.cli;

import dev.rebootless.release.publish.Withdrawal;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Takes a released livepatch back. */
@Command(
        name = "withdraw",
        description =
                "Take a released livepatch back: no host can load it any more, and the rings that"
                        + " should run it take it out.")
final class WithdrawCommand implements Callable<Integer> {
    private final Console console;

    @Parameters(paramLabel = "NAME", description = "The livepatch's name, as it was published.")
    private String name = "";

    @Mixin private RepositoryOptions repository = new RepositoryOptions();

    @Option(
            names = "--kernel",
            paramLabel = "KERNEL",
            description =
                    "Only for this kernel release or build id (default: all that it is released for).")
    private Optional<String> kernel = Optional.empty();

    @Option(
            names = "--instead",
            paramLabel = "NAME",
            description = "The released livepatch that these rings should run (default: none).")
    private Optional<String> instead = Optional.empty();

    @Option(names = "--json", description = Texts.JSON)
    private boolean json;

    WithdrawCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        return PublishCommand.print(
                console,
                json,
                repository.publisher().withdraw(new Withdrawal(name, kernel, instead)));
    }
}
