package dev.rebootless.host.agent;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.RebootlessException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;

/** The commands of {@code rebootless agent}. */
public final class AgentCommand {
    /** As it is called. */
    public static final String NAME = "agent";

    /** Of Rebootless, as it reports itself; the packages have no other. */
    private static final String VERSION = "0.1.0";

    private static final String USAGE =
            """
            usage: rebootless agent enroll URL --fingerprint SHA256:… --token-file FILE
                   rebootless agent report [--if-due]
                   rebootless agent apply
                   rebootless agent outcome
                   rebootless agent status

            enroll    makes this host one of a server's, as root; the server's certificate is told by its SHA-256,
                      the token is read from FILE, or from standard input (-); enables rebootless-agent.timer
            report    tells the server this host's facts, gets what this host should run, and asks whether that may
                      be done now; as the user rebootless, as rebootless-agent.service does
            apply     does it, if the signed state that it verifies says the same; as root, without network
            outcome   tells the server what came of it, as report
            status    whose this host is, and what was done last

            --json    status as one document, apply with the events of load and unload, on standard output
            --debug   stack traces with faults

            Exit status: 0 done · 2 usage · 3 nothing to do · 4 refused, nothing was touched · 5 the environment lacks
            something · 7 the kernel or the server said no · 130 interrupted
            """;

    private final AgentMachine machine;
    private final AgentOutput output;

    public AgentCommand(AgentMachine machine, AgentOutput output) {
        this.machine = machine;
        this.output = output;
    }

    /** What a command line says. */
    private record Line(
            List<String> operands,
            Optional<String> fingerprint,
            Optional<String> tokenFile,
            boolean ifDue,
            boolean help) {}

    /**
     * Runs one.
     *
     * @param arguments what follows {@code agent}
     */
    public ExitStatus run(List<String> arguments) {
        Line line = read(new ArrayDeque<>(arguments));
        if (line.help()) {
            output.print(USAGE);
            return ExitStatus.DONE;
        }
        String command = line.operands().isEmpty() ? "" : line.operands().getFirst();
        if (!command.equals("enroll")
                && (line.fingerprint().isPresent() || line.tokenFile().isPresent())) {
            throw usage(command + " has no options --fingerprint and --token-file");
        }
        if (line.ifDue() && !command.equals("report")) {
            throw usage(command + " has no option --if-due");
        }
        int most = command.equals("enroll") ? 2 : 1;
        if (line.operands().size() > most) {
            throw usage(command + " does not know '" + line.operands().get(most) + "'");
        }
        return switch (command) {
            case "enroll" -> enroll(line);
            case "report" -> new NetworkSide(machine, output, VERSION).report(line.ifDue());
            case "outcome" -> new NetworkSide(machine, output, VERSION).outcome();
            case "apply" -> new Applying(machine, output).run();
            case "status" -> new AgentStatus(machine, output).show();
            case "" -> throw usage("needs a command: enroll, report, apply, outcome or status");
            default -> throw usage("does not know '" + command + "'");
        };
    }

    private ExitStatus enroll(Line line) {
        if (line.operands().size() < 2) {
            throw usage("enroll needs the server's URL");
        }
        String fingerprint =
                line.fingerprint().orElseThrow(() -> usage("enroll needs --fingerprint SHA256:…"));
        String tokenFile =
                line.tokenFile().orElseThrow(() -> usage("enroll needs --token-file FILE, or -"));
        new Enrolment(machine, output)
                .enrol(line.operands().get(1), Fingerprint.parse(fingerprint), tokenFile);
        return ExitStatus.DONE;
    }

    private static Line read(Deque<String> arguments) {
        List<String> operands = new java.util.ArrayList<>();
        Optional<String> fingerprint = Optional.empty();
        Optional<String> tokenFile = Optional.empty();
        boolean ifDue = false;
        boolean help = false;
        while (!arguments.isEmpty()) {
            String word = arguments.removeFirst();
            int equals = word.startsWith("--") ? word.indexOf('=') : -1;
            String name = equals < 0 ? word : word.substring(0, equals);
            switch (name) {
                case "--json", "--debug" -> {}
                case "--help", "-h" -> help = true;
                case "--if-due" -> ifDue = true;
                case "--fingerprint" ->
                        fingerprint = Optional.of(value(name, word, equals, arguments));
                case "--token-file" ->
                        tokenFile = Optional.of(value(name, word, equals, arguments));
                default -> {
                    if (name.startsWith("-")) {
                        throw usage("does not know the option '" + name + "'");
                    }
                    operands.add(word);
                }
            }
        }
        return new Line(operands, fingerprint, tokenFile, ifDue, help);
    }

    private static String value(String name, String word, int equals, Deque<String> arguments) {
        if (equals >= 0) {
            return word.substring(equals + 1);
        }
        if (arguments.isEmpty()) {
            throw usage(name + " needs a value");
        }
        return arguments.removeFirst();
    }

    private static RebootlessException usage(String message) {
        return RebootlessException.usage(
                "RBL-USAGE", "rebootless agent", message, "see `rebootless agent --help`");
    }
}
