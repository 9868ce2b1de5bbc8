package dev.rebootless.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.base.Subprocess;
import dev.rebootless.source.kit.KernelRequest;
import dev.rebootless.source.kit.Kit;
import dev.rebootless.source.kit.Kits;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A whole fleet on one machine: the server, and three Debian guests on two kernel releases. A CVE
 * is seen as exposed, closed ring by ring, and seen as closed; then a livepatch that passes its
 * proof and crashes in the field is halted at the canaries, and taken out of them. {@code
 * script/fleet} runs it.
 */
@Tag("long")
class FleetInGuestsTest {
    private static final int INTERVAL = 20;
    private static final Duration PATIENCE = Duration.ofMinutes(10);

    /** What the guests of QEMU's user network call this machine. */
    private static final String HOST = "10.0.2.2";

    /** Who reads /proc/version under this name crashes the bad livepatch. */
    private static final String TRIGGER = "reporter";

    @TempDir Path folder = Path.of("");
    private final List<AutoCloseable> open = new ArrayList<>();

    private void say(String line) {
        System.err.println("fleet: " + line);
    }

    private Cli.Result rebootless(int status, String... arguments) throws Exception {
        Cli.Result result = new Cli(folder).run(arguments);
        assertThat(result.status())
                .as("%s%n%s%n%s", List.of(arguments), result.out(), result.err())
                .isEqualTo(status);
        return result;
    }

    /** A kernel of the fleet, with what was built for it. */
    private record Kernel(Kit kit, Path modules) {
        String name() {
            return KernelChoice.name(kit);
        }

        String buildId() {
            return kit.facts().buildId();
        }
    }

    private record Host(String name, Kernel kernel, HostGuest guest) {}

    /** The oldest kernel of the line that apt serves misses the fixes of some uploads. */
    private List<Kernel> kernels() throws Exception {
        Subprocess.Result found =
                Subprocess.of(
                                "bash",
                                "-c",
                                "source script/lib.sh; oldest_and_newest_cloud_kernel 6.1")
                        .in(Cli.root())
                        .deadline(Duration.ofMinutes(1))
                        .run();
        assertThat(found.ok()).as(found.err()).isTrue();
        String oldest = found.out().split(" ")[0];
        Kits kits = new Kits(Kits.userCache(), step -> say(step));
        List<Kernel> kernels = new ArrayList<>();
        for (String release : List.of(oldest, oldest.replace("-cloud-amd64", "-amd64"))) {
            Kit kit = kits.add(KernelRequest.parse(release));
            Path modules = Files.createDirectories(folder.resolve("built-" + kernels.size()));
            kernels.add(new Kernel(kit, modules));
        }
        return kernels;
    }

    /** A CVE of the project's facts that both kernels have open, with a fix in one file. */
    private String exposedCve(List<Kernel> kernels) throws Exception {
        JsonMapper mapper = JsonMapper.builder().build();
        Path facts = Cli.root().resolve("demo/cve-facts.json");
        List<String> candidates = new ArrayList<>();
        mapper.readTree(Files.readString(facts))
                .path("facts")
                .forEach(fact -> {
                    if (fact.path("files").size() == 1) {
                        candidates.add(fact.path("id").asString());
                    }
                });
        for (Kernel kernel : kernels) {
            Cli.Result listed =
                    rebootless(
                            0,
                            "cves",
                            "--kernel",
                            kernel.name(),
                            "--feed",
                            facts.toString(),
                            "--json");
            Files.writeString(kernel.modules().resolve("cves.json"), listed.out());
            List<String> exposed = new ArrayList<>();
            listed.json("cves")
                    .path("cves")
                    .forEach(row -> {
                        if (row.path("exposure").asString().equals("exposed")) {
                            exposed.add(row.path("id").asString());
                        }
                    });
            candidates.retainAll(exposed);
        }
        for (String candidate : candidates) {
            if (kernels.stream().allMatch(kernel -> canBeClosed(kernel, candidate, facts))) {
                return candidate;
            }
        }
        throw new AssertionError("no fix of " + candidates + " can be built for both kernels");
    }

