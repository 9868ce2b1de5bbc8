package dev.rebootless.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Who gets in, and what they may. */
class AccountTest {
    private static final String PASSWORD = "a long enough password";

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

    private static TestClient.Answer asAdministrator(String method, String path, String body)
            throws Exception {
        return send(fleet().administrator(), method, path, body);
    }

    private static TestClient.Answer send(String token, String method, String path, String body)
            throws Exception {
        return fleet().client
                .send(
                        method,
                        path,
                        TestFleet.as(token),
                        body.getBytes(java.nio.charset.StandardCharsets.UTF_8));
    }

    private static String account(String name, String role) throws Exception {
        TestClient.Answer made =
                asAdministrator(
                        "POST",
                        "/api/v1/accounts",
                        "{\"schemaVersion\":1,\"name\":\"%s\",\"role\":\"%s\",\"password\":\"%s\"}"
                                .formatted(name, role, PASSWORD));
        TestFleet.require(made, 201);
        return made.json().path("id").stringValue();
    }

    private static String token(String of, String scopes) throws Exception {
        TestClient.Answer made =
                send(
                        of,
                        "POST",
                        "/api/v1/tokens",
                        "{\"schemaVersion\":1,\"name\":\"t\",\"scopes\":[%s],\"expiresInSeconds\":3600}"
                                .formatted(scopes));
        TestFleet.require(made, 201);
        return made.json().path("token").stringValue();
    }

    private static int status(String token, String path) throws Exception {
        return fleet().client.get(path, TestFleet.as(token)).status();
    }

    @Test
    void theFirstAdministratorsLinkIsUsedOnceAndExpires(@TempDir Path folder) throws Exception {
        TestClock clock = new TestClock();
        try (TestFleet fresh = TestFleet.start(folder, clock, Optional.of(TestDatabase.fresh()))) {
            String first = fresh.server.setupSecret().orElseThrow();
            String second = fresh.server.setupSecret().orElseThrow();
            assertThat(setup(fresh, first).code())
                    .as("a newer link takes an older one's place")
                    .isEqualTo("RBL-FLEET-SETUP");
            clock.advance(Duration.ofHours(25));
            assertThat(setup(fresh, second).code()).isEqualTo("RBL-FLEET-SETUP");
            String third = fresh.server.setupSecret().orElseThrow();
            assertThat(setup(fresh, third).status()).isEqualTo(201);
            assertThat(setup(fresh, third).code()).isEqualTo("RBL-FLEET-SETUP");
            assertThat(fresh.server.setupSecret()).isEmpty();
        }
    }

    private static TestClient.Answer setup(TestFleet fleet, String secret) throws Exception {
        return fleet.client.post(
                "/setup",
                Map.of(),
                "{\"schemaVersion\":1,\"token\":\"%s\",\"name\":\"first\",\"password\":\"%s\"}"
                        .formatted(secret, PASSWORD));
    }

    @Test
    void nobodyIsLetInWithAWrongPassword() throws Exception {
        account("wrong-password", "viewer");
        for (int i = 0; i < 5; i++) {
            TestClient.Answer answer = login("wrong-password", "not this one, is it");
            assertThat(answer.status()).isEqualTo(401);
            assertThat(answer.code()).isEqualTo("RBL-FLEET-LOGIN");
        }
        TestClient.Answer many = login("wrong-password", PASSWORD);
        assertThat(many.status()).isEqualTo(429);
        assertThat(many.code()).isEqualTo("RBL-FLEET-LIMIT");
        fleet().clock.advance(Duration.ofMinutes(16));
        assertThat(login("wrong-password", PASSWORD).status()).isEqualTo(200);
    }

    @Test
    void aNameThatThereIsNotIsToldNothingElse() throws Exception {
        assertThat(login("nobody-at-all", PASSWORD).code()).isEqualTo("RBL-FLEET-LOGIN");
        assertThat(login("' OR ''='", PASSWORD).code()).isEqualTo("RBL-FLEET-LOGIN");
    }

    private static TestClient.Answer login(String name, String password) throws Exception {
        return fleet().client
                .post(
                        "/api/v1/sessions",
                        Map.of(),
                        "{\"schemaVersion\":1,\"name\":\"%s\",\"password\":\"%s\"}"
                                .formatted(name, password));
    }

    @Test
    void shortPasswordsAreNotTaken() throws Exception {
        assertThat(
                        asAdministrator(
                                        "POST",
                                        "/api/v1/accounts",
                                        "{\"schemaVersion\":1,\"name\":\"x\",\"role\":\"viewer\",\"password\":\"short\"}")
                                .status())
                .isEqualTo(400);
    }

    @Test
    void aNameIsTakenOnce() throws Exception {
        account("twice", "viewer");
        assertThat(
                        asAdministrator(
                                        "POST",
                                        "/api/v1/accounts",
                                        "{\"schemaVersion\":1,\"name\":\"twice\",\"role\":\"viewer\"}")
                                .code())
                .isEqualTo("RBL-FLEET-ACCOUNT");
    }

