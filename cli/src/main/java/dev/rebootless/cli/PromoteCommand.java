package dev.rebootless.cli;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.release.publish.Promotion;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Says which rings should run a released livepatch. */
@Command(
        name = "promote",
        description =
                "Allow rings of hosts to run a released livepatch: their desired state, signed."
                        + " When each host does it, the server's rollout decides.")
final class PromoteCommand implements Callable<Integer> {
    /** A canary's soak time; whoever may order a livepatch out for longer could do harm. */
    private static final long MAX_DAYS = 30;

    private static final Pattern DURATION = Pattern.compile("(\\d{1,6})([hdm]?)");

    private final Console console;

    @Parameters(paramLabel = "NAME", description = "The livepatch's name, as it was published.")
    private String name = "";

    @Mixin private RepositoryOptions repository = new RepositoryOptions();

    @Option(
            names = "--ring",
            paramLabel = "RING",
            required = true,
            description = "A ring, such as canary; may be given more than once.")
    private List<String> rings = List.of();

    @Option(
            names = "--kernel",
            paramLabel = "KERNEL",
            description =
                    "Only for this kernel release or build id (default: all that it is released for).")
    private Optional<String> kernel = Optional.empty();

    @Option(
            names = "--reversible-for",
            paramLabel = "TIME",
            description =
                    "For so long the server may order it out of these rings again when a rollout"
                            + " fails, such as 24h, 30m or 2d (default: not at all).")
    private String reversible = "0";

    @Option(
            names = "--allow-regression",
            description = "It may lack CVEs or functions of what the ring should run now.")
    private boolean allowRegression;

    @Option(names = "--json", description = Texts.JSON)
    private boolean json;

    PromoteCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        Promotion promotion =
                new Promotion(name, kernel, rings, duration(reversible), allowRegression);
        return PublishCommand.print(console, json, repository.publisher().promote(promotion));
    }

    private static Duration duration(String text) {
        Matcher matcher = DURATION.matcher(text);
        if (matcher.matches() && (matcher.group(2).length() == 1 || text.equals("0"))) {
            long number = Long.parseLong(matcher.group(1));
            Duration duration =
                    switch (matcher.group(2)) {
                        case "d" -> Duration.ofDays(number);
                        case "m" -> Duration.ofMinutes(number);
                        default -> Duration.ofHours(number);
                    };
            if (duration.compareTo(Duration.ofDays(MAX_DAYS)) <= 0) {
                return duration;
            }
        }
        throw RebootlessException.usage(
                "RBL-USAGE",
                "--reversible-for",
                "'" + text + "' is no time of at most " + MAX_DAYS + " days",
                "give one such as 24h, 30m or 2d");
    }
}
