package dev.rebootless.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** The fleet as a whole, and what is kept of who did what. */
class FleetApiTest {
    private static final String RELEASE = "6.1.0-56-cloud-amd64";
    private static final String CVE = "CVE-2026-0001";

    /** What {@code cves --json} says, as far as the server reads it. */
    static String told(String cve, String exposure) {
        return """
        {"schemaVersion":1,"kernel":"%s","buildId":"%s","packageVersion":"6.1.140-1","to":"6.1.170-1",
         "totals":{},"cves":[{"id":"%s","title":"a title","severity":"important",
         "knownExploited":true,"exposure":"%s","state":null},
         {"id":"CVE-2026-0002","title":"b","severity":"low","knownExploited":null,
         "exposure":"not-loaded","state":null}]}
        """
                .formatted(RELEASE, TestRelease.BUILD_ID, cve, exposure);
    }

    private static TestClient.Answer tell(TestFleet fleet, String body) throws Exception {
        return fleet.client.send(
                "PUT",
                "/api/v1/kernels/" + TestRelease.BUILD_ID + "/cves",
                TestFleet.as(fleet.administrator()),
                body.getBytes(StandardCharsets.UTF_8));
    }

    private static void report(TestHost host, String state) throws Exception {
        TestFleet.require(host.report(TestHost.facts("a.example", RELEASE, CVE, state)), 200);
    }

    private static JsonNode systems(TestFleet fleet, String cve) throws Exception {
        for (JsonNode row : fleet.get("/api/v1/cves").path("cves")) {
            if (row.path("id").stringValue().equals(cve)) {
                return row.path("systems");
            }
        }
        throw new AssertionError(cve + " is not listed");
    }

    @Test
    void aCveIsOpenUntilALivepatchClosesIt(@TempDir Path data) throws Exception {
        try (TestFleet fleet = TestFleet.start(data)) {
            TestHost one = fleet.host("canary");
            TestHost two = fleet.host("web");
            report(one, "pending");
            report(two, "pending");
            TestFleet.require(tell(fleet, told(CVE, "exposed")), 200);
            assertThat(systems(fleet, CVE).path("open").intValue()).isEqualTo(2);
            assertThat(systems(fleet, CVE).path("pending").intValue()).isEqualTo(2);
            assertThat(systems(fleet, "CVE-2026-0002").path("notLoaded").intValue()).isEqualTo(2);
            assertThat(fleet.get("/api/v1/overview").path("knownExploitedCvesOpen").intValue())
                    .isEqualTo(1);
            report(one, "closed");
            assertThat(systems(fleet, CVE).path("open").intValue()).isEqualTo(1);
            report(two, "unknown");
            assertThat(systems(fleet, CVE).path("open").intValue())
                    .as("unknown never counts as closed")
                    .isEqualTo(1);
            report(two, "closed-unreviewed");
            assertThat(systems(fleet, CVE).path("open").intValue()).isZero();
            assertThat(fleet.get("/api/v1/overview").path("cvesOpen").intValue()).isZero();
            assertThat(fleet.get("/api/v1/cves?open=true").path("cves").size()).isZero();
            assertThat(fleet.get("/api/v1/cves?severity=low").path("cves").size()).isEqualTo(1);
            assertThat(
                            fleet.get("/api/v1/livepatches")
                                    .path("livepatches")
                                    .path(0)
                                    .path("inForce")
                                    .intValue())
                    .isEqualTo(2);
        }
    }

    @Test
    void whatIsToldOfAKernelIsOfThatKernel(@TempDir Path data) throws Exception {
        try (TestFleet fleet = TestFleet.start(data)) {
            String other = told(CVE, "exposed").replace(TestRelease.BUILD_ID, "ab".repeat(20));
            assertThat(tell(fleet, other).status()).isEqualTo(400);
            assertThat(tell(fleet, told(CVE, "great")).status()).isEqualTo(400);
            assertThat(tell(fleet, told("CVE-x", "exposed")).status()).isEqualTo(400);
        }
    }

