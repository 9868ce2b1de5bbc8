package dev.rebootless.host;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.base.ExitStatus;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class HostCommandTest {
    @TempDir Path root;
    private FakeHost host;
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    @BeforeEach
    void makeHost() {
        host = new FakeHost(root);
    }

    private HostCommand command() {
        return new HostCommand(
                new Machine(
                        host.files(),
                        new NoCalls(),
                        Ticker.SYSTEM,
                        livepatch -> Optional.empty(),
                        BootUnits.SYSTEMD),
                out,
                new PrintStream(err, true, StandardCharsets.UTF_8));
    }

    /** None of the commands here makes a system call. */
    private static final class NoCalls implements KernelCalls {
        @Override
        public int insert(byte[] module) {
            throw new AssertionError("a module is inserted");
        }

        @Override
        public int remove(String name) {
            throw new AssertionError("a module is removed");
        }

        @Override
        public Optional<String> log() {
            throw new AssertionError("the log is read");
        }
    }

    private ExitStatus run(String... arguments) {
        return command().run(HostCommand.recognize(List.of(arguments)).orElseThrow());
    }

    private String said() {
        return out.toString(StandardCharsets.UTF_8);
    }

    private JsonNode json() {
        return JsonMapper.builder().build().readTree(said());
    }

    private void twoLivepatches() {
        host.livepatch(
                Manifests.of("fix", false, List.of("CVE-2026-1"), List.of(), "do_open"), false);
        host.foreign("kpatch_other", "do_open,1");
    }

    @Test
    void otherCommandsAreNotRecognized() {
        assertThat(HostCommand.recognize(List.of("build", "status"))).isEmpty();
        assertThat(HostCommand.recognize(List.of("--json"))).isEmpty();
        assertThat(HostCommand.recognize(List.of())).isEmpty();
        assertThat(HostCommand.recognize(List.of("--json", "status")))
                .contains(List.of("status", "--json"));
    }

    @Test
    void theAgentsCommandsAreTheHosts() {
        assertThat(run("agent", "--help")).isEqualTo(ExitStatus.DONE);
        assertThat(said()).contains("rebootless agent enroll URL");
        assertThat(run("--json", "agent", "status")).isEqualTo(ExitStatus.ENVIRONMENT);
        assertThat(said()).contains("RBL-AGENT-NOT-ENROLLED");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "agent",
                "agent dance",
                "agent status now",
                "agent status --if-due",
                "agent report --token-file F",
                "agent enroll",
                "agent enroll https://server",
                "agent enroll https://server --fingerprint",
                "agent enroll https://server --fingerprint SHA256:00 --token-file F",
                "agent report --token"
            })
    void aWrongCallOfTheAgentIsOneErrorOfUsage(String line) {
        assertThat(run(line.split(" "))).isEqualTo(ExitStatus.USAGE);
        assertThat(err.toString(StandardCharsets.UTF_8)).startsWith("RBL-").contains("what to do");
    }

    @Test
    void statusSaysWhatIsInForceOnTopOfWhat() {
        twoLivepatches();
        assertThat(run("status", "--functions")).isEqualTo(ExitStatus.DONE);
        assertThat(said().lines())
                .containsExactly(
                        "kernel " + Manifests.RELEASE + ", build " + Manifests.BUILD_ID,
                        "livepatch_fix  in force  stacked  1 function  CVE-2026-1",
                        "kpatch_other  in force  replace unknown  1 function  foreign",
                        "CVE-2026-1  partly  livepatch_fix: 1 of its 1 functions are not in force: do_open",
                        "vmlinux  do_open  patched  kpatch_other on top of livepatch_fix");
    }

    @Test
    void statusAsJsonHasTheSame() {
        twoLivepatches();
        assertThat(run("--json", "status")).isEqualTo(ExitStatus.DONE);
        JsonNode json = json();
        assertThat(json.path("schemaVersion").asInt()).isEqualTo(1);
        assertThat(json.at("/livepatches/0/replace").asBoolean(true)).isFalse();
        assertThat(json.at("/livepatches/1/replace").isNull()).isTrue();
        assertThat(json.at("/livepatches/1/origin").asString()).isEqualTo("foreign");
        assertThat(json.at("/livepatches/1/cves").isArray()).isTrue();
        assertThat(json.at("/cves/0/state").asString()).isEqualTo("partly");
        assertThat(json.at("/functions/0/livepatches").size()).isEqualTo(2);
    }

    @Test
    void aHostWithoutLivepatchesSaysSo() {
        assertThat(run("list")).isEqualTo(ExitStatus.DONE);
        assertThat(said()).isEqualTo("no livepatch is loaded\n");
    }

    @Test
    void namesOfForeignModulesCannotWriteToTheTerminal() {
        host.foreign("evil\u001b[31m", "do_open,1");
        assertThat(run("list")).isEqualTo(ExitStatus.DONE);
        assertThat(said()).contains("evil?[31m").doesNotContain("\u001b");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "load",
                "load a.ko b.ko",
                "load --timeout",
                "load --timeout=0 a.ko",
                "load --timeout=x a.ko",
                "load --force a.ko",
                "unload",
                "unload --functions x",
                "cancel x",
                "list x",
                "status --timeout=3"
            })
    void aCommandLineThatIsNoneIsSaidToBe(String line) {
        assertThat(run(line.split(" "))).isEqualTo(ExitStatus.USAGE);
        assertThat(err.toString(StandardCharsets.UTF_8)).startsWith("RBL-USAGE: ");
        assertThat(said()).isEmpty();
    }

    @Test
    void aFailureIsADocumentWithJson() {
        host.remove("/sys/kernel/livepatch");
        assertThat(run("status", "--json")).isEqualTo(ExitStatus.ENVIRONMENT);
        assertThat(json().path("exitStatus").asInt()).isEqualTo(5);
        assertThat(json().at("/problems/0/code").asString()).isEqualTo("RBL-HOST-NO-LIVEPATCH");
    }

    @Test
    void aCommandThatDoesNotExistHereIsAnError() {
        HostCommand command = command();
        assertThat(command.runAny(List.of("laod", "x.ko"))).isEqualTo(ExitStatus.USAGE);
        assertThat(command.runAny(List.of())).isEqualTo(ExitStatus.USAGE);
        assertThat(command.runAny(List.of("--help"))).isEqualTo(ExitStatus.DONE);
        assertThat(HostCommand.recognize(List.of("--timeout", "120", "load", "x.ko")))
                .contains(List.of("load", "--timeout", "120", "x.ko"));
    }

    @Test
    void helpIsWhatWasAskedForAndGoesToStandardOutput() {
        assertThat(run("load", "--help")).isEqualTo(ExitStatus.DONE);
        assertThat(said()).startsWith("usage: rebootless load MODULE.ko");
    }
}
