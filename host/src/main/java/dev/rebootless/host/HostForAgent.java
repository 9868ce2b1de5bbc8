package dev.rebootless.host;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.host.agent.AgentMachine;
import dev.rebootless.host.agent.AgentUnits;
import dev.rebootless.host.agent.LivepatchHost;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/** The host's commands as the agent uses them. */
final class HostForAgent implements LivepatchHost {
    private static final Duration TIMEOUT = Duration.ofSeconds(LoadRequest.TIMEOUT);
    private static final Duration WATCH = Duration.ofSeconds(LoadRequest.WATCH);
    private static final Duration BETWEEN_LOOKS = Duration.ofMillis(250);

    private final Machine machine;
    private final Consumer<HostEvent> events;

    HostForAgent(Machine machine, Consumer<HostEvent> events) {
        this.machine = machine;
        this.events = events;
    }

    /** This machine, for the agent. */
    static AgentMachine machine(Machine machine, Consumer<HostEvent> events) {
        return new AgentMachine(
                machine.files(),
                new HostForAgent(machine, events),
                AgentMachine.USER,
                AgentUnits.SYSTEMD,
                machine.ticker()::sleep,
                Clock.systemUTC(),
                System.in);
    }

    @Override
    public Kernel kernel() {
        RunningKernel kernel = RunningKernel.read(machine.files());
        return new Kernel(
                kernel.release(),
                kernel.buildId(),
                RunningKernel.debianVersion(
                        machine.files().read("/proc/version").known().orElse("")));
    }

    @Override
    public String bootId() {
        return new BootAttempt(machine.files()).bootId();
    }

    @Override
    public List<Loaded> loaded() {
        return new Livepatches(machine.files())
                .all().stream()
                        .map(l -> new Loaded(l.name(), l.enabled(), l.inTransition()))
                        .toList();
    }

    @Override
    public String status() {
        return HostJson.status(HostState.read(machine.files()));
    }

    @Override
    public Optional<List<Kept>> kept(String release, String buildId) {
        return switch (new Store(machine.files(), release, buildId).contents()) {
            case Store.Contents.Known(List<Store.Installed> modules) ->
                    Optional.of(
                            modules.stream()
                                    .map(m -> new Kept(m.name(), m.sha256(), m.skipped()))
                                    .toList());
            case Store.Contents.Unknown _ -> Optional.empty();
        };
    }

    @Override
    public void load(Path module, String name, boolean mayLose, Progress progress) {
        Consumer<HostEvent> both =
                event -> {
                    events.accept(event);
                    if (event instanceof HostEvent.InForce(_, double seconds)) {
                        progress.inForce(seconds);
                    }
                };
        LoadRequest request = new LoadRequest(module, TIMEOUT, WATCH, false, false, mayLose, false);
        new Livepatching(machine, both)
                .load(
                        request,
                        read -> {
                            requireName(read, name);
                            progress.cleared();
                        });
    }

    private static void requireName(ModuleToLoad module, String name) {
        if (!module.name().equals(name)) {
            throw unfit(module, "is the module " + module.name() + ", and the state says " + name);
        }
    }

    private static RebootlessException unfit(ModuleToLoad module, String why) {
        return RebootlessException.refused(
                "RBL-AGENT-STATE",
                module.path().toString(),
                why,
                "whoever publishes has to sign a state that fits what is released");
    }

    @Override
    public void install(Path module, String name, String buildId, boolean mayLose) {
        ModuleToLoad read = ModuleToLoad.read(module);
        requireName(read, name);
        if (!read.manifest().kernel().buildId().equals(buildId)) {
            throw unfit(read, "is for another kernel build than the state");
        }
        new Installing(machine, events).install(module, false, mayLose);
    }

    @Override
    public void uninstall(String release, String buildId, String name) {
        new Installing(machine, events).uninstall(release, buildId, name);
    }

    @Override
    public void unload(String name) {
        new Livepatching(machine, events).unload(name, TIMEOUT);
    }

    @Override
    public boolean settle() {
        long start = machine.ticker().nanos();
        while (loaded().stream().anyMatch(Loaded::transition)) {
            if (machine.ticker().nanos() - start > TIMEOUT.toNanos()) {
                return false;
            }
            machine.ticker().sleep(BETWEEN_LOOKS);
        }
        return true;
    }
}
