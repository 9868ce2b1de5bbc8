package dev.rebootless.host;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.host.agent.AgentCommand;
import dev.rebootless.host.agent.AgentMachine;
import dev.rebootless.manifest.Manifest;
import dev.rebootless.release.DesiredState;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** A host with an agent, a server and a repository, all but the kernel and systemd real. */
final class AgentRig implements AutoCloseable {
    static final String AGENT = "/var/lib/rebootless/agent";
    static final String APPLY = "/var/lib/rebootless/apply";
    static final String BOOT = "11111111-2222-3333-4444-555555555555";

    final FakeHost host;
    final KernelThatObeys kernel;
    final TestReleases releases;
    final TestFleet fleet;
    final Path scratch;
    final List<Duration> pauses = new ArrayList<>();
    final List<String> enabled = new ArrayList<>();
    final RecordedUnits units =
            new RecordedUnits() {
                @Override
                public void enable() {
                    kernel.at.accept("before units");
                    super.enable();
                    kernel.at.accept("after units");
                }
            };

    private Instant now = Instant.parse("2026-11-28T09:00:00Z");
    private ByteArrayOutputStream out = new ByteArrayOutputStream();
    private ByteArrayOutputStream err = new ByteArrayOutputStream();

    AgentRig(Path folder) throws Exception {
        host = new FakeHost(Files.createDirectories(folder.resolve("host")));
        host.put("/proc/sys/kernel/random/boot_id", BOOT + "\n");
        host.put("/proc/sys/kernel/hostname", "web7\n");
        host.put("/etc/machine-id", "0123456789abcdef0123456789abcdef\n");
        host.put("/proc/stat", "cpu 1 2\nbtime 1795000000\n");
        kernel = new KernelThatObeys(host);
        scratch = Files.createDirectories(folder.resolve("scratch"));
        releases = new TestReleases(Files.createDirectories(folder.resolve("repository")), now);
        fleet = new TestFleet(releases);
        fleet.now = now;
    }

    /** Time goes on, for host and server. */
    void later(Duration time) {
        now = now.plus(time);
        fleet.now = now;
        releases.now = now;
    }

    private Clock clock() {
        return new Clock() {
            @Override
            public ZoneId getZone() {
                return ZoneOffset.UTC;
            }

            @Override
            public Clock withZone(ZoneId zone) {
                return this;
            }

            @Override
            public Instant instant() {
                kernel.at.accept("clock");
                return now;
            }
        };
    }

    /** Calls {@code rebootless agent …}; what it throws comes through. */
    ExitStatus agent(String... arguments) {
        return agentWith("", arguments);
    }

    ExitStatus agentWith(String input, String... arguments) {
        out = new ByteArrayOutputStream();
        err = new ByteArrayOutputStream();
        EventPrinter printer =
                new EventPrinter(
                        List.of(arguments).contains("--json"),
                        out,
                        new PrintStream(err, true, StandardCharsets.UTF_8));
        Machine machine =
                new Machine(host.files(), kernel, kernel, name -> Optional.empty(), units);
        AgentMachine agent =
                new AgentMachine(
                        host.files(),
                        new HostForAgent(machine, printer),
                        System.getProperty("user.name"),
                        () -> enabled.add("rebootless-agent.timer"),
                        pauses::add,
                        clock(),
                        new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)));
        return new AgentCommand(agent, printer).run(List.of(arguments));
    }

    /** As {@link #agent}, and it must fail with one problem. */
    Problem fails(ExitStatus status, String... arguments) {
        try {
            ExitStatus was = agent(arguments);
            throw new AssertionError("it ended with " + was + ": " + said());
        } catch (RebootlessException e) {
            assertThat(e.status()).as(e.getMessage()).isEqualTo(status);
            return e.problems().getFirst();
        }
    }

    String said() {
        return err.toString(StandardCharsets.UTF_8);
    }

    String printed() {
        return out.toString(StandardCharsets.UTF_8);
    }

    void enrol() throws IOException {
        Path token = scratch.resolve("token");
        Files.writeString(token, fleet.token + "\n");
        assertThat(
                        agent(
                                "enroll",
                                fleet.url(),
                                "--fingerprint",
                                fleet.fingerprint(),
                                "--token-file",
                                token.toString()))
                .isEqualTo(ExitStatus.DONE);
        fleet.asked();
    }

    /** What the service and its units do. */
    void service() {
        assertThat(agent("report")).isEqualTo(ExitStatus.DONE);
        if (Files.exists(host.path(AGENT + "/order.json"))) {
            ExitStatus _ = apply();
            ExitStatus _ = agent("outcome");
        }
    }

    /** {@code agent apply}, whatever comes of it. */
    ExitStatus apply() {
        try {
            return agent("apply");
        } catch (RebootlessException e) {
            e.problems().forEach(p -> err.writeBytes(p.text().getBytes(StandardCharsets.UTF_8)));
            return e.status();
        }
    }

    /** Without the module's own name, which the manifest has. */
    static Manifest livepatch(String name, boolean replace, String... functions) {
        return Manifests.of(name, replace, List.of("CVE-2026-1000"), List.of(), functions);
    }

    DesiredState.Load release(Manifest manifest) throws IOException {
        return releases.release(scratch, manifest);
    }

    /** A state of the canary ring for the running kernel. */
    static DesiredState state(
            int version,
            Optional<DesiredState.Load> load,
            List<DesiredState.Unload> unload,
            List<DesiredState.Reversible> reversible) {
        return new DesiredState(
                Manifests.BUILD_ID, Manifests.RELEASE, "canary", version, load, unload, reversible);
    }

    /** Published: this livepatch is to be loaded. */
    DesiredState.Load wantLoaded(Manifest manifest) throws IOException {
        DesiredState.Load load = release(manifest);
        want(Optional.of(load), List.of(), List.of());
        return load;
    }

    void want(
            Optional<DesiredState.Load> load,
            List<DesiredState.Unload> unload,
            List<DesiredState.Reversible> reversible) {
        releases.want(state(releases.version + 1, load, unload, reversible));
        releases.publish();
    }

    /** Names of what the kernel has. */
    List<String> loaded() {
        return HostState.read(host.files()).livepatches().stream()
                .map(LoadedLivepatch::name)
                .toList();
    }

    /** Names of what is installed for the running kernel. */
    List<String> installed() {
        return HostState.read(host.files()).installed()
                        instanceof Store.Contents.Known(List<Store.Installed> modules)
                ? modules.stream().map(Store.Installed::name).toList()
                : List.of("unknown");
    }

    @Override
    public void close() {
        fleet.close();
    }
}