    private boolean canBeClosed(Kernel kernel, String cve, Path facts) {
        try {
            return new Cli(folder)
                            .run(
                                    "explain",
                                    cve,
                                    "--kernel",
                                    kernel.name(),
                                    "--feed",
                                    facts.toString())
                            .status()
                    == 0;
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    private void build(Kernel kernel, String cve) throws Exception {
        say("a livepatch of " + cve + " for " + kernel.name() + ", proven by boot");
        rebootless(
                0,
                "backlog",
                "--kernel",
                kernel.name(),
                "--feed",
                Cli.root().resolve("demo/cve-facts.json").toString(),
                "--cve",
                cve,
                "--include-unreviewed",
                "--other-line",
                "none",
                "--name",
                "fix",
                "-o",
                kernel.modules().toString());
    }

    /** It has all of the first livepatch, and a fault that no boot of the proof comes across. */
    private void buildBad(Kernel kernel) throws Exception {
        say("a bad livepatch for " + kernel.name() + ", which passes its proof as well");
        Path patch =
                TestKit.patch(
                        kernel.kit(),
                        folder,
                        "bad.patch",
                        "fs/proc/version.c",
                        "\tseq_printf(m, linux_proc_banner,",
                        "\tif (!strcmp(current->comm, \""
                                + TRIGGER
                                + "\"))\n\t\t*(volatile int *)8 = 1;\n"
                                + "\tseq_printf(m, linux_proc_banner,");
        List<String> arguments = new ArrayList<>(List.of("build"));
        try (var files = Files.newDirectoryStream(kernel.modules(), "fix-*.patch")) {
            List<String> fixes = new ArrayList<>();
            files.forEach(file -> fixes.add(file.toString()));
            fixes.sort(null);
            arguments.addAll(fixes);
        }
        Path own = Files.copy(patch, kernel.modules().resolve("zz-bad.patch"));
        arguments.add(own.toString());
        arguments.addAll(List.of("--kernel", kernel.name(), "--name", "bad"));
        arguments.addAll(List.of("-o", kernel.modules().toString()));
        JsonNode manifest =
                JsonMapper.builder()
                        .build()
                        .readTree(Files.readString(kernel.modules().resolve("livepatch-fix.json")))
                        .path("manifest");
        manifest.path("cves").forEach(cve -> arguments.addAll(List.of("--cve", cve.asString())));
        rebootless(0, arguments.toArray(String[]::new));
    }

    private void publish(Kernel kernel, String name) throws Exception {
        rebootless(
                0,
                "publish",
                kernel.modules().resolve("livepatch-" + name + ".ko").toString(),
                "--patch",
                kernel.modules().toString(),
                "--repository",
                "data/repository",
                "--keys",
                "keys/release",
                "--keys",
                "data/keys");
    }

    private void promote(String name) throws Exception {
        rebootless(
                0,
                "promote",
                name,
                "--ring",
                "canary",
                "--ring",
                "all",
                "--reversible-for",
                "2h",
                "--repository",
                "data/repository",
                "--keys",
                "keys/release",
                "--keys",
                "data/keys");
    }

    private record Server(Process process, JsonNode document, FleetApi api) {}

    private Server serve() throws Exception {
        Cli cli = new Cli(Files.createDirectories(folder.resolve("serve")));
        Process process =
                cli.start(
                        "serve",
                        "--data",
                        folder.resolve("data").toString(),
                        "--listen",
                        "127.0.0.1:0",
                        "--interval",
                        Integer.toString(INTERVAL),
                        "--json");
        open.add(() -> process.destroy());
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (Files.readString(cli.stdout()).isBlank()) {
            assertThat(process.isAlive()).as(Files.readString(cli.stderr())).isTrue();
            assertThat(System.nanoTime()).isLessThan(deadline);
            Thread.sleep(200);
        }
        JsonNode document = JsonMapper.builder().build().readTree(Files.readString(cli.stdout()));
        String port = document.path("url").asString().replaceAll(".*:", "");
        FleetApi api =
                new FleetApi("https://127.0.0.1:" + port, document.path("fingerprint").asString());
        api.setUp(document.path("setup").asString());
        say("rebootless serve: port " + port + ", " + document.path("fingerprint").asString());
        return new Server(process, document, api);
    }

    private Host boot(String name, Kernel kernel, Path files) throws Exception {
        say(name + " boots " + kernel.kit().facts().release());
        Path own = Files.createDirectories(folder.resolve(name));
        DebianGuest guest =
                DebianGuest.boot(kernel.kit(), own, files, DebianGuest.Hardware.inNetwork());
        open.add(guest);
        HostPackage.install(guest);
        guest.run("hostnamectl hostname " + name + "; systemd-sysusers; systemctl daemon-reload")
                .requireStatus(0);
        return new Host(name, kernel, new HostGuest(name, guest));
    }

    private void enrol(Host host, Server server, String tag) throws Exception {
        String token =
                server.api()
                        .post(
                                "/api/v1/enrolment-tokens",
                                Map.of("schemaVersion", 1, "tag", tag, "expiresInSeconds", 600))
                        .requireStatus(201)
                        .document()
                        .path("token")
                        .asString();
        String url = server.document().path("url").asString().replaceAll(".*:", HOST + ":");
        host.guest()
                .run(
                        "echo %s >/run/token; rebootless agent enroll https://%s --fingerprint %s --token-file /run/token; s=$?; rm /run/token; exit $s"
                                .formatted(
                                        token,
                                        url,
                                        server.document().path("fingerprint").asString()))
                .requireStatus(0);
        // Here the story says when they report; the timer would, every half hour.
        host.guest().run("systemctl stop rebootless-agent.timer");
        say(host.name() + " is enrolled with the tag " + tag);
    }

    /** One turn of the agent: report, and what is to be done. */
    private void turn(Host host) throws Exception {
        DebianGuest.Result turn =
                host.guest()
                        .run(
                                "systemctl start rebootless-agent.service; journalctl -b -u rebootless-agent.service -u rebootless-apply.service -o cat -n 40");
        System.err.println(host.name() + ": " + turn.out().strip() + turn.err());
    }

    private static JsonNode rollout(Server server, String name) throws Exception {
        return server.api().get("/api/v1/rollouts/" + name).requireStatus(200).document();
    }

    /** Everybody takes turns until a rollout is where it should come to. */
    private void until(Server server, String rollout, String phase, List<Host> hosts)
            throws Exception {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        String last = "";
        while (true) {
            JsonNode now = rollout(server, rollout);
            String line = now.path("phase").asString() + " " + now.path("rings");
            if (!line.equals(last)) {
                say("rollout " + rollout + ": " + line);
                last = line;
            }
            if (now.path("phase").asString().equals(phase)) {
                return;
            }
            assertThat(System.nanoTime()).as(now.toString()).isLessThan(deadline);
            for (Host host : hosts) {
                turn(host);
            }
        }
    }

    private void order(Server server, String name, Kernel kernel, String module) throws Exception {
        Map<String, Object> threshold = Map.of("hosts", 1, "percent", 1, "minimumSample", 1);
        List<Map<String, Object>> rings = new ArrayList<>();
        for (String ring : List.of("canary", "all")) {
            Map<String, Object> planned = new LinkedHashMap<>();
            planned.put("ring", ring);
            planned.put("windows", List.of());
            planned.put("soak", Duration.ofSeconds(4 * INTERVAL).toString());
            planned.put("limit", Map.of("is", "hosts", "hosts", 2));
            planned.put("completePercent", 100);
            planned.put(
                    "halt",
                    Map.of(
                            "failures",
                            threshold,
                            "oopses",
                            threshold,
                            "silent",
                            Map.of("hosts", 3, "percent", 100, "minimumSample", 3)));
            planned.put("reverseOnHalt", true);
            rings.add(planned);
        }
        Map<String, Object> body = new LinkedHashMap<>();
        body.put("schemaVersion", 1);
        body.put("name", name);
        body.put("livepatch", module);
        body.put("buildId", kernel.buildId());
        body.put("rings", rings);
        FleetApi.Reply dry = server.api().post("/api/v1/rollout-dry-runs", body).requireStatus(200);
        dry.document().path("lines").forEach(line -> say("  would: " + line.asString()));
        server.api().post("/api/v1/rollouts", body).requireStatus(201);
    }

    private String cveState(Host host, String cve) throws Exception {
        for (JsonNode row :
                JsonMapper.builder()
                        .build()
                        .readTree(host.guest().run("rebootless status --json").out())
                        .path("cves")) {
            if (row.path("id").asString().equals(cve)) {
                return row.path("state").asString();
            }
        }
        return "open";
    }

    private boolean isLoaded(Host host, String module) throws Exception {
        return host.guest().run("test -d /sys/kernel/livepatch/" + module).status() == 0;
    }

    @Test
    void aCveIsClosedRingByRingAndABadLivepatchIsHaltedAtTheCanariesAndReversed() throws Exception {
        try {
            List<Kernel> kernels = kernels();
            String cve = exposedCve(kernels);
            for (Kernel kernel : kernels) {
                build(kernel, cve);
                buildBad(kernel);
            }
            rebootless(
                    0,
                    "keys",
                    "init",
                    "--repository",
                    "data/repository",
                    "--keys",
                    "keys",
                    "--online",
                    "data/keys");
            Server server = serve();
            for (Kernel kernel : kernels) {
                server.api()
                        .put(
                                "/api/v1/kernels/" + kernel.buildId() + "/cves",
                                Files.readString(kernel.modules().resolve("cves.json")))
                        .requireStatus(200);
            }
            Path files = Files.createDirectories(folder.resolve("files"));
            HostPackage.make(files);
            List<Host> hosts =
                    List.of(
                            boot("one", kernels.get(0), files),
                            boot("two", kernels.get(0), files),
                            boot("three", kernels.get(1), files));
            enrol(hosts.get(0), server, "canary");
            enrol(hosts.get(1), server, "servers");
            enrol(hosts.get(2), server, "canary");
            for (Host host : hosts) {
                turn(host);
            }
            assertThat(cves(server, cve, "open")).isEqualTo(3);
            say(cve + " is exposed on 3 systems");

            for (Kernel kernel : kernels) {
                publish(kernel, "fix");
            }
            promote("fix");
            order(server, "fix-cloud", kernels.get(0), "livepatch_fix");
            order(server, "fix-generic", kernels.get(1), "livepatch_fix");
            until(server, "fix-cloud", "done", hosts);
            until(server, "fix-generic", "done", hosts);
            for (Host host : hosts) {
                assertThat(cveState(host, cve)).startsWith("closed");
            }
            turn(hosts.get(0));
            turn(hosts.get(1));
            turn(hosts.get(2));
            assertThat(cves(server, cve, "open")).isZero();
            assertThat(cves(server, cve, "closed", "closed-unreviewed")).isEqualTo(3);
            say(cve + " is closed on 3 systems");

            for (Kernel kernel : kernels) {
                publish(kernel, "bad");
            }
            promote("bad");
            // Something on the canary reads it all the time.
            hosts.get(0)
                    .guest()
                    .run(
                            "cp /bin/cat /run/%s; (while sleep 1; do /run/%s /proc/version; done) >/dev/null 2>&1 &"
                                    .formatted(TRIGGER, TRIGGER));
            order(server, "bad-cloud", kernels.get(0), "livepatch_bad");
            until(server, "bad-cloud", "reversed", hosts);
            JsonNode halted = rollout(server, "bad-cloud");
            say("halted: " + halted.path("state").path("phase"));
            assertThat(isLoaded(hosts.get(0), "livepatch_bad")).isFalse();
            assertThat(isLoaded(hosts.get(1), "livepatch_bad"))
                    .as("the ring after the canaries never had it")
                    .isFalse();
            say(
                    "the audit log: "
                            + rebootless(
                                            0,
                                            "serve",
                                            "--data",
                                            folder.resolve("data").toString(),
                                            "verify-audit")
                                    .out());
        } finally {
            for (AutoCloseable each : open.reversed()) {
                each.close();
            }
        }
    }

    /**
     * How many systems have a CVE so.
     *
     * @param states as the API has them
     */
    private static int cves(Server server, String cve, String... states) throws Exception {
        String after = "";
        while (true) {
            JsonNode page =
                    server.api()
                            .get("/api/v1/cves?limit=200" + after)
                            .requireStatus(200)
                            .document();
            for (JsonNode row : page.path("cves")) {
                if (row.path("id").asString().equals(cve)) {
                    int systems = 0;
                    for (String state : states) {
                        systems += row.path("systems").path(state).asInt();
                    }
                    return systems;
                }
            }
            String next = page.path("next").asString("");
            assertThat(next).as("no page has " + cve).isNotEmpty();
            after = "&after=" + next;
        }
    }
}