    @Test
    void aTokenMayNoMoreThanItsScopes() throws Exception {
        String token = token(fleet().administrator(), "\"metrics\"");
        assertThat(status(token, "/metrics")).isEqualTo(200);
        assertThat(status(token, "/api/v1/accounts")).isEqualTo(403);
        assertThat(status(token, "/api/v1/me")).isEqualTo(403);
    }

    @Test
    void aTokenGivesAwayNoMoreThanItHas() throws Exception {
        String token = token(fleet().administrator(), "\"administer\"");
        TestClient.Answer more =
                send(
                        token,
                        "POST",
                        "/api/v1/tokens",
                        "{\"schemaVersion\":1,\"name\":\"t\",\"scopes\":[\"operate\"],\"expiresInSeconds\":3600}");
        assertThat(more.status()).isEqualTo(403);
        token(token, "\"administer\"");
    }

    @Test
    void anAccountMayNoMoreThanItsRoleWhateverItsTokenSays() throws Exception {
        account("role-viewer", "viewer");
        String viewer = fleet().login("role-viewer", PASSWORD);
        assertThat(status(viewer, "/api/v1/me")).isEqualTo(200);
        TestClient.Answer enrol =
                send(
                        viewer,
                        "POST",
                        "/api/v1/enrolment-tokens",
                        "{\"schemaVersion\":1,\"tag\":\"a\",\"expiresInSeconds\":60}");
        assertThat(enrol.status()).isEqualTo(403);
        assertThat(enrol.code()).isEqualTo("RBL-FLEET-ROLE");
        account("role-operator", "operator");
        String operator = fleet().login("role-operator", PASSWORD);
        assertThat(
                        send(
                                        operator,
                                        "POST",
                                        "/api/v1/enrolment-tokens",
                                        "{\"schemaVersion\":1,\"tag\":\"a\",\"expiresInSeconds\":60}")
                                .status())
                .isEqualTo(201);
        assertThat(status(operator, "/api/v1/accounts")).isEqualTo(403);
    }

    @Test
    void whoIsDisabledIsOutAtOnce() throws Exception {
        String id = account("to-be-disabled", "viewer");
        String token = fleet().login("to-be-disabled", PASSWORD);
        assertThat(status(token, "/api/v1/me")).isEqualTo(200);
        TestFleet.require(
                asAdministrator(
                        "PUT",
                        "/api/v1/accounts/" + id,
                        "{\"schemaVersion\":1,\"role\":\"viewer\",\"disabled\":true}"),
                200);
        assertThat(status(token, "/api/v1/me")).isEqualTo(401);
        assertThat(login("to-be-disabled", PASSWORD).status()).isEqualTo(401);
    }

    @Test
    void theLastAdministratorStaysOne() throws Exception {
        String id = "";
        for (var account : asAdministrator("GET", "/api/v1/accounts", "").json().path("accounts")) {
            if (account.path("name").stringValue().equals(TestFleet.ADMINISTRATOR)) {
                id = account.path("id").stringValue();
            }
        }
        for (String change :
                new String[] {
                    "\"role\":\"viewer\"", "\"role\":\"administrator\",\"disabled\":true"
                }) {
            TestClient.Answer answer =
                    asAdministrator(
                            "PUT",
                            "/api/v1/accounts/" + id,
                            "{\"schemaVersion\":1," + change + "}");
            assertThat(answer.status()).isEqualTo(409);
        }
    }

    @Test
    void aTokenThatWasRemovedOrExpiredIsOfNoUse() throws Exception {
        String token = token(fleet().administrator(), "\"read\"");
        assertThat(status(token, "/api/v1/me")).isEqualTo(200);
        String id = "";
        for (var each : asAdministrator("GET", "/api/v1/tokens", "").json().path("tokens")) {
            if (each.path("name").stringValue().equals("t")) {
                id = each.path("id").stringValue();
            }
        }
        TestFleet.require(asAdministrator("DELETE", "/api/v1/tokens/" + id, ""), 200);
        assertThat(status(token, "/api/v1/me")).isEqualTo(401);
        String other = token(fleet().administrator(), "\"read\"");
        fleet().clock.advance(Duration.ofMinutes(61));
        assertThat(status(other, "/api/v1/me")).isEqualTo(401);
    }

    @Test
    void anothersTokenIsRemovedByAdministratorsAlone() throws Exception {
        account("two-a", "viewer");
        account("two-b", "viewer");
        String a = fleet().login("two-a", PASSWORD);
        String b = fleet().login("two-b", PASSWORD);
        String id =
                send(a, "GET", "/api/v1/tokens", "")
                        .json()
                        .path("tokens")
                        .path(0)
                        .path("id")
                        .stringValue();
        assertThat(send(b, "GET", "/api/v1/tokens", "").text()).doesNotContain(id);
        assertThat(send(b, "DELETE", "/api/v1/tokens/" + id, "").status()).isEqualTo(404);
        assertThat(status(a, "/api/v1/me")).isEqualTo(200);
        TestFleet.require(asAdministrator("DELETE", "/api/v1/tokens/" + id, ""), 200);
        assertThat(status(a, "/api/v1/me")).isEqualTo(401);
    }
}
