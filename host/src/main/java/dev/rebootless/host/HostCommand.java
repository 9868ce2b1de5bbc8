package dev.rebootless.host;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Printable;
import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.host.agent.AgentCommand;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * The host's commands: {@code load}, {@code unload}, {@code cancel}, {@code list}, {@code status}.
 * Their options are read by hand: the library that reads those of the builder's commands takes
 * longer to start than all that {@code status} does.
 */
public final class HostCommand {
    private static final Set<String> NAMES =
            Set.of(
                    "load",
                    "unload",
                    "cancel",
                    "list",
                    "status",
                    "install",
                    "uninstall",
                    "boot",
                    AgentCommand.NAME);

    private static final Set<String> WITH_OPERAND =
            Set.of("load", "unload", "install", "uninstall");

    private static final String USAGE =
            """
            usage: rebootless load MODULE.ko [--timeout S] [--watch S] [--reverse-on-warn] [--unproven]
                             [--allow-regression] [--replace-foreign]
                   rebootless unload NAME [--timeout S]
                   rebootless cancel [--timeout S]
                   rebootless list
                   rebootless status [--functions]
                   rebootless install MODULE.ko [--unproven] [--allow-regression]
                   rebootless uninstall NAME
                   rebootless boot [--timeout S] [--complete]
                   rebootless agent …, see `rebootless agent --help`

            load      looks whether the livepatch may be loaded here, loads it, and follows it until all tasks run the new
                      code; if that takes longer than --timeout (60 s), it is cancelled and taken out again; then the kernel log is
                      followed for --watch (30 s): an oops in the livepatch's code takes it out again
            unload    takes a livepatch out of force and out of the kernel
            cancel    takes back the transition that is running
            list      the livepatches that the kernel has, whoever made them
            status    the same, with the CVEs that they close and what is installed; --functions: with every function
            install   keeps a livepatch for its kernel, to be loaded early at each boot; loads nothing now
            uninstall leaves it out of the next boots; what is loaded stays
            boot      loads what is installed, for rebootless.service; rebootless.enable=0 on the kernel's command line
                      turns it off; --complete: the boot went well, what it loaded is no crash's cause

            --json    facts as JSON on standard output, and nothing else there
            --debug   stack traces with faults

            Exit status: 0 done · 2 usage · 3 nothing changed · 4 refused, nothing was touched · 5 the environment lacks
            something · 7 the kernel said no, or the transition timed out and was cancelled · 130 interrupted
            """;

    private final Machine machine;
    private final OutputStream out;
    private final PrintStream err;

    HostCommand(Machine machine, OutputStream out, PrintStream err) {
        this.machine = machine;
        this.out = out;
        this.err = err;
    }

    /** Of this machine. */
    public static HostCommand ofThisMachine(OutputStream out, PrintStream err) {
        return new HostCommand(Machine.thisOne(), out, err);
    }

    /**
     * Whether a command line is one of the host's.
     *
     * @return its arguments with the command's name in front, even where options stood before it;
     *     empty when it is none
     */
    public static Optional<List<String>> recognize(List<String> arguments) {
        for (int i = 0; i < arguments.size(); i++) {
            String word = arguments.get(i);
            if (word.equals("--timeout") || word.equals("--watch")) {
                i++;
            } else if (!word.startsWith("-")) {
                if (!NAMES.contains(word)) {
                    return Optional.empty();
                }
                List<String> ordered = new ArrayList<>(arguments);
                ordered.add(0, ordered.remove(i));
                return Optional.of(ordered);
            }
        }
        return Optional.empty();
    }

    /** Runs a command line of a host that has no other commands; one that is none is an error. */
    ExitStatus runAny(List<String> arguments) {
        Optional<List<String>> recognized = recognize(arguments);
        if (recognized.isPresent()) {
            return run(recognized.get());
        }
        if (arguments.contains("--help") || arguments.contains("-h")) {
            new EventPrinter(false, out, err).print(USAGE);
            return ExitStatus.DONE;
        }
        if (arguments.contains("fix")) {
            RebootlessException e = HostFix.noBuilderHere(machine.files(), arguments);
            return failed(e.status(), e.problems(), e, arguments, arguments.contains("--json"));
        }
        RebootlessException wrong =
                usage(
                        arguments.isEmpty()
                                ? "needs a command"
                                : "does not know '"
                                        + String.join(" ", arguments)
                                        + "' on this host");
        return failed(
                wrong.status(), wrong.problems(), wrong, arguments, arguments.contains("--json"));
    }

