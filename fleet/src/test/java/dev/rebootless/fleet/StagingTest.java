package dev.rebootless.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/**
 * Rollouts from order to end, with hosts that speak as the contract has it, a real database, and a
 * clock that is put forward.
 */
class StagingTest {
    private static final String ROLLOUT = "fix-1";

    /** The shortest that the engine takes with reports every half hour. */
    private static final Duration SOAK = Duration.ofHours(2);

    @TempDir Path data = Path.of("");
    private Optional<TestFleet> started = Optional.empty();

    @BeforeEach
    void start() throws Exception {
        TestFleet fleet = TestFleet.start(data, new TestClock(), Optional.of(TestDatabase.fresh()));
        TestRelease.publish(data.resolve("repository"), List.of("canary", "all"));
        started = Optional.of(fleet);
    }

    @AfterEach
    void stop() {
        started.ifPresent(TestFleet::close);
    }

    private TestFleet fleet() {
        return started.orElseThrow();
    }

    /** Enrolled, heard of, and on the kernel that the livepatch is for. */
    private TestHost host(String tag) throws Exception {
        TestHost host = fleet().host(tag);
        reports(host, "boot-1");
        return host;
    }

    private JsonNode reports(TestHost host, String boot) throws Exception {
        String facts =
                TestHost.facts("host", "6.1.0-56-cloud-amd64", "CVE-2026-0001", "closed")
                        .replace("\"enabled\":true", "\"enabled\":false")
                        .replace("\"bootId\":\"a\"", "\"bootId\":\"" + boot + "\"");
        TestClient.Answer answer = host.report(facts);
        TestFleet.require(answer, 200);
        return answer.json();
    }

    private static String plan(String name, String limit) {
        String ring =
                """
                {"ring":"%s","windows":[],"soak":"%s","limit":%s,"completePercent":100,
                 "halt":{"failures":{"hosts":2,"percent":50,"minimumSample":4},
                         "oopses":{"hosts":1,"percent":1,"minimumSample":1},
                         "silent":{"hosts":2,"percent":50,"minimumSample":4}},
                 "reverseOnHalt":true}
                """;
        return """
        {"schemaVersion":1,"name":"%s","livepatch":"%s","buildId":"%s","rings":[%s,%s]}
        """
                .formatted(
                        name,
                        TestRelease.NAME,
                        TestRelease.BUILD_ID,
                        ring.formatted("canary", SOAK, limit),
                        ring.formatted("all", SOAK, limit));
    }

    private TestClient.Answer post(String path, String body) throws Exception {
        return fleet().client.post(path, TestFleet.as(fleet().administrator()), body);
    }

    private void order(String limit) throws Exception {
        TestFleet.require(post("/api/v1/rollouts", plan(ROLLOUT, limit)), 201);
    }

    private JsonNode rollout() throws Exception {
        return fleet().get("/api/v1/rollouts/" + ROLLOUT);
    }

    /** The job decides only every half a minute. */
    private void until(String phase) throws Exception {
        long deadline = System.nanoTime() + Duration.ofMinutes(2).toNanos();
        while (!rollout().path("phase").stringValue().equals(phase)) {
            assertThat(System.nanoTime()).as(rollout().toString()).isLessThan(deadline);
            fleet().server.decideRollouts();
        }
    }

    private static TestClient.Answer load(TestHost host) throws Exception {
        return host.attempt("load", TestRelease.NAME, TestRelease.SHA256, TestRelease.BUILD_ID);
    }

    private static String allowed(TestClient.Answer answer) {
        TestFleet.require(answer, 200);
        return answer.json().path("attempt").stringValue();
    }

    private static void waits(TestClient.Answer answer, String why) {
        assertThat(answer.status()).as(answer.text()).isEqualTo(409);
        assertThat(answer.code()).isEqualTo("RBL-FLEET-WAIT");
        assertThat(answer.text()).contains(why);
    }

    private static void loads(TestHost host) throws Exception {
        TestFleet.require(host.outcome(allowed(load(host)), "done"), 200);
    }

    @Test
    void withoutARolloutNobodyActs() throws Exception {
        waits(load(host("canary")), "no rollout of this livepatch");
    }

    @Test
    void ringAfterRingWithASoakBetween() throws Exception {
        TestHost canary = host("canary");
        TestHost other = host("servers");
        order("{\"is\":\"hosts\",\"hosts\":1}");
        until("running");
        waits(load(other), "ring canary has not acted yet");
        loads(canary);
        until("soaking");
        waits(load(other), "ring canary soaks until");
        fleet().clock.advance(SOAK.plusMinutes(1));
        reports(canary, "boot-1");
        reports(other, "boot-1");
        until("running");
        loads(other);
        until("soaking");
        fleet().clock.advance(SOAK.plusMinutes(1));
        reports(canary, "boot-1");
        reports(other, "boot-1");
        until("done");
        assertThat(rollout().path("rings").path(1).path("standings").path("done").intValue())
                .isEqualTo(1);
        List<String> sentences = new ArrayList<>();
        try (var rows =
                TestDatabase.connect(fleet().database())
                        .createStatement()
                        .executeQuery(
                                "SELECT convert_from(bytes, 'UTF8') FROM audit_entry"
                                        + " WHERE action = 'rollout.decided' ORDER BY number")) {
            while (rows.next()) {
                sentences.add(rows.getString(1));
            }
        }
        assertThat(sentences).hasSizeGreaterThanOrEqualTo(5);
        assertThat(sentences.getFirst()).contains("canary");
    }

