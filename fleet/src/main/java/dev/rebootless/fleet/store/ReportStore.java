package dev.rebootless.fleet.store;

import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.UUID;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;

/**
 * Writes many reports in one transaction: what is on the disk after it was paid for once, not once
 * for each.
 *
 * <p>Several processes write at once. Rows are locked in one order, here and in all stores: hosts
 * by their id, then the audit log, then classes by their number, then presence by its time; so no
 * transaction waits for one that waits for it.
 */
public final class ReportStore {
    /** The unit of {@code presence}. */
    public static final int BUCKET_SECONDS = 600;

    /** A class can vanish under a transaction only when nobody used it. */
    private static final int ATTEMPTS = 3;

    private final Jdbi jdbi;
    private final SystemClasses classes;

    /** In a database. */
    public ReportStore(Database database, SystemClasses classes) {
        this.jdbi = database.jdbi();
        this.classes = classes;
    }

    /** As it was before. */
    private record Before(int systemClass, long sequence, int bucket, Optional<byte[]> facts) {}

    /** A report that is accepted, with what it makes of its host's row. */
    private record Accepted(Report report, Before before, int systemClass) {}

    private static final class ClassGone extends RuntimeException {}

    /**
     * Writes reports.
     *
     * @param reports of as many hosts: none has two
     * @param now the moment that is written
     * @return what became of each, in their order; all that are acknowledged are on the disk
     */
    public List<Report.Outcome> write(List<Report> reports, Instant now) {
        for (int i = 0; ; i++) {
            try {
                return jdbi.inTransaction(handle -> write(handle, reports, now));
            } catch (ClassGone e) {
                classes.forget();
                if (i == ATTEMPTS) {
                    throw e;
                }
            }
        }
    }

    private List<Report.Outcome> write(Handle handle, List<Report> reports, Instant now) {
        Map<UUID, Before> before = lock(handle, reports);
        List<Report.Outcome> outcomes = new ArrayList<>();
        List<Accepted> unchanged = new ArrayList<>();
        List<Accepted> changed = new ArrayList<>();
        for (Report report : reports) {
            Before was = before.get(report.host());
            if (was == null) {
                outcomes.add(new Report.UnknownHost());
                continue;
            }
            if (was.sequence() >= report.sequence()) {
                outcomes.add(new Report.Replayed(was.sequence()));
                continue;
            }
            Membership membership =
                    classes.membershipOf(was.systemClass()).orElseThrow(ClassGone::new);
            boolean known =
                    was.facts()
                            .filter(f -> Arrays.equals(f, report.content().sha256()))
                            .isPresent();
            switch (report.content()) {
                case Report.Whole whole when !known ->
                        changed.add(
                                new Accepted(report, was, classes.idOf(membership, whole.facts())));
                case Report.Whole _, Report.Unchanged _ ->
                        unchanged.add(new Accepted(report, was, was.systemClass()));
            }
            outcomes.add(
                    switch (report.content()) {
                        case Report.Whole whole ->
                                new Report.Acknowledged(membership, whole.facts().buildId(), false);
                        case Report.Unchanged _ ->
                                new Report.Acknowledged(
                                        membership, classes.buildIdOf(was.systemClass()), !known);
                    });
        }
        touch(handle, unchanged, now);
        change(handle, changed, now);
        keepFacts(handle, changed, now);
        List<Accepted> accepted = new ArrayList<>(unchanged);
        accepted.addAll(changed);
        count(handle, accepted, now);
        return outcomes;
    }

    private static Map<UUID, Before> lock(Handle handle, List<Report> reports) {
        Map<UUID, Before> before = new HashMap<>();
        handle.createQuery(
                        """
                        SELECT host, class, sequence, extract(epoch FROM seen)::bigint, facts
                        FROM host_state WHERE host = ANY(:hosts) ORDER BY host FOR UPDATE
                        """)
                .bind("hosts", PostgresArray.uuids(reports.stream().map(Report::host).toList()))
                .map((row, _) ->
                        before.put(
                                row.getObject(1, UUID.class),
                                new Before(
                                        row.getInt(2),
                                        row.getLong(3),
                                        (int) (row.getLong(4) / BUCKET_SECONDS),
                                        Optional.ofNullable(row.getBytes(5)))))
                .list();
        return before;
    }

    private static void touch(Handle handle, List<Accepted> reports, Instant now) {
        if (reports.isEmpty()) {
            return;
        }
        handle.createUpdate(
                        """
                        UPDATE host_state s SET sequence = n.sequence, seen = :now, silent = false
                        FROM unnest(:hosts, :sequences) AS n(host, sequence)
                        WHERE s.host = n.host AND s.sequence < n.sequence
                        """)
                .bind("now", now)
                .bind("hosts", hosts(reports))
                .bind("sequences", sequences(reports))
                .execute();
    }

    /** Attempts of hosts that have booted since, before the row says so. */
    private static void noteBoots(Handle handle, List<Accepted> reports) {
        handle.createUpdate(
                        """
                        UPDATE attempt a SET booted_again = greatest(s.seen, a.started)
                        FROM unnest(:hosts, :boots) AS n(host, boot)
                            JOIN host_state s ON s.host = n.host AND s.boot <> n.boot
                        WHERE a.host = n.host AND a.booted_again IS NULL
                        """)
                .bind("hosts", hosts(reports))
                .bind("boots", boots(reports))
                .execute();
    }

