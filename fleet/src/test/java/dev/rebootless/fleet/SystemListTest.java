package dev.rebootless.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** Systems are filtered, sorted and paged, by what they reported. */
class SystemListTest {
    private static final String OLD = "6.1.0-55-cloud-amd64";
    private static final String NEW = "6.1.0-56-cloud-amd64";
    private static final String CVE = "CVE-2026-0001";

    @TempDir private static Path data = Path.of("");
    private static @org.jspecify.annotations.Nullable TestFleet started;
    private static final List<TestHost> HOSTS = new ArrayList<>();

    /** Twelve: every second in the canary ring, every third with the old kernel. */
    @BeforeAll
    static void start() throws Exception {
        started = TestFleet.start(data);
        for (int i = 0; i < 12; i++) {
            TestHost host = fleet().host(i % 2 == 0 ? "canary" : "web");
            TestFleet.require(
                    host.report(
                            TestHost.facts(
                                    "host%02d.example".formatted(i),
                                    i % 3 == 0 ? OLD : NEW,
                                    CVE,
                                    i < 6 ? "closed" : "pending")),
                    200);
            HOSTS.add(host);
        }
    }

    @AfterAll
    static void stop() {
        fleet().close();
    }

    private static TestFleet fleet() {
        return java.util.Objects.requireNonNull(started);
    }

    private static List<String> names(String query) throws Exception {
        List<String> names = new ArrayList<>();
        for (JsonNode system : fleet().get("/api/v1/systems?" + query).path("systems")) {
            names.add(system.path("hostname").stringValue().substring(0, 6));
        }
        return names;
    }

    private static List<String> hosts(int... numbers) {
        return java.util.Arrays.stream(numbers).mapToObj("host%02d"::formatted).toList();
    }

    @Test
    void withoutAFilterAllAreThereByName() throws Exception {
        assertThat(names("")).isEqualTo(hosts(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11));
        assertThat(names("sort=-hostname&limit=3")).isEqualTo(hosts(11, 10, 9));
    }

    @Test
    void filtersAreOfWhatWasReportedAndOfWhereHostsBelong() throws Exception {
        assertThat(names("ring=canary")).isEqualTo(hosts(0, 2, 4, 6, 8, 10));
        assertThat(names("tag=web")).isEqualTo(hosts(1, 3, 5, 7, 9, 11));
        assertThat(names("release=" + OLD)).isEqualTo(hosts(0, 3, 6, 9));
        assertThat(names("release=" + OLD + "&ring=canary")).isEqualTo(hosts(0, 6));
        assertThat(names("livepatch=livepatch_fix")).hasSize(12);
        assertThat(names("livepatch=livepatch")).isEmpty();
        assertThat(names("rebootRequired=true")).isEmpty();
        assertThat(names("rebootRequired=false")).hasSize(12);
        assertThat(names("hostname=host1")).isEqualTo(hosts(10, 11));
        assertThat(names("hostname=host1&ring=canary")).isEqualTo(hosts(10));
        assertThat(names("cve=" + CVE + "&state=closed")).isEqualTo(hosts(0, 1, 2, 3, 4, 5));
        assertThat(names("cve=" + CVE + "&state=pending&sort=-hostname"))
                .isEqualTo(hosts(11, 10, 9, 8, 7, 6));
        assertThat(names("cve=CVE-2026-9999&state=closed")).isEmpty();
        assertThat(names("silent=true")).isEmpty();
        assertThat(names("silent=false&ring=canary")).isEqualTo(hosts(0, 2, 4, 6, 8, 10));
    }

    @Test
    void openIsWhatTheKernelHasAndNothingCloses() throws Exception {
        assertThat(names("cve=CVE-2026-7777&state=open")).as("nobody told of it").isEmpty();
        TestFleet.require(
                fleet().client
                        .send(
                                "PUT",
                                "/api/v1/kernels/" + TestRelease.BUILD_ID + "/cves",
                                TestFleet.as(fleet().administrator()),
                                FleetApiTest.told(CVE, "exposed").getBytes(StandardCharsets.UTF_8)),
                200);
        assertThat(names("cve=" + CVE + "&state=open")).isEqualTo(hosts(6, 7, 8, 9, 10, 11));
        assertThat(names("cve=" + CVE)).as("open is what is meant without a state").hasSize(6);
    }

