package dev.rebootless.cli;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.build.Build;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** The command itself: its options hold for all subcommands. */
@Command(
        name = "rebootless",
        synopsisSubcommandLabel = "COMMAND",
        sortOptions = false,
        mixinStandardHelpOptions = true,
        scope = ScopeType.INHERIT,
        versionProvider = RebootlessCommand.Version.class,
        exitCodeListHeading = "%nExit status:%n",
        exitCodeList = {
            "0:done",
            "1:a fault of Rebootless itself; please report it",
            "2:the command line, or a file it names, is not what it should be",
            "3:nothing changed",
            "4:refused: no sound livepatch can be made of this patch, or it may not be loaded here",
            "5:the environment lacks something; the message says what, and how to get it",
            "6:the proof failed",
            "7:the kernel said no, or a transition timed out and was cancelled",
            "8:what --fail-on names was found",
            "130:interrupted"
        },
        descriptionHeading = "%n",
        description = "Fixes a running Linux kernel without a reboot.",
        commandListHeading = "%nCommands:%n",
        footerHeading = "%nTo begin:%n",
        footer = {
            "  rebootless explain fix.patch     what would change in which functions",
            "  rebootless build fix.patch       makes livepatch-fix.ko and proves it by booting",
            "  rebootless cves                  which CVEs this kernel has open",
            "  rebootless backlog               one livepatch for all that can be closed live",
            "",
            "On a host (rebootless load --help):",
            "  rebootless fix CVE --patch FILE  build, prove, load, install, verify, in one go",
            "  rebootless load livepatch-fix.ko loads it and follows it until it is in force",
            "  rebootless list, status          what is loaded, and what it closes",
            "  rebootless unload, cancel        take it out again, take back a transition",
            "",
            "For many hosts (docs/contract-releases.md):",
            "  rebootless keys init             keys of those who sign, and a repository",
            "  rebootless publish, promote      release a livepatch, say which rings run it",
            "  rebootless withdraw              take it back"
        })
final class RebootlessCommand implements Callable<Integer> {
    private final Console console;

    @Spec private CommandSpec spec = CommandSpec.create();

    @Option(
            names = "--debug",
            scope = ScopeType.INHERIT,
            description = "Show disassemblies with refusals and stack traces with faults.")
    private boolean debug;

    private RebootlessCommand(Console console) {
        this.console = console;
    }

    /**
     * The command with its subcommands. Taking a subcommand's class apart by reflection costs some
     * 20 ms: where the first argument names one, the others are left out.
     */
    static CommandLine commandLine(Console console, String[] args) {
        RebootlessCommand command = new RebootlessCommand(console);
        Map<String, Supplier<CommandLine>> subcommands = new LinkedHashMap<>();
        subcommands.put(
                "build", () -> new CommandLine(new BuildCommand(console, () -> command.debug)));
        subcommands.put(
                "explain", () -> new CommandLine(new ExplainCommand(console, () -> command.debug)));
        subcommands.put("fix", () -> new CommandLine(new FixCommand(console, () -> command.debug)));
        subcommands.put("cves", () -> new CommandLine(new CvesCommand(console)));
        subcommands.put(
                "backlog", () -> new CommandLine(new BacklogCommand(console, () -> command.debug)));
        subcommands.put("diff", () -> new CommandLine(new DiffCommand(console)));
        subcommands.put("test", () -> new CommandLine(new TestCommand(console)));
        subcommands.put("inspect", () -> new CommandLine(new InspectCommand(console)));
        subcommands.put("rebuild", () -> new CommandLine(new RebuildCommand(console)));
        subcommands.put("kit", () -> KitCommand.commandLine(console));
        subcommands.put("serve", () -> ServeCommand.commandLine(console));
        subcommands.put("keys", () -> KeysCommand.commandLine(console));
        subcommands.put("publish", () -> new CommandLine(new PublishCommand(console)));
        subcommands.put("promote", () -> new CommandLine(new PromoteCommand(console)));
        subcommands.put("withdraw", () -> new CommandLine(new WithdrawCommand(console)));
        if (args.length > 0 && subcommands.containsKey(args[0])) {
            subcommands.keySet().retainAll(Set.of(args[0]));
        }
        CommandLine whole = new CommandLine(command);
        subcommands.forEach((name, subcommand) -> whole.addSubcommand(name, subcommand.get()));
        return whole;
    }

    /** Without a subcommand there is nothing to do. */
    @Override
    public Integer call() {
        console.help(spec.commandLine().getUsageMessage());
        return ExitStatus.USAGE.code();
    }

    static final class Version implements CommandLine.IVersionProvider {
        @Override
        public String[] getVersion() {
            return new String[] {Build.TOOL};
        }
    }
}
