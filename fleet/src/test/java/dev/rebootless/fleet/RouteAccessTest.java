package dev.rebootless.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.fleet.account.Role;
import dev.rebootless.fleet.web.Access;
import dev.rebootless.fleet.web.Route;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The table of routes says who may take each, and that is so. */
class RouteAccessTest {
    private static final int FEWEST = 15;

    /** All that need no right but what is in the request; another one is added here on purpose. */
    private static final Set<String> OPEN =
            Set.of(
                    "POST /agent/v1/enroll",
                    "POST /agent/v1/key",
                    "GET /repository/{+file}",
                    "GET /health/live",
                    "GET /health/ready",
                    "GET /setup",
                    "POST /setup",
                    "POST /api/v1/sessions");

    @TempDir private static Path data = Path.of("");
    private static @org.jspecify.annotations.Nullable TestFleet started;
    private static final Map<Role, String> TOKENS = new EnumMap<>(Role.class);

    @BeforeAll
    static void start() throws Exception {
        started = TestFleet.start(data);
        for (Role role : Role.values()) {
            String password = "password of this role";
            TestFleet.require(
                    fleet().client
                            .post(
                                    "/api/v1/accounts",
                                    TestFleet.as(fleet().administrator()),
                                    "{\"schemaVersion\":1,\"name\":\"%s\",\"role\":\"%s\",\"password\":\"%s\"}"
                                            .formatted(role.word(), role.word(), password)),
                    201);
            TOKENS.put(role, fleet().login(role.word(), password));
        }
    }

    @AfterAll
    static void stop() {
        fleet().close();
    }

    private static TestFleet fleet() {
        return java.util.Objects.requireNonNull(started);
    }

    private static TestClient.Answer take(Route route, Map<String, String> headers)
            throws Exception {
        String path =
                route.path()
                        .replaceAll("\\{\\+?file\\}", "metadata/timestamp.json")
                        .replaceAll("\\{[^}]*\\}", "00000000-0000-0000-0000-000000000000");
        return fleet().client
                .send(
                        route.method(),
                        path,
                        headers,
                        route.largestBody() > 0
                                ? "{\"schemaVersion\":1}"
                                        .getBytes(java.nio.charset.StandardCharsets.UTF_8)
                                : new byte[0]);
    }

    @Test
    void onlyTheseAreOpen() {
        List<Route> routes = fleet().server.routes();
        assertThat(routes).hasSizeGreaterThan(FEWEST);
        assertThat(
                        routes.stream()
                                .filter(r -> r.access() instanceof Access.Open)
                                .map(r -> r.method() + " " + r.path())
                                .collect(Collectors.toSet()))
                .isEqualTo(OPEN);
    }

    @Test
    void withoutATokenNobodyTakesARouteThatNeedsOne() throws Exception {
        for (Route route : fleet().server.routes()) {
            if (route.access() instanceof Access.Account) {
                for (Map<String, String> headers :
                        List.of(
                                Map.<String, String>of(),
                                TestFleet.as("rbl_" + "A".repeat(43)),
                                Map.of("Authorization", "Basic cm9vdDpyb290"))) {
                    TestClient.Answer answer = take(route, headers);
                    assertThat(answer.status()).as(route.toString()).isEqualTo(401);
                    assertThat(answer.code()).isEqualTo("RBL-FLEET-LOGIN");
                }
            }
        }
    }

    @Test
    void eachRoleTakesWhatTheTableSaysAndNoMore() throws Exception {
        for (Route route : fleet().server.routes()) {
            if (route.access() instanceof Access.Account needed) {
                for (Role role : Role.values()) {
                    int status = take(route, TestFleet.as(TOKENS.getOrDefault(role, ""))).status();
                    if (role.covers(needed.role())) {
                        assertThat(status).as(role + " " + route).isNotIn(401, 403, 500);
                    } else {
                        assertThat(status).as(role + " " + route).isEqualTo(403);
                    }
                }
            }
        }
    }

    @Test
    void withoutASignatureNobodySpeaksForAHost() throws Exception {
        int seen = 0;
        for (Route route : fleet().server.routes()) {
            if (route.access() instanceof Access.Host) {
                seen++;
                assertThat(take(route, Map.of()).status()).isEqualTo(400);
                assertThat(take(route, TestFleet.as(fleet().administrator())).status())
                        .isEqualTo(400);
                Map<String, String> forged =
                        Map.of(
                                "Rebootless-Host",
                                "00000000-0000-0000-0000-000000000000",
                                "Rebootless-Key",
                                "1.99999999999",
                                "Rebootless-Sequence",
                                "1",
                                "Rebootless-Signature",
                                "00".repeat(32));
                assertThat(take(route, forged).status()).isEqualTo(401);
            }
        }
        assertThat(seen).isEqualTo(3);
    }
}