    @Test
    void pagesFollowEachOtherWithoutGapAndWithoutDouble() throws Exception {
        for (String query :
                List.of("", "&ring=canary", "&sort=-hostname", "&silent=false", "&hostname=host")) {
            List<String> all = names("limit=200" + query);
            List<String> paged = new ArrayList<>();
            String after = "";
            while (true) {
                JsonNode page = fleet().get("/api/v1/systems?limit=5" + query + after);
                page.path("systems")
                        .forEach(s -> paged.add(s.path("hostname").stringValue().substring(0, 6)));
                if (page.path("next").isNull()) {
                    break;
                }
                after = "&after=" + page.path("next").stringValue();
            }
            assertThat(paged).as(query).isEqualTo(all);
        }
    }

    @Test
    void theTotalIsOfAllPages() throws Exception {
        assertThat(fleet().get("/api/v1/systems?limit=2").path("total").intValue()).isEqualTo(12);
        assertThat(fleet().get("/api/v1/systems?limit=2&ring=canary").path("total").intValue())
                .isEqualTo(6);
    }

    @Test
    void aSystemIsShownWhole() throws Exception {
        JsonNode system = fleet().get("/api/v1/systems/" + HOSTS.getFirst().id);
        assertThat(system.path("hostname").stringValue()).isEqualTo("host00.example");
        assertThat(system.path("facts").path("commandLine").stringValue()).isEqualTo("quiet");
        assertThat(system.path("cves").path(0).path("state").stringValue()).isEqualTo("closed");
        assertThat(system.path("machine").stringValue()).isEqualTo(HOSTS.getFirst().machine);
        assertThat(
                        fleet().client
                                .get(
                                        "/api/v1/systems/" + java.util.UUID.randomUUID(),
                                        TestFleet.as(fleet().administrator()))
                                .status())
                .isEqualTo(404);
    }

    @Test
    void sqlInAFilterIsATextLikeAnyOther() throws Exception {
        List<String> hostile =
                List.of(
                        "' OR '1'='1",
                        "'; DROP TABLE host; --",
                        "\\'; DELETE FROM host_state; --",
                        "%",
                        "_",
                        "$1",
                        ":ring",
                        "x') OR true --",
                        "é\u202e\u0001",
                        "\ud83d\ude00",
                        "{1,2}");
        Map<String, List<String>> parameters =
                Map.of(
                        "/api/v1/systems",
                        List.of(
                                "ring",
                                "tag",
                                "os",
                                "release",
                                "buildId",
                                "livepatch",
                                "rebootRequired",
                                "silent",
                                "hostname",
                                "cve",
                                "sort",
                                "after",
                                "limit"),
                        "/api/v1/cves",
                        List.of("severity", "open", "sort", "after", "limit"),
                        "/api/v1/attempts",
                        List.of("system", "livepatch", "outcome", "after", "limit"),
                        "/api/v1/audit",
                        List.of("actor", "action", "subject", "after", "limit"));
        int asked = 0;
        for (var route : parameters.entrySet()) {
            for (String parameter : route.getValue()) {
                for (String value : hostile) {
                    asked++;
                    TestClient.Answer answer =
                            fleet().client
                                    .get(
                                            route.getKey()
                                                    + "?"
                                                    + parameter
                                                    + "="
                                                    + URLEncoder.encode(
                                                            value, StandardCharsets.UTF_8),
                                            TestFleet.as(fleet().administrator()));
                    assertThat(answer.status()).as(parameter + "=" + value).isIn(200, 400);
                    if (answer.status() == 200) {
                        assertThat(answer.text()).as(parameter + "=" + value).contains("[]");
                    }
                }
            }
        }
        assertThat(asked).isGreaterThan(250);
        assertThat(names("")).hasSize(12);
    }

    @Test
    void whatIsNoParameterIsNotUnderstood() throws Exception {
        for (String query :
                List.of("rings=canary", "ring=a&ring=b", "limit=0", "limit=201", "state=closed")) {
            assertThat(
                            fleet().client
                                    .get(
                                            "/api/v1/systems?" + query,
                                            TestFleet.as(fleet().administrator()))
                                    .status())
                    .as(query)
                    .isEqualTo(400);
        }
    }
}
