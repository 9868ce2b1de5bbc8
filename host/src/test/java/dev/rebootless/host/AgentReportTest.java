package dev.rebootless.host;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.RebootlessException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** Reports, over real TLS, to a server that verifies each signature and each number. */
class AgentReportTest {
    @TempDir Path folder;
    private AgentRig rig;

    @BeforeEach
    void makeRig() throws Exception {
        rig = new AgentRig(folder);
        rig.enrol();
    }

    @AfterEach
    void close() {
        rig.close();
    }

    private void report() {
        assertThat(rig.agent("report")).isEqualTo(ExitStatus.DONE);
    }

    private String sequence() throws IOException {
        return Files.readString(rig.host.path(AgentRig.AGENT + "/sequence")).strip();
    }

    @Test
    void aReportHasTheFactsAndTheNextOneSaysThatNothingChanged() throws IOException {
        rig.host.livepatch(AgentRig.livepatch("fix", true, "do_open"), false);
        report();
        assertThat(rig.fleet.asked()).containsExactly("/agent/v1/key", "facts");
        JsonNode facts = rig.fleet.facts.orElseThrow();
        assertThat(facts.path("hostname").asString()).isEqualTo("web7");
        assertThat(facts.path("release").asString()).isEqualTo(Manifests.RELEASE);
        assertThat(facts.path("buildId").asString()).isEqualTo(Manifests.BUILD_ID);
        assertThat(facts.path("bootId").asString()).isEqualTo(AgentRig.BOOT);
        assertThat(facts.path("bootTime").asString()).isEqualTo("2026-11-18T11:06:40Z");
        assertThat(facts.at("/livepatches/0/name").asString()).isEqualTo("livepatch_fix");
        assertThat(facts.at("/livepatches/0/objects/0/functions/0").asString())
                .isEqualTo("do_open");
        assertThat(facts.at("/functions/0/state").asString()).isEqualTo("patched");
        assertThat(facts.at("/cves/0/state").asString()).isEqualTo("closed");
        assertThat(facts.path("secureBoot").isNull()).isTrue();

        report();
        assertThat(rig.fleet.asked()).containsExactly("unchanged");
        assertThat(rig.fleet.lastSequence).isEqualTo(2);
        assertThat(sequence()).isEqualTo("2");
    }

    @Test
    void aChangeIsReportedWhole() {
        report();
        rig.host.put("/proc/sys/kernel/tainted", "4096\n");
        rig.fleet.asked();
        report();
        assertThat(rig.fleet.asked()).containsExactly("facts");
        assertThat(rig.fleet.facts.orElseThrow().path("taint").asLong()).isEqualTo(4096);
    }

    @Test
    void theBootTimeStaysThoughTheClockWasSet() {
        report();
        rig.host.put("/proc/stat", "cpu 1 2\nbtime 1795000007\n");
        rig.fleet.asked();
        report();
        assertThat(rig.fleet.asked()).containsExactly("unchanged");
    }

    @Test
    void aServerThatHasForgottenTheFactsGetsThemAtOnce() {
        report();
        rig.fleet.asked();
        rig.fleet.forgetsFacts = true;
        report();
        assertThat(rig.fleet.asked()).containsExactly("unchanged, of something else", "facts");
    }

    @Test
    void aReportWhoseAnswerWasLostIsSentAgainUnderAnotherNumber() {
        rig.fleet.canned.add(TestFleet.Canned.lost("/agent/v1/report"));
        report();
        assertThat(rig.fleet.asked()).containsExactly("/agent/v1/key", "facts", "facts");
        assertThat(rig.fleet.lastSequence).isEqualTo(2);
    }

    @Test
    void aKeyThatTheServerNoLongerKnowsIsReplaced() {
        report();
        rig.fleet.asked();
        rig.fleet.forgetKeys();
        report();
        assertThat(rig.fleet.asked())
                .containsExactly("/agent/v1/report RBL-FLEET-KEY", "/agent/v1/key", "unchanged");
    }

    @Test
    void aKeyIsReplacedBeforeItEnds() {
        report();
        rig.fleet.asked();
        rig.later(Duration.ofHours(23).plusMinutes(58));
        rig.releases.publish();
        report();
        assertThat(rig.fleet.asked()).containsExactly("/agent/v1/key", "unchanged");
    }

    @Test
    void aClockThatIsOffIsSaidInTheServersWords() {
        rig.fleet.now = rig.fleet.now.plus(Duration.ofMinutes(6));
        assertThat(rig.fails(ExitStatus.KERNEL_SAID_NO, "report").code())
                .isEqualTo("RBL-FLEET-CLOCK");
    }

