package dev.rebootless.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.fleet.store.DatabaseAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How a machine becomes a host, and how it does not. */
class EnrolmentTest {
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

    private static TestHost machine() throws Exception {
        return new TestHost(fleet().client, fleet().clock);
    }

    @Test
    void aTokenMakesAMachineAHost() throws Exception {
        TestClient.Answer answer = machine().enrol(fleet().enrolmentToken("canary"));
        assertThat(answer.status()).isEqualTo(200);
        assertThat(answer.json().path("host").stringValue()).hasSize(36);
        assertThat(answer.json().path("intervalSeconds").intValue()).isEqualTo(1800);
        assertThat(Base64.getDecoder().decode(answer.json().path("root").stringValue()))
                .isEqualTo(
                        java.nio.file.Files.readAllBytes(
                                data.resolve("repository/metadata/1.root.json")));
    }

    @Test
    void theSameTokenWithTheSameKeyGivesTheSameHost() throws Exception {
        String token = fleet().enrolmentToken("canary");
        TestHost machine = machine();
        TestClient.Answer first = machine.enrol(token);
        TestClient.Answer again = machine.enrol(token);
        assertThat(again.status()).isEqualTo(200);
        assertThat(again.json()).isEqualTo(first.json());
    }

    @Test
    void aTokenIsOfNoUseToASecondMachine() throws Exception {
        String token = fleet().enrolmentToken("canary");
        TestFleet.require(machine().enrol(token), 200);
        TestClient.Answer second = machine().enrol(token);
        assertThat(second.status()).isEqualTo(403);
        assertThat(second.code()).isEqualTo("RBL-FLEET-TOKEN");
    }

    @Test
    void aTokenThatExpiredIsOfNoUse() throws Exception {
        String token = fleet().enrolmentToken("canary");
        fleet().clock.advance(Duration.ofHours(2));
        TestClient.Answer late = machine().enrol(token);
        assertThat(late.status()).isEqualTo(403);
        assertThat(late.code()).isEqualTo("RBL-FLEET-TOKEN");
    }

    @Test
    void aTokenThatNobodyMadeIsOfNoUse() throws Exception {
        assertThat(machine().enrol("rbe_" + "A".repeat(43)).code()).isEqualTo("RBL-FLEET-TOKEN");
    }

    @Test
    void whoDoesNotHaveTheKeyCannotEnrolIt() throws Exception {
        String token = fleet().enrolmentToken("canary");
        TestHost owner = machine();
        TestHost thief = machine();
        String signed =
                thief.sign(
                        "rebootless-enroll-1\n"
                                + token
                                + "\n"
                                + owner.publicKey()
                                + "\n"
                                + owner.machine
                                + "\n");
        TestClient.Answer answer = owner.enrol(token, signed);
        assertThat(answer.status()).isEqualTo(401);
        assertThat(answer.code()).isEqualTo("RBL-FLEET-SIGNATURE");
        assertThat(owner.enrol(token).status()).as("the token is still good").isEqualTo(200);
    }

    @Test
    void aKeyThatAnybodyCanSignForIsRefused() throws Exception {
        TestClient.Answer answer =
                fleet().client
                        .post(
                                "/agent/v1/enroll",
                                Map.of(),
                                """
                                {"schemaVersion":1,"token":"%s","publicKey":"%s","hostname":"h",
                                 "machine":"%s","signature":"%s"}
                                """
                                        .formatted(
                                                fleet().enrolmentToken("canary"),
                                                "01" + "00".repeat(31),
                                                "00".repeat(32),
                                                "01" + "00".repeat(63)));
        assertThat(answer.status()).isEqualTo(400);
    }

    @Test
    void aKeyIsEnrolledOnce() throws Exception {
        TestHost machine = machine();
        TestFleet.require(machine.enrol(fleet().enrolmentToken("canary")), 200);
        TestClient.Answer again = machine.enrol(fleet().enrolmentToken("canary"));
        assertThat(again.status()).isEqualTo(409);
        assertThat(again.code()).isEqualTo("RBL-FLEET-ENROLLED");
    }

    @Test
    void withoutARootNobodyEnrols(@TempDir Path empty) throws Exception {
        DatabaseAddress address = TestDatabase.fresh();
        try (TestFleet bare =
                TestFleet.start(empty, new TestClock(), java.util.Optional.of(address))) {
            TestClient.Answer answer =
                    new TestHost(bare.client, bare.clock).enrol(bare.enrolmentToken("canary"));
            assertThat(answer.status()).isEqualTo(503);
            assertThat(answer.code()).isEqualTo("RBL-FLEET-NO-ROOT");
            assertThat(answer.headers()).containsKey("retry-after");
        }
    }

    @Test
    void twoThatUseOneTokenAtOnceAreOneHost() throws Exception {
        String token = fleet().enrolmentToken("canary");
        try (var threads = java.util.concurrent.Executors.newVirtualThreadPerTaskExecutor()) {
            var statuses = new java.util.ArrayList<java.util.concurrent.Future<Integer>>();
            for (int i = 0; i < 8; i++) {
                TestHost machine = machine();
                statuses.add(threads.submit(() -> machine.enrol(token).status()));
            }
            int enrolled = 0;
            for (var status : statuses) {
                assertThat(status.get()).isIn(200, 403);
                enrolled += status.get() == 200 ? 1 : 0;
            }
            assertThat(enrolled).isEqualTo(1);
        }
    }
}