    private static void change(Handle handle, List<Accepted> reports, Instant now) {
        if (reports.isEmpty()) {
            return;
        }
        noteBoots(handle, reports);
        handle.createUpdate(
                        """
                        UPDATE host_state s SET sequence = n.sequence, seen = :now, silent = false,
                            class = n.class, facts = n.facts, hostname = n.hostname,
                            boot = coalesce(n.boot, s.boot)
                        FROM unnest(:hosts, :sequences, :classes, :facts, :hostnames, :boots)
                            AS n(host, sequence, class, facts, hostname, boot)
                        WHERE s.host = n.host AND s.sequence < n.sequence
                        """)
                .bind("now", now)
                .bind("hosts", hosts(reports))
                .bind("sequences", sequences(reports))
                .bind(
                        "classes",
                        PostgresArray.integers(
                                reports.stream().map(Accepted::systemClass).toList()))
                .bind(
                        "facts",
                        PostgresArray.bytes(reports.stream().map(r -> whole(r).sha256()).toList()))
                .bind("boots", boots(reports))
                .bind(
                        "hostnames",
                        PostgresArray.texts(
                                reports.stream().map(r -> whole(r).hostname()).toList()))
                .execute();
    }

    private static void keepFacts(Handle handle, List<Accepted> reports, Instant now) {
        if (reports.isEmpty()) {
            return;
        }
        handle.createUpdate(
                        """
                        INSERT INTO host_facts (host, received, body)
                        SELECT n.host, :now, n.body FROM unnest(:hosts, :bodies) AS n(host, body)
                        ON CONFLICT (host) DO UPDATE
                        SET received = excluded.received, body = excluded.body
                        """)
                .bind("now", now)
                .bind("hosts", hosts(reports))
                .bind(
                        "bodies",
                        PostgresArray.bytes(
                                reports.stream().map(r -> whole(r).deflated()).toList()))
                .execute();
    }

    private static void count(Handle handle, List<Accepted> reports, Instant now) {
        Map<Integer, Integer> byClass = new HashMap<>();
        Map<Integer, Integer> byBucket = new HashMap<>();
        int bucket = bucketOf(now);
        for (Accepted report : reports) {
            byClass.merge(report.before().systemClass(), -1, Integer::sum);
            byClass.merge(report.systemClass(), 1, Integer::sum);
            byBucket.merge(report.before().bucket(), -1, Integer::sum);
            byBucket.merge(bucket, 1, Integer::sum);
        }
        if (!SystemClasses.count(handle, byClass)) {
            throw new ClassGone();
        }
        countPresence(handle, byBucket);
    }

    /** The unit of {@code presence} in which a moment is. */
    static int bucketOf(Instant moment) {
        return (int) (moment.getEpochSecond() / BUCKET_SECONDS);
    }

    /** As {@link SystemClasses#count}, and after it. */
    static void countPresence(Handle handle, Map<Integer, Integer> changes) {
        // An INSERT of a negative number would hit the CHECK before it sees the conflict.
        Map<Integer, Integer> sorted = new TreeMap<>(changes);
        sorted.values().removeIf(more -> more == 0);
        if (sorted.isEmpty()) {
            return;
        }
        List<Integer> buckets = List.copyOf(sorted.keySet());
        handle.createUpdate(
                        """
                        INSERT INTO presence (bucket, hosts)
                        SELECT b, 0 FROM unnest(:buckets) AS b ORDER BY b
                        ON CONFLICT (bucket) DO NOTHING
                        """)
                .bind("buckets", PostgresArray.integers(buckets))
                .execute();
        handle.createUpdate(
                        """
                        WITH locked AS (
                            SELECT bucket FROM presence WHERE bucket = ANY(:buckets)
                            ORDER BY bucket FOR UPDATE)
                        UPDATE presence p SET hosts = p.hosts + n.more
                        FROM locked, unnest(:buckets, :more) AS n(bucket, more)
                        WHERE p.bucket = locked.bucket AND p.bucket = n.bucket
                        """)
                .bind("buckets", PostgresArray.integers(buckets))
                .bind("more", PostgresArray.integers(List.copyOf(sorted.values())))
                .execute();
    }

    private static org.jdbi.v3.core.argument.Argument hosts(List<Accepted> reports) {
        return PostgresArray.uuids(reports.stream().map(r -> r.report().host()).toList());
    }

    private static org.jdbi.v3.core.argument.Argument sequences(List<Accepted> reports) {
        return PostgresArray.longs(reports.stream().map(r -> r.report().sequence()).toList());
    }

    private static org.jdbi.v3.core.argument.Argument boots(List<Accepted> reports) {
        return PostgresArray.texts(
                reports.stream().map(r -> whole(r).boot().orElse(null)).toList());
    }

    private static Report.Whole whole(Accepted report) {
        return (Report.Whole) report.report().content();
    }
}
