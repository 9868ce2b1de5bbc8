package dev.rebootless.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.fleet.store.DatabaseAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Several processes with one database are one server. */
class SeveralServersTest {
    private static final String RELEASE = "6.1.0-56-cloud-amd64";

    @Test
    void whatOneGivesTheOtherTakes(@TempDir Path one, @TempDir Path two) throws Exception {
        DatabaseAddress database = TestDatabase.fresh();
        TestRelease.publish(one.resolve("repository"));
        TestClock clock = new TestClock();
        try (TestFleet first = TestFleet.start(one, clock, Optional.of(database));
                TestFleet second = TestFleet.start(two, clock, Optional.of(database))) {
            TestHost host = first.host("canary");
            TestHost same = at(second, host, clock);
            String facts = TestHost.facts("a.example", RELEASE, "CVE-2026-0001", "closed");
            TestFleet.require(same.report(facts), 200);
            assertThat(host.report(facts).code())
                    .as("the other one's sequence counts here")
                    .isEqualTo("RBL-FLEET-REPLAY");
            assertThat(host.unchanged(facts).json().path("whole").booleanValue()).isFalse();
            assertThat(
                            second.client
                                    .get("/api/v1/me", TestFleet.as(first.administrator()))
                                    .status())
                    .isEqualTo(200);
            assertThat(second.server.setupSecret()).isEmpty();
        }
    }

    private static TestHost at(TestFleet fleet, TestHost host, TestClock clock) {
        TestHost same = new TestHost(fleet.client, clock, host.pair);
        same.id = host.id;
        same.keyId = host.keyId;
        same.key = host.key;
        same.sequence = host.sequence;
        return same;
    }

    @Test
    void reportsToTwoAtOnceAreAllCounted(@TempDir Path one, @TempDir Path two) throws Exception {
        DatabaseAddress database = TestDatabase.fresh();
        TestRelease.publish(one.resolve("repository"));
        TestClock clock = new TestClock();
        int hosts = 24;
        try (TestFleet first = TestFleet.start(one, clock, Optional.of(database));
                TestFleet second = TestFleet.start(two, clock, Optional.of(database));
                var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<?>> all = new ArrayList<>();
            for (int i = 0; i < hosts; i++) {
                TestHost host = first.host("canary");
                TestFleet fleet = i % 2 == 0 ? first : second;
                TestHost here = at(fleet, host, clock);
                all.add(
                        threads.submit(() -> {
                            for (int round = 0; round < 20; round++) {
                                // Few classes, so that both change the same counters.
                                TestFleet.require(
                                        here.report(
                                                TestHost.facts(
                                                        "a.example",
                                                        RELEASE,
                                                        "CVE-2026-" + (1000 + round % 3),
                                                        "closed")),
                                        200);
                            }
                            return true;
                        }));
            }
            for (Future<?> each : all) {
                each.get();
            }
        }
        try (var connection = TestDatabase.connect(database);
                var query =
                        connection.prepareStatement(
                                """
                                SELECT count(*), sum(hosts), (SELECT sum(hosts) FROM presence)
                                FROM system_class WHERE hosts > 0
                                """);
                var rows = query.executeQuery()) {
            assertThat(rows.next()).isTrue();
            assertThat(rows.getInt(1)).isEqualTo(1);
            assertThat(rows.getInt(2)).isEqualTo(hosts);
            assertThat(rows.getInt(3)).isEqualTo(hosts);
        }
    }
}