    /**
     * Runs one command.
     *
     * @param arguments the command's name, and what follows it, as {@link #recognize} gives them
     */
    public ExitStatus run(List<String> arguments) {
        boolean json = arguments.contains("--json");
        try {
            if (arguments.getFirst().equals(AgentCommand.NAME)) {
                return agent(json).run(arguments.subList(1, arguments.size()));
            }
            Call call = new Call(new ArrayDeque<>(arguments), json);
            ExitStatus status = call.run();
            call.printer.requireHeard();
            return status;
        } catch (RebootlessException e) {
            return failed(e.status(), e.problems(), e, arguments, json);
        } catch (RuntimeException | LinkageError | OutOfMemoryError e) {
            Problem fault =
                    new Problem(
                            "RBL-INTERNAL",
                            "",
                            "a fault of Rebootless itself: " + e,
                            "report it with the command and the output of the same command with --debug");
            return failed(ExitStatus.INTERNAL, List.of(fault), e, arguments, json);
        }
    }

    private AgentCommand agent(boolean json) {
        EventPrinter printer = new EventPrinter(json, out, err);
        return new AgentCommand(HostForAgent.machine(machine, printer), printer);
    }

    private ExitStatus failed(
            ExitStatus status,
            List<Problem> problems,
            Throwable failure,
            List<String> arguments,
            boolean json) {
        if (arguments.contains("--debug")) {
            failure.printStackTrace(err);
        }
        EventPrinter printer = new EventPrinter(json, out, err);
        problems.forEach(problem -> printer.say(problem.text()));
        if (json) {
            try {
                printer.print(HostJson.failure(status, problems));
            } catch (UncheckedIOException e) {
                printer.say(String.valueOf(e.getMessage()));
            }
        }
        return status;
    }

    /** One call of the command. */
    private final class Call {
        private final Deque<String> arguments;
        private final boolean json;
        private final EventPrinter printer;
        private Duration timeout = Duration.ofSeconds(LoadRequest.TIMEOUT);
        private Duration watch = Duration.ofSeconds(LoadRequest.WATCH);
        private boolean reverseOnWarn;
        private boolean unproven;
        private boolean allowRegression;
        private boolean replaceForeign;
        private boolean functions;
        private boolean complete;

        /** Of the timer: one of the name that was loaded again meanwhile stays. */
        private boolean leftOver;

        private boolean help;
        private Optional<String> operand = Optional.empty();

        Call(Deque<String> arguments, boolean json) {
            this.arguments = arguments;
            this.json = json;
            this.printer = new EventPrinter(json, out, err);
        }

        ExitStatus run() {
            String command = arguments.removeFirst();
            read(command);
            if (help) {
                printer.print(USAGE);
                return ExitStatus.DONE;
            }
            return switch (command) {
                case "load" -> load(required("load", "MODULE.ko"));
                case "unload" -> unload(required("unload", "NAME"));
                case "cancel" -> cancel();
                case "install" -> install(required("install", "MODULE.ko"));
                case "uninstall" -> uninstall(required("uninstall", "NAME"));
                case "boot" -> boot();
                case "list" -> list();
                case "status" -> status();
                default -> throw usage("does not know '" + command + "'");
            };
        }

        private void read(String command) {
            Set<String> known =
                    switch (command) {
                        case "load" ->
                                Set.of(
                                        "--timeout",
                                        "--watch",
                                        "--reverse-on-warn",
                                        "--unproven",
                                        "--allow-regression",
                                        "--replace-foreign");
                        case "unload" -> Set.of("--timeout", "--left-over");
                        case "cancel" -> Set.of("--timeout");
                        case "install" -> Set.of("--unproven", "--allow-regression");
                        case "boot" -> Set.of("--timeout", "--complete");
                        case "status" -> Set.of("--functions");
                        default -> Set.of();
                    };
            boolean takesOperand = WITH_OPERAND.contains(command);
            while (!arguments.isEmpty()) {
                String word = arguments.removeFirst();
                if (word.equals("--json") || word.equals("--debug")) {
                    continue;
                }
                if (word.equals("--help") || word.equals("-h")) {
                    help = true;
                } else if (word.startsWith("-")) {
                    option(command, word, known);
                } else if (takesOperand && operand.isEmpty()) {
                    operand = Optional.of(word);
                } else {
                    throw usage(command + " does not know '" + word + "'");
                }
            }
        }