    @Test
    void aClonedHostIsNotHeard() throws IOException {
        report();
        // The other machine with the same identity was ahead.
        rig.fleet.lastSequence = 17;
        assertThat(rig.fails(ExitStatus.KERNEL_SAID_NO, "report").code())
                .isEqualTo("RBL-FLEET-REPLAY");
        // Nothing is caught up by itself.
        assertThat(sequence()).isEqualTo("2");
    }

    @Test
    void aBusyServerIsAskedAgainWhenItSaysSo() {
        rig.fleet.canned.add(TestFleet.Canned.status("/agent/v1/report", 503, "RBL-FLEET-BUSY"));
        rig.fleet.canned.add(TestFleet.Canned.status("/agent/v1/report", 429, "RBL-FLEET-BUSY"));
        report();
        assertThat(rig.fleet.asked())
                .containsExactly(
                        "/agent/v1/key",
                        "/agent/v1/report canned",
                        "/agent/v1/report canned",
                        "facts");
        assertThat(rig.pauses).hasSize(2);
        // A second as it was asked for, and 2 and 4 more, spread.
        assertThat(rig.pauses.getFirst()).isBetween(Duration.ofSeconds(3), Duration.ofSeconds(4));
        assertThat(rig.pauses.getLast()).isBetween(Duration.ofSeconds(5), Duration.ofSeconds(7));
    }

    @Test
    void aServerThatStaysBusyIsLeftAloneUntilTheNextCall() {
        for (int i = 0; i < 9; i++) {
            rig.fleet.canned.add(
                    TestFleet.Canned.status("/agent/v1/report", 503, "RBL-FLEET-BUSY"));
        }
        assertThat(rig.fails(ExitStatus.KERNEL_SAID_NO, "report").code())
                .isEqualTo("RBL-FLEET-BUSY");
        assertThat(rig.fleet.canned).hasSize(5);
    }

    @Test
    void aServerThatIsNotThereIsSaidToBeSo() {
        rig.fleet.close();
        assertThat(rig.fails(ExitStatus.ENVIRONMENT, "report").code())
                .isEqualTo("RBL-AGENT-UNREACHABLE");
        assertThat(rig.pauses).hasSize(3);
    }

    @Test
    void anEndlessAnswerIsNotReadToItsEnd() {
        rig.fleet.canned.add(TestFleet.Canned.body("/agent/v1/report", new byte[8 << 20]));
        assertThat(rig.fails(ExitStatus.KERNEL_SAID_NO, "report").message())
                .contains("longer than");
    }

    @Test
    void aDamagedAnswerGivesOneClearErrorAndNothingIsBelieved() throws Exception {
        long seed = Long.getLong("rebootless.seed", System.nanoTime());
        System.out.println("seed " + seed);
        Random random = new Random(seed);
        report();
        byte[] good =
                ("{\"schemaVersion\":1,\"acknowledged\":3,\"ring\":\"canary\",\"intervalSeconds\":1800,"
                                + "\"whole\":false,\"reverse\":null}")
                        .getBytes(StandardCharsets.UTF_8);
        int refused = 0;
        for (int i = 0; i < 80; i++) {
            byte[] bad = good.clone();
            for (int n = 0; n <= random.nextInt(4); n++) {
                bad[random.nextInt(bad.length)] = (byte) random.nextInt(256);
            }
            rig.fleet.canned.add(TestFleet.Canned.body("/agent/v1/report", bad));
            try {
                ExitStatus _ = rig.agent("report");
            } catch (RebootlessException e) {
                refused++;
                assertThat(e.problems().getFirst().code()).isEqualTo("RBL-AGENT-ANSWER");
            }
            rig.fleet.canned.clear();
        }
        assertThat(refused).isGreaterThan(20);
        report();
    }

    @Test
    void nothingIsReportedBeforeItIsDue() throws IOException {
        report();
        rig.fleet.asked();
        rig.later(Duration.ofMinutes(20));
        assertThat(rig.agent("report", "--if-due")).isEqualTo(ExitStatus.UNCHANGED);
        assertThat(rig.fleet.asked()).isEmpty();
        rig.later(Duration.ofMinutes(3));
        assertThat(rig.agent("report", "--if-due")).isEqualTo(ExitStatus.DONE);
        assertThat(rig.fleet.asked()).containsExactly("unchanged");
    }

    @Test
    void twoCallsAtOnceDoNotMixTheirNumbers() throws Exception {
        try (var channel =
                        java.nio.channels.FileChannel.open(
                                rig.host.path(AgentRig.AGENT + "/lock"),
                                java.nio.file.StandardOpenOption.CREATE,
                                java.nio.file.StandardOpenOption.WRITE);
                var _ = channel.lock()) {
            assertThat(rig.fails(ExitStatus.REFUSED, "report").code()).isEqualTo("RBL-AGENT-BUSY");
        }
        assertThat(rig.fleet.asked()).isEmpty();
    }

