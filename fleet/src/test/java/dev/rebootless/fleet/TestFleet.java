package dev.rebootless.fleet;

import dev.rebootless.fleet.store.DatabaseAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/** A server with a published release and an administrator, for one test class. */
final class TestFleet implements AutoCloseable {
    static final String ADMINISTRATOR = "root";
    static final String PASSWORD = "correct horse battery";

    final TestClock clock;
    final Path data;
    final FleetServer server;
    final TestClient client;

    private final Optional<DatabaseAddress> database;
    private String administratorToken = "";

    private TestFleet(
            Path data, TestClock clock, FleetServer server, Optional<DatabaseAddress> database)
            throws Exception {
        this.database = database;
        this.data = data;
        this.clock = clock;
        this.server = server;
        this.client = new TestClient(server.port(), server.fingerprint());
    }

    /** With a fresh database. */
    static TestFleet start(Path data) throws Exception {
        TestFleet fleet = start(data, new TestClock(), Optional.of(TestDatabase.fresh()));
        TestRelease.publish(data.resolve("repository"));
        return fleet;
    }

    static TestFleet start(Path data, TestClock clock, Optional<DatabaseAddress> database)
            throws Exception {
        return new TestFleet(
                data,
                clock,
                FleetServer.start(
                        new FleetOptions(
                                data,
                                "127.0.0.1",
                                0,
                                Optional.empty(),
                                database,
                                Duration.ofMinutes(30)),
                        clock,
                        message -> {}),
                database);
    }

    /** Where its data are. */
    DatabaseAddress database() {
        return database.or(() -> server.embedded().map(e -> e.address())).orElseThrow();
    }

    /** A token of the administrator, who is made at the first time. */
    synchronized String administrator() throws Exception {
        if (client.get("/api/v1/me", as(administratorToken)).status() != 200) {
            administratorToken = newAdministratorToken();
        }
        return administratorToken;
    }

    private String newAdministratorToken() throws Exception {
        Optional<String> secret = server.setupSecret();
        if (secret.isPresent()) {
            TestClient.Answer made =
                    client.post(
                            "/setup",
                            Map.of(),
                            """
                            {"schemaVersion":1,"token":"%s","name":"%s","password":"%s"}
                            """
                                    .formatted(secret.get(), ADMINISTRATOR, PASSWORD));
            require(made, 201);
        }
        return login(ADMINISTRATOR, PASSWORD);
    }

    String login(String name, String password) throws Exception {
        TestClient.Answer answer =
                client.post(
                        "/api/v1/sessions",
                        Map.of(),
                        "{\"schemaVersion\":1,\"name\":\"%s\",\"password\":\"%s\"}"
                                .formatted(name, password));
        require(answer, 200);
        return answer.json().path("token").stringValue();
    }

    static Map<String, String> as(String token) {
        Map<String, String> headers = new HashMap<>();
        headers.put("Authorization", "Bearer " + token);
        return headers;
    }

    /** An enrolment token of a tag. */
    String enrolmentToken(String tag) throws Exception {
        TestClient.Answer answer =
                client.post(
                        "/api/v1/enrolment-tokens",
                        as(administrator()),
                        "{\"schemaVersion\":1,\"tag\":\"%s\",\"expiresInSeconds\":3600}"
                                .formatted(tag));
        require(answer, 201);
        return answer.json().path("token").stringValue();
    }

    /** A host that is enrolled and has a key. */
    TestHost host(String tag) throws Exception {
        TestHost host = new TestHost(client, clock);
        require(host.enrol(enrolmentToken(tag)), 200);
        require(host.getKey(), 200);
        return host;
    }

    /** A rollout to the canaries that nothing halts and of which all may load at once. */
    static String order(String name) {
        String never = "{\"hosts\":1000,\"percent\":100,\"minimumSample\":1000}";
        return """
        {"schemaVersion":1,"name":"%s","livepatch":"%s","buildId":"%s","rings":[
          {"ring":"canary","windows":[],"soak":"PT2H","limit":{"is":"hosts","hosts":1000},
           "completePercent":100,"halt":{"failures":%s,"oopses":%s,"silent":%s},
           "reverseOnHalt":true}]}
        """
                .formatted(name, TestRelease.NAME, TestRelease.BUILD_ID, never, never, never);
    }

    /** Orders it. */
    void rollOut() throws Exception {
        require(client.post("/api/v1/rollouts", as(administrator()), order("fix")), 201);
    }

    /** What a job does each minute. */
    void markSilent() {
        try (var store = dev.rebootless.fleet.store.Database.open(database(), 2)) {
            new dev.rebootless.fleet.job.SilentHosts(
                            new dev.rebootless.fleet.store.HostStore(
                                    store, new dev.rebootless.fleet.store.SystemClasses(store)),
                            Duration.ofMinutes(75),
                            clock)
                    .run();
        }
    }

    JsonNode get(String path) throws Exception {
        TestClient.Answer answer = client.get(path, as(administrator()));
        require(answer, 200);
        return answer.json();
    }

    static void require(TestClient.Answer answer, int status) {
        if (answer.status() != status) {
            throw new AssertionError(answer.status() + " " + answer.text());
        }
    }

    @Override
    public void close() {
        server.close();
    }
}
