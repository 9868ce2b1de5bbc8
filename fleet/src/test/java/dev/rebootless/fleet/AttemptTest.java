package dev.rebootless.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What hosts are allowed to do, and what they say came of it. */
class AttemptTest {
    @TempDir private static Path data = Path.of("");
    private static @org.jspecify.annotations.Nullable TestFleet started;

    @BeforeAll
    static void start() throws Exception {
        started = TestFleet.start(data);
        fleet().rollOut();
    }

    @AfterAll
    static void stop() {
        fleet().close();
    }

    private static TestFleet fleet() {
        return java.util.Objects.requireNonNull(started);
    }

    private static TestClient.Answer load(TestHost host) throws Exception {
        return host.attempt("load", TestRelease.NAME, TestRelease.SHA256, TestRelease.BUILD_ID);
    }

    private static String allowed(TestClient.Answer answer) {
        TestFleet.require(answer, 200);
        return answer.json().path("attempt").stringValue();
    }

    private static void waits(TestClient.Answer answer) {
        assertThat(answer.status()).isEqualTo(409);
        assertThat(answer.code()).isEqualTo("RBL-FLEET-WAIT");
    }

    @Test
    void whatIsPublishedForRingAndBuildIsAllowed() throws Exception {
        TestClient.Answer answer = load(fleet().host("canary"));
        allowed(answer);
        assertThat(answer.json().path("limitSeconds").intValue()).isEqualTo(900);
    }

    @Test
    void anotherRingWaits() throws Exception {
        waits(load(fleet().host("early")));
    }

    @Test
    void whatIsNotPublishedWaits() throws Exception {
        TestHost host = fleet().host("canary");
        waits(
                host.attempt(
                        "load", TestRelease.NAME, TestRelease.SHA256, TestRelease.OTHER_BUILD_ID));
        waits(host.attempt("load", TestRelease.NAME, "cd".repeat(32), TestRelease.BUILD_ID));
        waits(host.attempt("load", "livepatch_other", TestRelease.SHA256, TestRelease.BUILD_ID));
        waits(host.attempt("unload", TestRelease.NAME, TestRelease.SHA256, TestRelease.BUILD_ID));
        waits(
                host.attempt(
                        "reverse", TestRelease.NAME, TestRelease.OLD_SHA256, TestRelease.BUILD_ID));
        allowed(
                host.attempt(
                        "unload", "livepatch_old", TestRelease.OLD_SHA256, TestRelease.BUILD_ID));
    }

    @Test
    void whatNoRolloutTakesOutIsNotReversed() throws Exception {
        waits(
                fleet().host("canary")
                        .attempt(
                                "reverse",
                                TestRelease.NAME,
                                TestRelease.SHA256,
                                TestRelease.BUILD_ID));
    }

    @Test
    void askingAgainGivesTheSameAttempt() throws Exception {
        TestHost host = fleet().host("canary");
        String first = allowed(load(host));
        assertThat(allowed(load(host))).isEqualTo(first);
        waits(
                host.attempt(
                        "unload", "livepatch_old", TestRelease.OLD_SHA256, TestRelease.BUILD_ID));
        TestFleet.require(host.outcome(first, "done"), 200);
        assertThat(allowed(load(host))).isNotEqualTo(first);
    }

    @Test
    void anAttemptThatSaidNothingIsAFailedOneAfterItsLimit() throws Exception {
        TestHost host = fleet().host("canary");
        String first = allowed(load(host));
        fleet().clock.advance(Duration.ofMinutes(16));
        waits(load(host));
        assertThat(host.outcome(first, "failed").status())
                .as("late, and still told")
                .isEqualTo(200);
    }

    @Test
    void theSameOutcomeIsAcknowledgedAgainAndAnotherContradicts() throws Exception {
        TestHost host = fleet().host("canary");
        String attempt = allowed(load(host));
        TestClient.Answer first = host.outcome(attempt, "done");
        assertThat(first.text())
                .isEqualTo("{\"schemaVersion\":1,\"acknowledged\":" + host.sequence + "}");
        TestFleet.require(host.outcome(attempt, "done"), 200);
        TestClient.Answer other = host.outcome(attempt, "failed");
        assertThat(other.status()).isEqualTo(409);
        assertThat(other.code()).isEqualTo("RBL-FLEET-OUTCOME");
    }

    @Test
    void anothersAttemptIsNone() throws Exception {
        String attempt = allowed(load(fleet().host("canary")));
        TestHost other = fleet().host("canary");
        assertThat(other.outcome(attempt, "done").status()).isEqualTo(404);
        assertThat(other.outcome(java.util.UUID.randomUUID().toString(), "done").status())
                .isEqualTo(404);
        assertThat(other.outcome("x", "done").status()).isEqualTo(404);
    }

    @Test
    void anAttemptThatIsSentAgainIsRefused() throws Exception {
        TestHost host = fleet().host("canary");
        allowed(load(host));
        host.sequence--;
        assertThat(load(host).code()).isEqualTo("RBL-FLEET-REPLAY");
    }

    @Test
    void wordsThatTheContractDoesNotHaveAreNotUnderstood() throws Exception {
        TestHost host = fleet().host("canary");
        assertThat(
                        host.attempt(
                                        "force",
                                        TestRelease.NAME,
                                        TestRelease.SHA256,
                                        TestRelease.BUILD_ID)
                                .status())
                .isEqualTo(400);
        assertThat(
                        host.attempt(
                                        "load",
                                        "../" + TestRelease.NAME,
                                        TestRelease.SHA256,
                                        TestRelease.BUILD_ID)
                                .status())
                .isEqualTo(400);
        assertThat(host.outcome(allowed(load(host)), "great").status()).isEqualTo(400);
    }
}