    @Test
    void noKeyAndNoSignatureIsSaid() throws IOException {
        report();
        String key = Files.readString(rig.host.path(AgentRig.AGENT + "/key.json"));
        String secret = key.replaceAll(".*\"key\":\"([0-9a-f]{64})\".*", "$1").strip();
        assertThat(secret).hasSize(64);
        assertThat(rig.said()).doesNotContain(secret);
        rig.agent("status", "--json");
        assertThat(rig.printed()).contains(rig.fleet.hostId).doesNotContain(secret);
    }

    @Test
    void theRepositoryIsKeptAsItWasPublishedAndWhatIsNotNeededGoes() throws IOException {
        rig.wantLoaded(AgentRig.livepatch("fix", true, "do_open"));
        report();
        List<String> first = mirrored();
        assertThat(first)
                .contains("metadata/timestamp.json", "metadata/2.snapshot.json")
                .anyMatch(name -> name.endsWith(".livepatch.ko"))
                .anyMatch(name -> name.endsWith(".livepatch.json"));
        rig.want(Optional.empty(), List.of(), List.of());
        Files.delete(rig.host.path(AgentRig.AGENT + "/order.json"));
        report();
        assertThat(mirrored())
                .containsExactlyInAnyOrder(
                        "metadata/timestamp.json",
                        "metadata/3.snapshot.json",
                        "metadata/3.targets.json",
                        "metadata/3.state.json",
                        mirrored().getLast());
        assertThat(mirrored().getLast()).startsWith("targets/state/").endsWith(".canary.json");
    }

    private List<String> mirrored() throws IOException {
        Path mirror = rig.host.path(AgentRig.AGENT + "/repository");
        try (var all = Files.walk(mirror)) {
            return all.filter(Files::isRegularFile)
                    .map(f -> mirror.relativize(f).toString())
                    .sorted()
                    .toList();
        }
    }

    @Test
    void aFileThatWasDamagedHereIsGotAgain() throws IOException {
        report();
        Files.writeString(
                rig.host.path(AgentRig.AGENT + "/repository/metadata/1.targets.json"), "damaged");
        report();
        assertThat(rig.host.path(AgentRig.AGENT + "/repository/metadata/1.targets.json"))
                .hasBinaryContent(rig.releases.file("metadata/1.targets.json"));
    }

    @Test
    void whatIsNotBelievedDoesNotTakeTheBelievedOnesPlace() throws IOException {
        report();
        Path forged = rig.releases.folder.resolve("metadata/timestamp.json");
        byte[] good = Files.readAllBytes(forged);
        Files.writeString(
                forged,
                new String(good, StandardCharsets.UTF_8).replace("\"version\":1", "\"version\":9"));
        assertThat(rig.fails(ExitStatus.REFUSED, "report").code()).startsWith("RBL-TUF-");
        // The facts were told all the same.
        assertThat(rig.fleet.asked()).contains("unchanged");
        assertThat(rig.host.path(AgentRig.AGENT + "/repository/metadata/timestamp.json"))
                .hasBinaryContent(good);
    }

    @Test
    void whatCannotBeReadIsNullAndTheReportIsMadeAllTheSame() {
        for (String gone : List.of("/proc", "/sys", "/etc")) {
            rig.host.remove(gone);
        }
        // The facts are told; then nobody knows for which kernel something would be to be done.
        assertThat(rig.fails(ExitStatus.ENVIRONMENT, "report").code())
                .isEqualTo("RBL-HOST-UNREADABLE");
        assertThat(rig.fleet.asked()).contains("facts");
        JsonNode facts = rig.fleet.facts.orElseThrow();
        assertThat(facts.propertyNames())
                .contains(
                        "hostname",
                        "os",
                        "release",
                        "buildId",
                        "packageVersion",
                        "bootId",
                        "bootTime",
                        "modules",
                        "livepatches",
                        "functions",
                        "cves",
                        "secureBoot",
                        "lockdown",
                        "taint",
                        "commandLine",
                        "selinux",
                        "apparmor",
                        "kernelPackages",
                        "nextBoot",
                        "upgradable",
                        "rebootRequired");
        for (String field :
                List.of("hostname", "release", "livepatches", "cves", "secureBoot", "upgradable")) {
            assertThat(facts.path(field).isNull()).as(field).isTrue();
        }
        assertThat(facts.path("agent").asString()).isNotBlank();
    }