        private void option(String command, String word, Set<String> known) {
            int equals = word.indexOf('=');
            String name = equals < 0 ? word : word.substring(0, equals);
            if (!known.contains(name)) {
                throw usage(command + " does not know the option '" + name + "'");
            }
            switch (name) {
                case "--timeout" ->
                        timeout =
                                seconds(
                                        name,
                                        1,
                                        equals < 0 ? next(name) : word.substring(equals + 1));
                case "--watch" ->
                        watch =
                                seconds(
                                        name,
                                        0,
                                        equals < 0 ? next(name) : word.substring(equals + 1));
                case "--reverse-on-warn" -> reverseOnWarn = true;
                case "--unproven" -> unproven = true;
                case "--allow-regression" -> allowRegression = true;
                case "--replace-foreign" -> replaceForeign = true;
                case "--functions" -> functions = true;
                case "--complete" -> complete = true;
                case "--left-over" -> leftOver = true;
                default -> throw usage(command + " does not know the option '" + name + "'");
            }
        }

        private String next(String option) {
            if (arguments.isEmpty()) {
                throw usage(option + " needs a number of seconds");
            }
            return arguments.removeFirst();
        }

        private static Duration seconds(String option, int least, String text) {
            try {
                int seconds = Integer.parseInt(text);
                if (seconds >= least && seconds <= LoadRequest.MAX_SECONDS) {
                    return Duration.ofSeconds(seconds);
                }
            } catch (NumberFormatException e) {
                // As it is said.
            }
            throw usage(
                    option
                            + " is a number of seconds from "
                            + least
                            + " to "
                            + LoadRequest.MAX_SECONDS
                            + ", not '"
                            + text
                            + "'");
        }

        private String required(String command, String what) {
            return operand.orElseThrow(() -> usage(command + " needs " + what));
        }

        private Livepatching livepatching() {
            return new Livepatching(machine, printer);
        }

        private ExitStatus load(String module) {
            livepatching()
                    .load(
                            new LoadRequest(
                                    path(module),
                                    timeout,
                                    watch,
                                    reverseOnWarn,
                                    unproven,
                                    allowRegression,
                                    replaceForeign));
            return ExitStatus.DONE;
        }

        private static Path path(String text) {
            try {
                return Path.of(text);
            } catch (java.nio.file.InvalidPathException e) {
                throw usage("'" + text + "' is no file name");
            }
        }

        private ExitStatus unload(String name) {
            if (!leftOver) {
                livepatching().unload(name, timeout);
                return ExitStatus.DONE;
            }
            return livepatching().removeLeftOver(name, timeout)
                    ? ExitStatus.DONE
                    : ExitStatus.UNCHANGED;
        }

        private Installing installing() {
            return new Installing(machine, printer);
        }

        private ExitStatus install(String module) {
            installing().install(path(module), unproven, allowRegression);
            return ExitStatus.DONE;
        }

        private ExitStatus uninstall(String name) {
            installing().uninstall(name);
            return ExitStatus.DONE;
        }

        private ExitStatus boot() {
            if (complete) {
                installing().bootComplete();
            } else {
                installing().boot(timeout);
            }
            return ExitStatus.DONE;
        }

        private ExitStatus cancel() {
            if (livepatching().cancel(timeout).isPresent()) {
                return ExitStatus.DONE;
            }
            printer.accept(new HostEvent.NoTransition());
            return ExitStatus.UNCHANGED;
        }

        private ExitStatus list() {
            HostState state = HostState.read(machine.files());
            printer.print(json ? HostJson.list(state) : Printable.text(HostText.list(state)));
            return ExitStatus.DONE;
        }

        private ExitStatus status() {
            HostState state = HostState.read(machine.files());
            printer.print(
                    json
                            ? HostJson.status(state)
                            : Printable.text(HostText.status(state, functions)));
            return ExitStatus.DONE;
        }
    }

    private static RebootlessException usage(String message) {
        return RebootlessException.usage(
                "RBL-USAGE", "rebootless", message, "see `rebootless load --help`");
    }
}
