package dev.rebootless.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How a host gets the key that it signs its messages with. */
class HostKeyTest {
    @TempDir private static Path data = Path.of("");
    private static @org.jspecify.annotations.Nullable TestFleet started;

    @BeforeAll
    static void start() throws Exception {
        started = TestFleet.start(data);
    }

    @AfterAll
    static void stop() {
        fleet().close();
    }

    private static TestFleet fleet() {
        return java.util.Objects.requireNonNull(started);
    }

    @Test
    void aKeyIsGoodForADay() throws Exception {
        TestHost host = fleet().host("canary");
        assertThat(host.report(facts()).status()).isEqualTo(200);
        fleet().clock.advance(Duration.ofHours(23));
        assertThat(host.report(facts()).status()).isEqualTo(200);
        fleet().clock.advance(Duration.ofHours(2));
        TestClient.Answer expired = host.report(facts());
        assertThat(expired.status()).isEqualTo(401);
        assertThat(expired.code()).isEqualTo("RBL-FLEET-KEY");
        TestFleet.require(host.getKey(), 200);
        assertThat(host.report(facts()).status()).isEqualTo(200);
    }

    private static String facts() {
        return TestHost.facts("a.example", "6.1.0-56-cloud-amd64", "CVE-2026-0001", "closed");
    }

    @Test
    void aClockThatIsFiveMinutesOffIsToldTheTime() throws Exception {
        TestHost host = fleet().host("canary");
        for (Duration off : new Duration[] {Duration.ofMinutes(-6), Duration.ofMinutes(6)}) {
            TestClient.Answer answer =
                    host.getKey(fleet().clock.instant().plus(off).toString(), TestHost.hex(16));
            assertThat(answer.status()).isEqualTo(401);
            assertThat(answer.code()).isEqualTo("RBL-FLEET-CLOCK");
            assertThat(answer.text()).contains(fleet().clock.instant().toString().substring(0, 13));
        }
        assertThat(
                        host.getKey(
                                        fleet().clock.instant().minusSeconds(240).toString(),
                                        TestHost.hex(16))
                                .status())
                .isEqualTo(200);
    }

    @Test
    void aRequestThatIsSentAgainIsRefused() throws Exception {
        TestHost host = fleet().host("canary");
        String time = fleet().clock.instant().toString();
        String nonce = TestHost.hex(16);
        TestFleet.require(host.getKey(time, nonce), 200);
        TestClient.Answer again = host.getKey(time, nonce);
        assertThat(again.status()).isEqualTo(409);
        assertThat(again.code()).isEqualTo("RBL-FLEET-REPLAY");
    }

    @Test
    void anothersSignatureGetsNoKey() throws Exception {
        TestHost host = fleet().host("canary");
        TestHost other = fleet().host("canary");
        String time = fleet().clock.instant().toString();
        String nonce = TestHost.hex(16);
        String forged =
                other.sign("rebootless-key-1\n" + host.id + "\n" + time + "\n" + nonce + "\n");
        TestClient.Answer answer = host.getKey(time, nonce, forged);
        assertThat(answer.status()).isEqualTo(401);
        assertThat(answer.code()).isEqualTo("RBL-FLEET-SIGNATURE");
    }

    @Test
    void aHostThatNobodyEnrolledGetsNoKey() throws Exception {
        TestHost stranger = new TestHost(fleet().client, fleet().clock);
        stranger.id = java.util.UUID.randomUUID().toString();
        assertThat(stranger.getKey().code()).isEqualTo("RBL-FLEET-HOST");
    }

    @Test
    void aKeyIsOfNoUseUnderALaterName() throws Exception {
        TestHost host = fleet().host("canary");
        String[] parts = host.keyId.split("\\.");
        host.keyId = parts[0] + "." + (Long.parseLong(parts[1]) + 86_400);
        assertThat(host.report(facts()).code()).isEqualTo("RBL-FLEET-SIGNATURE");
        host.keyId = "7." + parts[1];
        assertThat(host.report(facts()).code()).isEqualTo("RBL-FLEET-KEY");
        host.keyId = "x";
        assertThat(host.report(facts()).code()).isEqualTo("RBL-FLEET-KEY");
    }

    @Test
    void aKeyIsOfNoUseToAnotherHost() throws Exception {
        TestHost host = fleet().host("canary");
        TestHost victim = fleet().host("canary");
        victim.key = host.key;
        victim.keyId = host.keyId;
        TestClient.Answer answer = victim.report(facts());
        assertThat(answer.status()).isEqualTo(401);
        assertThat(answer.code()).isEqualTo("RBL-FLEET-SIGNATURE");
    }
}