    @Test
    void theOverviewCountsWhatThereIs(@TempDir Path data) throws Exception {
        try (TestFleet fleet = TestFleet.start(data)) {
            fleet.rollOut();
            TestHost one = fleet.host("canary");
            TestHost two = fleet.host("web");
            JsonNode before = fleet.get("/api/v1/overview");
            assertThat(before.path("systems").intValue()).isEqualTo(2);
            assertThat(before.path("unreported").intValue()).isEqualTo(2);
            report(one, "closed");
            report(two, "closed");
            TestFleet.require(
                    one.attempt("load", TestRelease.NAME, TestRelease.SHA256, TestRelease.BUILD_ID),
                    200);
            JsonNode after = fleet.get("/api/v1/overview");
            assertThat(after.path("unreported").intValue()).isZero();
            assertThat(after.path("silent").intValue()).isZero();
            assertThat(after.path("attemptsOpen").intValue()).isEqualTo(1);
            assertThat(after.path("byRing").path("canary").intValue()).isEqualTo(1);
            assertThat(after.path("byRing").path("all").intValue()).isEqualTo(1);
            assertThat(after.path("byRelease").path(RELEASE).intValue()).isEqualTo(2);
            fleet.clock.advance(Duration.ofMinutes(90));
            TestFleet.require(two.getKey(), 200);
            report(two, "closed");
            JsonNode later = fleet.get("/api/v1/overview");
            assertThat(later.path("silent").intValue()).isEqualTo(1);
            assertThat(later.path("attemptsOpen").intValue()).isZero();
            assertThat(later.path("attemptsSilent").intValue()).isEqualTo(1);
        }
    }

    @Test
    void aHostThatSaysNothingForTooLongIsSilentUntilItReports(@TempDir Path data) throws Exception {
        try (TestFleet fleet = TestFleet.start(data)) {
            TestHost one = fleet.host("canary");
            TestHost two = fleet.host("canary");
            report(one, "closed");
            fleet.clock.advance(Duration.ofMinutes(90));
            report(two, "closed");
            fleet.markSilent();
            assertThat(silent(fleet)).containsExactly(one.id);
            report(one, "closed");
            assertThat(silent(fleet)).isEmpty();
        }
    }

    private static List<String> silent(TestFleet fleet) throws Exception {
        List<String> ids = new ArrayList<>();
        fleet.get("/api/v1/systems?silent=true")
                .path("systems")
                .forEach(s -> ids.add(s.path("id").stringValue()));
        return ids;
    }

    @Test
    void aHostIsMovedToAnotherRingAndRemoved(@TempDir Path data) throws Exception {
        try (TestFleet fleet = TestFleet.start(data)) {
            TestHost host = fleet.host("canary");
            report(host, "closed");
            String path = "/api/v1/systems/" + host.id;
            assertThat(put(fleet, path + "/ring", "nowhere").status()).isEqualTo(400);
            TestFleet.require(put(fleet, path + "/ring", "early"), 200);
            JsonNode moved = fleet.get(path);
            assertThat(moved.path("ring").stringValue()).isEqualTo("early");
            assertThat(moved.path("cves").path(0).path("state").stringValue()).isEqualTo("closed");
            TestClient.Answer answer =
                    host.report(TestHost.facts("b.example", RELEASE, CVE, "pending"));
            assertThat(answer.json().path("ring").stringValue()).isEqualTo("early");
            TestFleet.require(
                    fleet.client.send(
                            "DELETE", path, TestFleet.as(fleet.administrator()), new byte[0]),
                    200);
            assertThat(host.report(TestHost.facts("b.example", RELEASE, CVE, "closed")).code())
                    .isEqualTo("RBL-FLEET-HOST");
            assertThat(host.getKey().code()).isEqualTo("RBL-FLEET-HOST");
            assertThat(host.enrol(fleet.enrolmentToken("canary")).code())
                    .isEqualTo("RBL-FLEET-ENROLLED");
            JsonNode overview = fleet.get("/api/v1/overview");
            assertThat(overview.path("systems").intValue()).isZero();
            fleet.clock.advance(Duration.ofHours(5));
            assertThat(fleet.get("/api/v1/overview").path("silent").intValue()).isZero();
        }
    }

