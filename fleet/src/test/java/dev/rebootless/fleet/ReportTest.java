package dev.rebootless.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What becomes of reports. */
class ReportTest {
    private static final String RELEASE = "6.1.0-56-cloud-amd64";

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

    private static String facts(String hostname) {
        return TestHost.facts(hostname, RELEASE, "CVE-2026-0001", "closed");
    }

    @Test
    void aReportIsAcknowledgedWithRingAndInterval() throws Exception {
        TestHost host = fleet().host("canary");
        TestClient.Answer answer = host.report(facts("a.example"));
        assertThat(answer.status()).isEqualTo(200);
        assertThat(answer.text())
                .isEqualTo(
                        "{\"schemaVersion\":1,\"acknowledged\":1,\"ring\":\"canary\","
                                + "\"intervalSeconds\":1800,\"whole\":false,\"reverse\":null}");
    }

    @Test
    void aTagThatNoRingNamesIsInTheLastOne() throws Exception {
        TestClient.Answer answer = fleet().host("web-servers").report(facts("a.example"));
        assertThat(answer.json().path("ring").stringValue()).isEqualTo("all");
    }

    @Test
    void unchangedFactsAreAskedForOnlyWhereTheyAreNotKnown() throws Exception {
        TestHost host = fleet().host("canary");
        String first = facts("b.example");
        assertThat(host.unchanged(first).json().path("whole").booleanValue()).isTrue();
        TestFleet.require(host.report(first), 200);
        assertThat(host.unchanged(first).json().path("whole").booleanValue()).isFalse();
        String second = facts("c.example");
        assertThat(host.unchanged(second).json().path("whole").booleanValue()).isTrue();
        TestFleet.require(host.report(second), 200);
        assertThat(host.unchanged(first).json().path("whole").booleanValue()).isTrue();
        assertThat(host.unchanged(second).json().path("whole").booleanValue()).isFalse();
    }

    @Test
    void aForgedReportIsRefusedAndChangesNothing() throws Exception {
        TestHost host = fleet().host("canary");
        TestFleet.require(host.report(facts("d.example")), 200);
        byte[] good = host.key;
        host.key = new byte[32];
        TestClient.Answer answer = host.report(facts("evil.example"));
        assertThat(answer.status()).isEqualTo(401);
        assertThat(answer.code()).isEqualTo("RBL-FLEET-SIGNATURE");
        host.key = good;
        host.sequence--;
        assertThat(host.unchanged(facts("d.example")).json().path("whole").booleanValue())
                .isFalse();
    }

    @Test
    void aSignatureIsOfItsBodyPathAndSequenceAlone() throws Exception {
        TestHost host = fleet().host("canary");
        host.sequence = 5;
        byte[] body = facts("e.example").getBytes(StandardCharsets.UTF_8);
        byte[] other = facts("f.example").getBytes(StandardCharsets.UTF_8);
        Map<String, String> headers = host.signed("/agent/v1/report", body);
        assertThat(send(headers, other).code()).isEqualTo("RBL-FLEET-SIGNATURE");
        assertThat(fleet().client.send("POST", "/agent/v1/attempts", headers, body).code())
                .isEqualTo("RBL-FLEET-SIGNATURE");
        Map<String, String> later = new java.util.HashMap<>(headers);
        later.put("Rebootless-Sequence", "6");
        assertThat(send(later, body).code()).isEqualTo("RBL-FLEET-SIGNATURE");
        assertThat(send(headers, body).status()).isEqualTo(200);
    }

    private static TestClient.Answer send(Map<String, String> headers, byte[] body)
            throws Exception {
        return fleet().client.send("POST", "/agent/v1/report", headers, body);
    }

    @Test
    void aReportThatIsSentAgainIsRefusedWithTheLastSequence() throws Exception {
        TestHost host = fleet().host("canary");
        host.sequence = 41;
        byte[] body = facts("g.example").getBytes(StandardCharsets.UTF_8);
        host.sequence++;
        Map<String, String> headers = host.signed("/agent/v1/report", body);
        assertThat(send(headers, body).status()).isEqualTo(200);
        TestClient.Answer again = send(headers, body);
        assertThat(again.status()).isEqualTo(409);
        assertThat(again.code()).isEqualTo("RBL-FLEET-REPLAY");
        assertThat(again.text()).contains("42");
    }

    @Test
    void ofTwoMachinesWithOneIdentityOneIsRefused() throws Exception {
        TestHost host = fleet().host("canary");
        TestFleet.require(host.report(facts("h.example")), 200);
        TestHost clone = host.cloned();
        TestFleet.require(clone.report(facts("h.example")), 200);
        assertThat(host.report(facts("h.example")).code()).isEqualTo("RBL-FLEET-REPLAY");
        try (var connection = TestDatabase.connect(fleet().database());
                var query =
                        connection.prepareStatement(
                                "SELECT messages FROM suspected_clone WHERE host = ?::uuid")) {
            query.setString(1, host.id);
            try (var rows = query.executeQuery()) {
                assertThat(rows.next()).isTrue();
                assertThat(rows.getLong(1)).isEqualTo(1);
            }
        }
    }

    @Test
    void manyReportsAtOnceAreAllCounted() throws Exception {
        int hosts = 40;
        int rounds = 5;
        try (var threads = java.util.concurrent.Executors.newVirtualThreadPerTaskExecutor()) {
            var all = new java.util.ArrayList<java.util.concurrent.Future<?>>();
            for (int i = 0; i < hosts; i++) {
                TestHost host = fleet().host("early");
                String name = "many" + i + ".example";
                all.add(
                        threads.submit(() -> {
                            for (int round = 0; round < rounds; round++) {
                                String facts =
                                        TestHost.facts(
                                                name,
                                                RELEASE,
                                                "CVE-2026-" + (1000 + round),
                                                round % 2 == 0 ? "closed" : "pending");
                                TestFleet.require(host.report(facts), 200);
                            }
                            return true;
                        }));
            }
            for (var each : all) {
                each.get();
            }
        }
        assertThat(
                        number(
                                """
                                SELECT sum(c.hosts) FROM system_class c
                                JOIN cve_set s ON s.id = c.cve_set WHERE c.ring = 'early'
                                AND s.closed = ARRAY(SELECT number FROM cve_name WHERE id = 'CVE-2026-1004')
                                """))
                .isEqualTo(hosts);
        assertThat(number("SELECT sum(hosts) FROM system_class"))
                .isEqualTo(number("SELECT count(*) FROM host_state"));
        assertThat(number("SELECT sum(hosts) FROM presence"))
                .isEqualTo(number("SELECT count(*) FROM host_state"));
        assertThat(
                        number(
                                """
                                SELECT count(*) FROM system_class c WHERE hosts <>
                                (SELECT count(*) FROM host_state s WHERE s.class = c.id)
                                """))
                .isZero();
    }

    private static long number(String sql) throws Exception {
        try (var connection = TestDatabase.connect(fleet().database());
                var query = connection.prepareStatement(sql);
                var rows = query.executeQuery()) {
            rows.next();
            return rows.getLong(1);
        }
    }
}
