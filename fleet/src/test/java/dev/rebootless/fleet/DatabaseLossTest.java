package dev.rebootless.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.fleet.store.EmbeddedDatabase;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** PostgreSQL is killed while reports come. */
class DatabaseLossTest {
    @Test
    void nothingThatWasAcknowledgedIsLost(@TempDir Path data) throws Exception {
        TestRelease.publish(data.resolve("repository"));
        try (TestFleet fleet = TestFleet.start(data, new TestClock(), Optional.empty())) {
            EmbeddedDatabase database = fleet.server.embedded().orElseThrow();
            Map<String, Long> acknowledged = new ConcurrentHashMap<>();
            AtomicInteger answered = new AtomicInteger();
            AtomicInteger refused = new AtomicInteger();
            AtomicBoolean enough = new AtomicBoolean();
            List<TestHost> hosts = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                hosts.add(fleet.host("canary"));
            }
            try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
                List<Future<?>> all = new ArrayList<>();
                for (TestHost host : hosts) {
                    all.add(
                            threads.submit(() -> {
                                while (!enough.get()) {
                                    TestClient.Answer answer =
                                            host.report(
                                                    TestHost.facts(
                                                            "a" + host.sequence + ".example",
                                                            "6.1.0-56-cloud-amd64",
                                                            "CVE-2026-0001",
                                                            "closed"));
                                    if (answer.status() == 200) {
                                        acknowledged.put(host.id, host.sequence);
                                        answered.incrementAndGet();
                                    } else if (answer.status() == 429) {
                                        // It talks more than hosts do.
                                        Thread.sleep(200);
                                    } else {
                                        assertThat(answer.status()).isEqualTo(503);
                                        assertThat(answer.headers()).containsKey("retry-after");
                                        refused.incrementAndGet();
                                    }
                                }
                                return true;
                            }));
                }
                for (int kill = 0; kill < 3; kill++) {
                    int before = answered.get();
                    await(() -> answered.get() > before + 50);
                    ProcessHandle process = database.process().orElseThrow();
                    assertThat(process.destroyForcibly()).isTrue();
                    await(() ->
                            database.process().filter(p -> p.pid() != process.pid()).isPresent());
                }
                int before = answered.get();
                await(() -> answered.get() > before + 50);
                enough.set(true);
                for (Future<?> each : all) {
                    each.get();
                }
            }
            assertThat(refused.get()).as("it was seen to be away").isPositive();
            try (var connection = TestDatabase.connect(fleet.database());
                    var query =
                            connection.prepareStatement(
                                    "SELECT s.sequence, s.hostname, f.host IS NOT NULL FROM host_state s"
                                            + " LEFT JOIN host_facts f USING (host) WHERE s.host = ?::uuid")) {
                for (TestHost host : hosts) {
                    query.setString(1, host.id);
                    try (var row = query.executeQuery()) {
                        assertThat(row.next()).isTrue();
                        assertThat(row.getLong(1))
                                .isGreaterThanOrEqualTo(acknowledged.getOrDefault(host.id, 0L));
                        assertThat(row.getBoolean(3)).isTrue();
                    }
                }
            }
        }
    }

    /** Waits for something, two minutes at most. */
    private static void await(java.util.function.BooleanSupplier condition) throws Exception {
        for (int i = 0; i < 2400; i++) {
            if (condition.getAsBoolean()) {
                return;
            }
            Thread.sleep(50);
        }
        throw new AssertionError("it did not happen within two minutes");
    }
}