    @Test
    void aReportThatWouldBeTooLongDoesWithoutWhatIsLeastNeeded() {
        String[] functions = new String[3_000];
        for (int i = 0; i < functions.length; i++) {
            functions[i] = "function_with_a_name_as_long_as_the_kernel_has_them_" + i;
        }
        rig.host.livepatch(AgentRig.livepatch("huge", true, functions), false);
        report();
        JsonNode facts = rig.fleet.facts.orElseThrow();
        assertThat(facts.path("functions").isNull()).isTrue();
        assertThat(facts.at("/cves/0/state").asString()).isEqualTo("closed");
        assertThat(rig.said()).contains("functions: left out");
    }

    @Test
    void factsOfADebianHostAreReadFromItsFiles() throws IOException {
        rig.host.put(
                "/etc/os-release",
                "NAME=\"Debian\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n");
        rig.host.put("/proc/modules", "nf_tables 1 0 - Live 0x0\next4 1 0 - Live 0x0\n");
        rig.host.put("/proc/cmdline", "root=/dev/vda1 ro quiet\n");
        rig.host.put("/run/reboot-required", "*** System restart required ***\n");
        rig.host.put("/run/reboot-required.pkgs", "linux-image-6.1.0-56-amd64\nlibc6\nlibc6\n");
        rig.host.put(
                "/proc/version",
                "Linux version 6.1.0-99-cloud-amd64 (x) #1 SMP Debian 6.1.999-1 (2026-11-16)\n");
        rig.host.put(
                "/var/lib/dpkg/status",
                "Package: linux-image-6.1.0-99-cloud-amd64\nStatus: install ok installed\n"
                        + "Architecture: amd64\nVersion: 6.1.999-1\n\n");
        rig.host.put(
                "/var/lib/apt/lists/d_dists_bookworm-security_InRelease",
                "Suite: oldstable-security\nCodename: bookworm-security\n");
        rig.host.put(
                "/var/lib/apt/lists/d_dists_bookworm-security_main_binary-amd64_Packages",
                "Package: linux-image-6.1.0-99-cloud-amd64\nArchitecture: amd64\nVersion: 6.1.1000-1\n\n");
        report();
        JsonNode facts = rig.fleet.facts.orElseThrow();
        assertThat(facts.path("os").asString()).isEqualTo("Debian GNU/Linux 12 (bookworm)");
        assertThat(facts.path("packageVersion").asString()).isEqualTo("6.1.999-1");
        assertThat(facts.path("modules").toString()).isEqualTo("[\"ext4\",\"nf_tables\"]");
        assertThat(facts.path("commandLine").asString()).isEqualTo("root=/dev/vda1 ro quiet");
        assertThat(facts.path("rebootRequired").asBoolean()).isTrue();
        assertThat(facts.path("rebootRequiredBy").toString())
                .isEqualTo("[\"libc6\",\"linux-image-6.1.0-56-amd64\"]");
        assertThat(facts.path("kernelPackages").toString())
                .isEqualTo(
                        "[{\"package\":\"linux-image-6.1.0-99-cloud-amd64\",\"version\":\"6.1.999-1\",\"release\":\"6.1.0-99-cloud-amd64\"}]");
        assertThat(facts.path("upgradable").toString())
                .isEqualTo(
                        "[{\"package\":\"linux-image-6.1.0-99-cloud-amd64\",\"installed\":\"6.1.999-1\",\"candidate\":\"6.1.1000-1\",\"suite\":\"oldstable-security\"}]");
        assertThat(facts.path("lockdown").asString()).isEqualTo("none");
    }

    @Test
    void statusAsJsonHasTheFieldsOfItsSchemaAndNoOthers() throws IOException {
        rig.wantLoaded(AgentRig.livepatch("fix", true, "do_open"));
        rig.service();
        assertThat(rig.agent("status", "--json")).isEqualTo(ExitStatus.DONE);
        JsonNode status =
                tools.jackson.databind.json.JsonMapper.builder().build().readTree(rig.printed());
        Path schemas =
                Path.of(java.util.Objects.requireNonNull(System.getProperty("rebootless.root")))
                        .resolve("docs/schema");
        JsonNode schema =
                tools.jackson.databind.json.JsonMapper.builder()
                        .build()
                        .readTree(Files.readString(schemas.resolve("agent-status.schema.json")));
        assertThat(status.propertyNames())
                .containsExactlyInAnyOrderElementsOf(schema.path("properties").propertyNames());
        assertThat(status.path("outcome").propertyNames())
                .containsExactlyInAnyOrderElementsOf(
                        schema.at("/properties/outcome/properties").propertyNames());
        assertThat(status.at("/outcome/outcome").asString()).isEqualTo("done");
    }
}