    @Test
    void noMoreThanTheLimitAreInTransitionHoweverManyAskAtOnce() throws Exception {
        List<TestHost> hosts = new ArrayList<>();
        for (int i = 0; i < 12; i++) {
            hosts.add(host("canary"));
        }
        order("{\"is\":\"hosts\",\"hosts\":3}");
        until("running");
        List<Thread> threads = new ArrayList<>();
        List<TestClient.Answer> answers = java.util.Collections.synchronizedList(new ArrayList<>());
        for (TestHost host : hosts) {
            threads.add(
                    Thread.ofVirtual()
                            .start(() -> {
                                try {
                                    TestClient.Answer answer = load(host);
                                    // Only some are heard at a time.
                                    while (answer.status() == 503) {
                                        Thread.sleep(100);
                                        answer = load(host);
                                    }
                                    answers.add(answer);
                                } catch (Exception e) {
                                    throw new AssertionError(e);
                                }
                            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(answers.stream().filter(a -> a.status() == 200)).hasSize(3);
        assertThat(answers.stream().filter(a -> a.status() == 409)).hasSize(9);
        assertThat(answers.stream().filter(a -> a.status() == 409))
                .allMatch(a -> a.text().contains("3 hosts of ring canary are in transition"));
    }

    @Test
    void anOopsHaltsAtOnceAndTheOthersAreToldToTakeItOut() throws Exception {
        TestHost one = host("canary");
        TestHost two = host("canary");
        TestHost three = host("canary");
        TestHost other = host("servers");
        order("{\"is\":\"hosts\",\"hosts\":3}");
        until("running");
        loads(one);
        String attempt = allowed(load(two));
        TestFleet.require(two.outcome(attempt, "reversed"), 200);
        // Before any job has decided.
        waits(load(three), "halted");
        until("reversing");
        waits(load(other), "had an oops");
        // A process remembers for some seconds who is told.
        String told = "";
        long deadline = System.nanoTime() + Duration.ofSeconds(30).toNanos();
        while (!told.equals(TestRelease.SHA256) && System.nanoTime() < deadline) {
            told = reports(one, "boot-1").path("reverse").stringValue("");
            fleet().clock.advance(Duration.ofSeconds(2));
        }
        assertThat(told).isEqualTo(TestRelease.SHA256);
        String reversal =
                allowed(
                        one.attempt(
                                "reverse",
                                TestRelease.NAME,
                                TestRelease.SHA256,
                                TestRelease.BUILD_ID));
        TestFleet.require(one.outcome(reversal, "done"), 200);
        until("reversed");
        assertThat(rollout().path("rings").path(0).path("standings").path("oopsed").intValue())
                .isEqualTo(1);
        waits(load(one), "counts as reversed");
    }

    @Test
    void hostsThatSayNothingWithinTheirLimitAreFailedAndHalt() throws Exception {
        TestHost one = host("canary");
        TestHost two = host("canary");
        order("{\"is\":\"hosts\",\"hosts\":3}");
        until("running");
        allowed(load(one));
        allowed(load(two));
        fleet().clock.advance(Duration.ofMinutes(16));
        until("reversed");
        assertThat(rollout().path("state").path("phase").path("rings").path(0).stringValue())
                .isEqualTo("canary");
    }

    @Test
    void aHostThatBootsAgainWhileItSoaksIsFailed() throws Exception {
        TestHost one = host("canary");
        order("{\"is\":\"hosts\",\"hosts\":3}");
        until("running");
        loads(one);
        reports(one, "boot-2");
        assertThat(rollout().path("rings").path(0).path("standings").path("failed").intValue())
                .isEqualTo(1);
    }

    @Test
    void aRolloutIsPausedResumedAndGivesWayToTheNext() throws Exception {
        TestHost one = host("canary");
        order("{\"is\":\"hosts\",\"hosts\":3}");
        until("running");
        String reason = "{\"schemaVersion\":1,\"reason\":\"lunch\"}";
        String base = "/api/v1/rollouts/" + ROLLOUT;
        TestFleet.require(post(base + "/pause", reason), 200);
        waits(load(one), "paused by");
        TestFleet.require(post(base + "/resume", reason), 200);
        loads(one);
        TestFleet.require(
                post("/api/v1/rollouts", plan("fix-2", "{\"is\":\"percent\",\"percent\":100}")),
                201);
        assertThat(rollout().path("phase").stringValue()).isEqualTo("superseded");
        assertThat(post(base + "/resume", reason).status()).isBetween(400, 409);
        // What was before counts no more.
        loads(one);
        assertThat(post("/api/v1/rollouts", plan("fix-2", "{\"is\":\"hosts\",\"hosts\":1}")).code())
                .isEqualTo("RBL-ROLLOUT-EXISTS");
    }

    @Test
    void whatWasTakenBackOnceMayBeTriedAgainByANewRollout() throws Exception {
        TestHost one = host("canary");
        order("{\"is\":\"hosts\",\"hosts\":3}");
        until("running");
        TestFleet.require(one.outcome(allowed(load(one)), "reversed"), 200);
        until("reversed");
        TestFleet.require(
                post("/api/v1/rollouts", plan("fix-2", "{\"is\":\"hosts\",\"hosts\":3}")), 201);
        fleet().clock.advance(Duration.ofSeconds(10));
        assertThat(reports(one, "boot-1").path("reverse").isNull()).isTrue();
        loads(one);
    }

    @Test
    void aHostThatCrashedInItsSoakDoesNotHealByAnotherBoot() throws Exception {
        TestHost one = host("canary");
        order("{\"is\":\"hosts\",\"hosts\":3}");
        until("running");
        loads(one);
        reports(one, "boot-2");
        fleet().clock.advance(SOAK.plusMinutes(1));
        reports(one, "boot-3");
        waits(load(one), "counts as failed");
    }

    @Test
    void hostsThatHaveItAlreadyCountAsDone() throws Exception {
        TestHost one = fleet().host("canary");
        TestFleet.require(
                one.report(
                        TestHost.facts("host", "6.1.0-56-cloud-amd64", "CVE-2026-0001", "closed")),
                200);
        order("{\"is\":\"hosts\",\"hosts\":3}");
        until("soaking");
        assertThat(rollout().path("rings").path(0).path("standings").path("done").intValue())
                .isEqualTo(1);
    }

    @Test
    void aTokenThatMayOnlyOperateResumesNoHalt() throws Exception {
        TestHost one = host("canary");
        TestHost two = host("canary");
        order("{\"is\":\"hosts\",\"hosts\":3}");
        until("running");
        TestClient.Answer made =
                post(
                        "/api/v1/tokens",
                        "{\"schemaVersion\":1,\"name\":\"robot\",\"scopes\":[\"operate\"],"
                                + "\"expiresInSeconds\":600}");
        TestFleet.require(made, 201);
        loads(one);
        TestFleet.require(two.outcome(allowed(load(two)), "reversed"), 200);
        until("reversing");
        TestClient.Answer resumed =
                fleet().client
                        .post(
                                "/api/v1/rollouts/" + ROLLOUT + "/resume",
                                TestFleet.as(made.json().path("token").stringValue()),
                                "{\"schemaVersion\":1,\"reason\":\"go on\"}");
        assertThat(resumed.status()).as(resumed.text()).isBetween(400, 409);
    }

    @Test
    void aDryRunSaysWhatWouldHappenAndChangesNothing() throws Exception {
        host("canary");
        TestClient.Answer dry =
                post("/api/v1/rollout-dry-runs", plan(ROLLOUT, "{\"is\":\"hosts\",\"hosts\":1}"));
        TestFleet.require(dry, 200);
        assertThat(dry.text()).contains("ring canary: 1 hosts", "ring all");
        assertThat(fleet().get("/api/v1/rollouts").path("rollouts").isEmpty()).isTrue();
    }

    @Test
    void plansThatAreNotSoundAreRefusedWithTheirReason() throws Exception {
        TestClient.Answer soak =
                post(
                        "/api/v1/rollouts",
                        plan(ROLLOUT, "{\"is\":\"hosts\",\"hosts\":1}").replace("PT2H", "PT10M"));
        assertThat(soak.status()).isEqualTo(400);
        assertThat(soak.code()).startsWith("RBL-ROLLOUT-");
        for (String limit : List.of("{\"is\":\"none\"}", "3", "null", "{\"hosts\":1}")) {
            TestClient.Answer bad = post("/api/v1/rollouts", plan(ROLLOUT, limit));
            assertThat(bad.status()).as(bad.text()).isEqualTo(400);
            assertThat(bad.code()).startsWith("RBL-ROLLOUT-");
        }
        TestClient.Answer unsigned =
                post(
                        "/api/v1/rollouts",
                        plan(ROLLOUT, "{\"is\":\"hosts\",\"hosts\":1}")
                                .replace(TestRelease.NAME, "livepatch_other"));
        assertThat(unsigned.code()).isEqualTo("RBL-ROLLOUT-UNSIGNED");
    }
}
