package dev.rebootless.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import com.networknt.schema.InputFormat;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import dev.rebootless.fleet.web.Access;
import dev.rebootless.fleet.web.Json;
import dev.rebootless.fleet.web.Route;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;
import tools.jackson.databind.JsonNode;

/** docs/schema/fleet-api.openapi.yaml says what the server does: each route is asked. */
class OpenApiTest {
    private static final Path FILE =
            Path.of(
                    Objects.requireNonNull(System.getProperty("rebootless.root")),
                    "docs/schema/fleet-api.openapi.yaml");

    private static final JsonNode API = read();

    /** Routes of which an answer that is no failure was seen, and fits. */
    private final Set<String> succeeded = new TreeSet<>();

    private final Set<String> failed = new TreeSet<>();

    private static JsonNode read() {
        try {
            Object document =
                    new Load(LoadSettings.builder().build()).loadFromString(Files.readString(FILE));
            return Json.tree(Json.write(Objects.requireNonNull(document)));
        } catch (java.io.IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private static String name(Route route) {
        return route.method() + " " + route.path();
    }

    private static Set<String> documented() {
        Set<String> names = new TreeSet<>();
        API.path("paths")
                .propertyStream()
                .forEach(path ->
                        path.getValue().propertyNames().stream()
                                .filter(key -> !key.equals("parameters"))
                                .forEach(method ->
                                        names.add(
                                                method.toUpperCase(java.util.Locale.ROOT)
                                                        + " "
                                                        + path.getKey())));
        return names;
    }

    private static JsonNode operation(String name) {
        String[] parts = name.split(" ");
        return API.path("paths").path(parts[1]).path(parts[0].toLowerCase(java.util.Locale.ROOT));
    }

    private static JsonNode resolved(JsonNode node) {
        JsonNode at = node;
        while (at.has("$ref")) {
            at = API.at(at.path("$ref").stringValue().substring(1));
        }
        return at;
    }

    /** What does not fit a schema of the file. */
    private static List<String> errors(JsonNode schema, byte[] document) {
        Map<String, Object> whole = new LinkedHashMap<>();
        whole.put("allOf", List.of(schema));
        whole.put("components", API.path("components"));
        return SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12)
                .getSchema(new String(Json.write(whole), StandardCharsets.UTF_8), InputFormat.JSON)
                .validate(new String(document, StandardCharsets.UTF_8), InputFormat.JSON)
                .stream()
                .map(Object::toString)
                .toList();
    }

    /** Asks, and holds question and answer against the file. */
    private TestClient.Answer ask(
            TestFleet fleet, String name, Map<String, String> headers, String path, String body)
            throws Exception {
        TestClient.Answer answer =
                fleet.client.send(
                        name.split(" ")[0], path, headers, body.getBytes(StandardCharsets.UTF_8));
        return check(name, body, answer);
    }

    private TestClient.Answer check(String name, String body, TestClient.Answer answer) {
        JsonNode operation = operation(name);
        assertThat(operation.isObject()).as(name + " is documented").isTrue();
        JsonNode responses = operation.path("responses");
        String status = String.valueOf(answer.status());
        boolean success = answer.status() < 400;
        assertThat(!success || responses.has(status)).as(name + " " + answer.text()).isTrue();
        JsonNode content = resolved(responses.path(success ? status : "default")).path("content");
        String type = Objects.requireNonNull(answer.headers().get("content-type")).getFirst();
        assertThat(content.has(type)).as(name + " gives " + type).isTrue();
        JsonNode schema = content.path(type).path("schema");
        if (schema.isObject()) {
            assertThat(errors(schema, answer.body())).as(name + " " + answer.text()).isEmpty();
        }
        JsonNode request =
                resolved(operation.path("requestBody"))
                        .path("content")
                        .path("application/json")
                        .path("schema");
        if (success && !body.isEmpty()) {
            assertThat(errors(request, body.getBytes(StandardCharsets.UTF_8)))
                    .as(name + " " + body)
                    .isEmpty();
        }
        (success ? succeeded : failed).add(name);
        return answer;
    }

    @Test
    void theFileHasEveryRouteAndNoOther(@TempDir Path data) throws Exception {
        try (TestFleet fleet = TestFleet.start(data)) {
            Set<String> routes = new HashSet<>();
            for (Route route : fleet.server.routes()) {
                routes.add(name(route));
                String security =
                        switch (route.access()) {
                            case Access.Open _ -> "[]";
                            case Access.Host _ -> "[{\"host\":[]}]";
                            case Access.Account _ -> "[{\"token\":[]}]";
                        };
                assertThat(operation(name(route)).path("security").toString())
                        .as(name(route))
                        .isEqualTo(security);
                assertThat(operation(name(route)).has("requestBody"))
                        .as(name(route) + " has a body")
                        .isEqualTo(route.largestBody() > 0);
            }
            assertThat(documented()).isEqualTo(routes);
        }
    }

    @Test
    void everyRouteAnswersAsTheFileSays(@TempDir Path data) throws Exception {
        try (TestFleet fleet = TestFleet.start(data)) {
            String link = fleet.server.setupSecret().orElseThrow();
            String first =
                    "{\"schemaVersion\":1,\"token\":\"%s\",\"name\":\"%s\",\"password\":\"%s\"}"
                            .formatted(link, TestFleet.ADMINISTRATOR, TestFleet.PASSWORD);
            ask(fleet, "GET /setup", Map.of(), "/setup", "");
            ask(fleet, "POST /setup", Map.of(), "/setup", first);
            people(fleet);
            rollouts(fleet);
            String host = agents(fleet);
            lists(fleet, host);
            String reverse = "/api/v1/rollouts/{rollout}/reverse";
            ask(
                    fleet,
                    "POST " + reverse,
                    TestFleet.as(fleet.administrator()),
                    reverse.replace("{rollout}", "fix"),
                    "{\"schemaVersion\":1,\"reason\":\"to see\"}");
            ask(fleet, "GET /health/live", Map.of(), "/health/live", "");
            ask(fleet, "GET /health/ready", Map.of(), "/health/ready", "");
            ask(fleet, "GET /metrics", TestFleet.as(fleet.administrator()), "/metrics", "");
            ask(
                    fleet,
                    "GET /repository/{+file}",
                    Map.of(),
                    "/repository/metadata/timestamp.json",
                    "");
            assertThat(succeeded).isEqualTo(documented());
            failures(fleet);
        }
    }

    private void people(TestFleet fleet) throws Exception {
        ask(
                fleet,
                "POST /api/v1/sessions",
                Map.of(),
                "/api/v1/sessions",
                "{\"schemaVersion\":1,\"name\":\"%s\",\"password\":\"%s\"}"
                        .formatted(TestFleet.ADMINISTRATOR, TestFleet.PASSWORD));
        Map<String, String> as = TestFleet.as(fleet.administrator());
        ask(fleet, "GET /api/v1/me", as, "/api/v1/me", "");
        String account =
                ask(
                                fleet,
                                "POST /api/v1/accounts",
                                as,
                                "/api/v1/accounts",
                                "{\"schemaVersion\":1,\"name\":\"robot\",\"role\":\"viewer\"}")
                        .json()
                        .path("id")
                        .stringValue();
        ask(fleet, "GET /api/v1/accounts", as, "/api/v1/accounts", "");
        ask(
                fleet,
                "PUT /api/v1/accounts/{account}",
                as,
                "/api/v1/accounts/" + account,
                "{\"schemaVersion\":1,\"role\":\"operator\",\"disabled\":true}");
        String token =
                ask(
                                fleet,
                                "POST /api/v1/tokens",
                                as,
                                "/api/v1/tokens",
                                "{\"schemaVersion\":1,\"name\":\"t\",\"scopes\":[\"read\"],\"expiresInSeconds\":600}")
                        .json()
                        .path("id")
                        .stringValue();
        ask(fleet, "GET /api/v1/tokens", as, "/api/v1/tokens", "");
        ask(fleet, "DELETE /api/v1/tokens/{token}", as, "/api/v1/tokens/" + token, "");
        ask(
                fleet,
                "POST /api/v1/enrolment-tokens",
                as,
                "/api/v1/enrolment-tokens",
                "{\"schemaVersion\":1,\"tag\":\"canary\",\"expiresInSeconds\":600}");
    }

    private void rollouts(TestFleet fleet) throws Exception {
        Map<String, String> as = TestFleet.as(fleet.administrator());
        String path = "/api/v1/rollouts";
        String one = path + "/{rollout}";
        String reason = "{\"schemaVersion\":1,\"reason\":\"to see\"}";
        String dry = "/api/v1/rollout-dry-runs";
        ask(fleet, "POST " + dry, as, dry, TestFleet.order("none"));
        for (String name : List.of("first", "fix")) {
            ask(fleet, "POST " + path, as, path, TestFleet.order(name));
            ask(fleet, "POST " + one + "/pause", as, path + "/" + name + "/pause", reason);
            ask(fleet, "GET " + one, as, path + "/" + name, "");
            String next = name.equals("fix") ? "/resume" : "/abort";
            ask(fleet, "POST " + one + next, as, path + "/" + name + next, reason);
        }
        ask(fleet, "GET " + path, as, path, "");
    }

    private String agents(TestFleet fleet) throws Exception {
        TestHost host = new TestHost(fleet.client, fleet.clock);
        check("POST /agent/v1/enroll", "", host.enrol(fleet.enrolmentToken("canary")));
        check("POST /agent/v1/key", "", host.getKey());
        String facts =
                TestHost.facts("a.example", "6.1.0-56-cloud-amd64", "CVE-2026-0001", "closed");
        check("POST /agent/v1/report", facts, host.report(facts));
        for (String outcome : List.of("done", "failed")) {
            TestClient.Answer attempt =
                    check(
                            "POST /agent/v1/attempts",
                            "",
                            host.attempt(
                                    "load",
                                    TestRelease.NAME,
                                    TestRelease.SHA256,
                                    TestRelease.BUILD_ID));
            assertThat(attempt.status()).as(attempt.text()).isEqualTo(200);
            check(
                    "POST /agent/v1/attempts/{attempt}/outcome",
                    "",
                    host.outcome(attempt.json().path("attempt").stringValue(), outcome));
        }
        return host.id;
    }

    private void lists(TestFleet fleet, String host) throws Exception {
        Map<String, String> as = TestFleet.as(fleet.administrator());
        fleet.host("web");
        ask(
                fleet,
                "PUT /api/v1/kernels/{buildId}/cves",
                as,
                "/api/v1/kernels/" + TestRelease.BUILD_ID + "/cves",
                FleetApiTest.told("CVE-2026-0001", "exposed"));
        for (String list :
                List.of(
                        "overview",
                        "systems",
                        "cves",
                        "livepatches",
                        "attempts",
                        "audit",
                        "audit/verification")) {
            ask(fleet, "GET /api/v1/" + list, as, "/api/v1/" + list, "");
        }
        ask(fleet, "GET /api/v1/systems", as, "/api/v1/systems?limit=1", "");
        String system = "/api/v1/systems/" + host;
        ask(fleet, "GET /api/v1/systems/{system}", as, system, "");
        ask(
                fleet,
                "PUT /api/v1/systems/{system}/ring",
                as,
                system + "/ring",
                "{\"schemaVersion\":1,\"ring\":\"all\"}");
        ask(fleet, "DELETE /api/v1/systems/{system}", as, system, "");
    }

    private void failures(TestFleet fleet) throws Exception {
        for (Route route : fleet.server.routes()) {
            String path =
                    route.path()
                            .replaceAll("\\{\\+?file\\}", "metadata/none.json")
                            .replaceAll("\\{[^}]*\\}", "none");
            TestClient.Answer answer =
                    fleet.client.send(
                            route.method(),
                            path,
                            Map.of(),
                            route.largestBody() > 0
                                    ? "{".getBytes(StandardCharsets.UTF_8)
                                    : new byte[0]);
            check(name(route), "", answer);
        }
        Set<String> neverFail = new TreeSet<>(documented());
        neverFail.removeAll(failed);
        assertThat(neverFail)
                .isEqualTo(Set.of("GET /health/live", "GET /health/ready", "GET /setup"));
    }
}