    private static TestClient.Answer put(TestFleet fleet, String path, String ring)
            throws Exception {
        return fleet.client.send(
                "PUT",
                path,
                TestFleet.as(fleet.administrator()),
                ("{\"schemaVersion\":1,\"ring\":\"" + ring + "\"}")
                        .getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void attemptsAreListedTheNewestFirst(@TempDir Path data) throws Exception {
        try (TestFleet fleet = TestFleet.start(data)) {
            fleet.rollOut();
            TestHost host = fleet.host("canary");
            List<String> ids = new ArrayList<>();
            for (String outcome : List.of("done", "done", "failed")) {
                TestClient.Answer attempt =
                        host.attempt(
                                "load", TestRelease.NAME, TestRelease.SHA256, TestRelease.BUILD_ID);
                String id = attempt.json().path("attempt").stringValue();
                TestFleet.require(host.outcome(id, outcome), 200);
                ids.addFirst(id);
            }
            List<String> listed = new ArrayList<>();
            JsonNode page = fleet.get("/api/v1/attempts?limit=2");
            page.path("attempts").forEach(a -> listed.add(a.path("id").stringValue()));
            fleet.get("/api/v1/attempts?limit=2&after=" + page.path("next").stringValue())
                    .path("attempts")
                    .forEach(a -> listed.add(a.path("id").stringValue()));
            assertThat(listed).isEqualTo(ids);
            assertThat(fleet.get("/api/v1/attempts?outcome=failed").path("attempts").size())
                    .isEqualTo(1);
            assertThat(fleet.get("/api/v1/attempts?system=" + host.id).path("attempts").size())
                    .isEqualTo(3);
            assertThat(fleet.get("/api/v1/systems/" + host.id).path("attempts").size())
                    .isEqualTo(3);
        }
    }

    @Test
    void everyEntryOfTheAuditLogHasTheHashOfTheOneBefore(@TempDir Path data) throws Exception {
        try (TestFleet fleet = TestFleet.start(data)) {
            fleet.host("canary");
            JsonNode page = fleet.get("/api/v1/audit?limit=200");
            String previous = "";
            Set<String> actions = new HashSet<>();
            for (JsonNode each : page.path("entries")) {
                String canonical = each.path("canonical").stringValue();
                String sha256 = each.path("sha256").stringValue();
                assertThat(
                                dev.rebootless.base.Hashes.sha256(
                                        canonical.getBytes(StandardCharsets.UTF_8)))
                        .isEqualTo(sha256);
                if (!previous.isEmpty()) {
                    assertThat(previous).isEqualTo(sha256);
                }
                previous = each.path("entry").path("previous").stringValue();
                actions.add(each.path("entry").path("action").stringValue());
            }
            assertThat(previous).isEqualTo("00".repeat(32));
            assertThat(actions)
                    .contains(
                            "account.made", "token.made", "enrolment-token.made", "host.enrolled");
            JsonNode verdict = fleet.get("/api/v1/audit/verification");
            assertThat(verdict.path("intact").booleanValue()).isTrue();
            assertThat(verdict.path("entries").intValue()).isEqualTo(page.path("entries").size());
        }
    }

    @Test
    void theAuditLogCannotBeChangedAndAChangeIsSeen(@TempDir Path data) throws Exception {
        try (TestFleet fleet = TestFleet.start(data)) {
            fleet.host("canary");
            try (var connection = TestDatabase.connect(fleet.database());
                    var statement = connection.createStatement()) {
                for (String sql :
                        List.of(
                                "UPDATE audit_entry SET actor = 'nobody' WHERE number = 1",
                                "DELETE FROM audit_entry WHERE number = 1",
                                "TRUNCATE audit_entry")) {
                    org.assertj.core.api.Assertions.assertThatThrownBy(() -> statement.execute(sql))
                            .hasMessageContaining("only ever added to");
                }
                for (String[] tampering :
                        new String[][] {
                            {
                                "UPDATE audit_entry SET actor = 'nobody' WHERE number = 2",
                                "does not follow"
                            },
                            {
                                "UPDATE audit_entry SET bytes = 'x' WHERE number = 2",
                                "not what its hash"
                            },
                            {"DELETE FROM audit_entry WHERE number = 2", "is missing"},
                            {
                                "DELETE FROM audit_entry WHERE number = (SELECT max(number) FROM audit_entry)",
                                "ends at"
                            }
                        }) {
                    connection.setAutoCommit(false);
                    statement.execute("ALTER TABLE audit_entry DISABLE TRIGGER ALL");
                    statement.execute("CREATE TABLE kept AS SELECT * FROM audit_entry");
                    statement.execute(tampering[0]);
                    connection.commit();
                    JsonNode verdict = fleet.get("/api/v1/audit/verification");
                    assertThat(verdict.path("intact").booleanValue()).as(tampering[0]).isFalse();
                    assertThat(verdict.path("broken").stringValue()).contains(tampering[1]);
                    statement.execute("DELETE FROM audit_entry");
                    statement.execute("INSERT INTO audit_entry SELECT * FROM kept");
                    statement.execute("DROP TABLE kept");
                    connection.commit();
                }
            }
            assertThat(fleet.get("/api/v1/audit/verification").path("intact").booleanValue())
                    .isTrue();
        }
    }
}
