package dev.rebootless.fleet.store;

import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SequencedMap;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;

/** The fleet in numbers: sums over classes, never over hosts. */
public final class Overview {
    private final Jdbi jdbi;

    /** In a database. */
    public Overview(Database database) {
        this.jdbi = database.jdbi();
    }

    /**
     * The numbers.
     *
     * @param systems that are enrolled
     * @param unreported those that never sent their facts
     * @param silent those not seen for too long
     * @param rebootRequired those that say so
     * @param suspectedClones those of which messages came out of order
     * @param attemptsOpen attempts without an outcome, within their limit
     * @param attemptsSilent the same beyond it: hosts that failed
     */
    public record Numbers(
            long systems,
            long unreported,
            long silent,
            long rebootRequired,
            long suspectedClones,
            long attemptsOpen,
            long attemptsSilent,
            SequencedMap<String, Long> byRing,
            SequencedMap<String, Long> byRelease,
            SequencedMap<String, Long> byOs) {}

    /**
     * Counts.
     *
     * @param silentSince hosts that were not seen since then count as silent
     */
    public Numbers count(Instant silentSince, Instant now) {
        return jdbi.inTransaction(handle -> {
            long silent =
                    number(
                            handle,
                            "SELECT coalesce(sum(hosts), 0) FROM presence WHERE bucket < :bucket",
                            Map.of("bucket", ReportStore.bucketOf(silentSince)));
            return new Numbers(
                    number(handle, "SELECT coalesce(sum(hosts), 0) FROM system_class", Map.of()),
                    number(
                            handle,
                            "SELECT coalesce(sum(hosts), 0) FROM system_class WHERE release IS NULL",
                            Map.of()),
                    silent,
                    number(
                            handle,
                            "SELECT coalesce(sum(hosts), 0) FROM system_class WHERE reboot_required",
                            Map.of()),
                    number(handle, "SELECT count(*) FROM suspected_clone", Map.of()),
                    number(
                            handle,
                            "SELECT count(*) FROM attempt WHERE outcome IS NULL AND expires > :now",
                            Map.of("now", now)),
                    number(
                            handle,
                            "SELECT count(*) FROM attempt WHERE outcome IS NULL AND expires <= :now",
                            Map.of("now", now)),
                    by(handle, "ring"),
                    by(handle, "release"),
                    by(handle, "os"));
        });
    }

    private static long number(Handle handle, String sql, Map<String, ?> arguments) {
        return handle.createQuery(sql).bindMap(arguments).mapTo(Long.class).one();
    }

    /** The most frequent first. */
    private static SequencedMap<String, Long> by(Handle handle, String column) {
        SequencedMap<String, Long> counts = new LinkedHashMap<>();
        handle.createQuery(
                        """
                        SELECT %1$s, sum(hosts) FROM system_class
                        WHERE hosts > 0 AND %1$s IS NOT NULL
                        GROUP BY %1$s ORDER BY 2 DESC, 1 LIMIT 200
                        """
                                .formatted(column))
                .map((row, _) -> counts.put(row.getString(1), row.getLong(2)))
                .list();
        return counts;
    }

    /**
     * A livepatch on the systems.
     *
     * @param inForce on as many
     * @param inTransition on as many
     * @param foreign on as many, and not ours
     */
    public record Livepatch(String name, long inForce, long inTransition, long foreign) {}

    /** All livepatches that any system has. */
    public java.util.List<Livepatch> livepatches() {
        return jdbi.withHandle(handle ->
                handle.createQuery(
                                """
                                SELECT name, coalesce(sum(hosts) FILTER (WHERE kind = 1), 0),
                                    coalesce(sum(hosts) FILTER (WHERE kind = 2), 0),
                                    coalesce(sum(hosts) FILTER (WHERE kind = 3), 0)
                                FROM (
                                    SELECT unnest(in_force) AS name, 1 AS kind, hosts FROM system_class
                                    UNION ALL
                                    SELECT unnest(in_transition), 2, hosts FROM system_class
                                    UNION ALL
                                    SELECT unnest(foreign_ones), 3, hosts FROM system_class) l
                                WHERE hosts > 0 GROUP BY name ORDER BY name COLLATE "C" LIMIT 1000
                                """)
                        .map((row, _) ->
                                new Livepatch(
                                        row.getString(1),
                                        row.getLong(2),
                                        row.getLong(3),
                                        row.getLong(4)))
                        .list());
    }
}
