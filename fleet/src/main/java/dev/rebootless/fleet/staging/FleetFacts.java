package dev.rebootless.fleet.staging;

import dev.rebootless.fleet.rollout.HostProgress;
import dev.rebootless.fleet.rollout.HostStanding;
import dev.rebootless.fleet.rollout.PlannedRing;
import dev.rebootless.fleet.rollout.RingFacts;
import dev.rebootless.fleet.rollout.RolloutFacts;
import dev.rebootless.fleet.rollout.RolloutPlan;
import dev.rebootless.release.DesiredState;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Timestamp;
import java.time.Instant;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.BiFunction;
import org.jdbi.v3.core.Handle;

/**
 * How the fleet stands in a rollout, counted in the database within the transaction that decides.
 *
 * <p>Of hosts that were allowed to act since the rollout was ordered, each is looked at; all others
 * are counted by the classes that they are in. What was before counts no more: with a new rollout
 * of the same livepatch hosts on which it failed try again.
 */
final class FleetFacts {
    private static final int FETCHED = 2000;

    private final BiFunction<String, String, Optional<DesiredState>> states;

    /**
     * Facts that know what is signed.
     *
     * @param states the published state of a build id and ring
     */
    FleetFacts(BiFunction<String, String, Optional<DesiredState>> states) {
        this.states = states;
    }

    /**
     * Of all rings of a plan.
     *
     * @param since when the rollout was ordered
     */
    RolloutFacts of(Handle handle, RolloutPlan plan, Instant since, Instant now) {
        Map<String, Integer> hosts = hosts(handle, Optional.empty());
        Map<String, Counted> counted = eligible(handle, plan);
        offline(handle, plan, since, now, counted);
        acted(handle, plan, since, now, counted);
        return new RolloutFacts(
                plan.rings().stream().map(r -> facts(plan, r, hosts, counted)).toList());
    }

    /**
     * Of one ring, for the answer to a host that asks. Hosts that are offline count as waiting
     * here: nothing that is answered depends on which of the two they are, and counting them needs
     * a look at each.
     */
    RingFacts ofRing(Handle handle, Rollout rollout, PlannedRing ring, Instant now) {
        RolloutPlan plan = rollout.plan();
        Map<String, Counted> counted = eligible(handle, plan);
        acted(handle, plan, rollout.created(), now, counted);
        return facts(plan, ring, hosts(handle, Optional.of(ring.ring())), counted);
    }

    /** How one host stands. */
    HostStanding standing(Handle handle, Rollout rollout, String ring, UUID host, Instant now) {
        RolloutPlan plan = rollout.plan();
        int index = plan.indexOf(ring).orElse(0);
        return handle.createQuery(LAST_ATTEMPTS + " AND a.host = :host")
                .bind("sha256", HexFormat.of().parseHex(plan.livepatch().sha256()))
                .bind("since", rollout.created())
                .bind("host", host)
                .map((row, _) -> progress(row).standing(plan.pace(), plan.soakOf(index), now))
                .findOne()
                .orElse(HostStanding.WAITING);
    }

    /** Of a ring while it is counted. */
    private static final class Counted {
        private final Map<HostStanding, Integer> standings = new EnumMap<>(HostStanding.class);
        private Optional<Instant> offlineSince = Optional.empty();

        void add(HostStanding standing, int hosts) {
            standings.merge(standing, hosts, Integer::sum);
        }
    }

    private static Counted of(Map<String, Counted> counted, String ring) {
        return counted.computeIfAbsent(ring, r -> new Counted());
    }

    private RingFacts facts(
            RolloutPlan plan,
            PlannedRing ring,
            Map<String, Integer> hosts,
            Map<String, Counted> counted) {
        Counted of = of(counted, ring.ring());
        // Hosts report between the statements that count them.
        of.standings.replaceAll((_, count) -> Math.max(0, count));
        int eligible = of.standings.values().stream().mapToInt(Integer::intValue).sum();
        Optional<DesiredState> state = states.apply(plan.livepatch().buildId(), ring.ring());
        String sha256 = plan.livepatch().sha256();
        return new RingFacts(
                ring.ring(),
                // One that has acted and boots another kernel now is still counted here.
                Math.max(eligible, hosts.getOrDefault(ring.ring(), 0)),
                of.standings,
                of.offlineSince,
                state.flatMap(DesiredState::load)
                        .filter(l -> l.sha256().equals(sha256))
                        .isPresent(),
                state.flatMap(s ->
                        s.reversible().stream()
                                .filter(r -> r.sha256().equals(sha256))
                                .map(DesiredState.Reversible::until)
                                .findFirst()));
    }

    private static Map<String, Integer> hosts(Handle handle, Optional<String> ring) {
        Map<String, Integer> hosts = new HashMap<>();
        handle.createQuery(
                        """
                        SELECT ring, sum(hosts) FROM system_class
                        WHERE :ring::text IS NULL OR ring = :ring GROUP BY ring
                        """)
                .bind("ring", ring.orElse(null))
                .map((row, _) -> hosts.put(row.getString(1), row.getInt(2)))
                .list();
        return hosts;
    }

    /**
     * All that run the kernel build: those that have the livepatch already, by an earlier rollout
     * or since they booted, as done, and the others as waiting.
     */
    private static Map<String, Counted> eligible(Handle handle, RolloutPlan plan) {
        Map<String, Counted> counted = new HashMap<>();
        handle.createQuery(
                        """
                        SELECT ring, sum(hosts), :module = ANY(in_force) FROM system_class
                        WHERE build_id = :build GROUP BY 1, 3
                        """)
                .bind("build", plan.livepatch().buildId())
                .bind("module", plan.livepatch().module())
                .map((row, _) -> {
                    of(counted, row.getString(1)).add(ofClass(row.getBoolean(3)), row.getInt(2));
                    return true;
                })
                .list();
        return counted;
    }

    private static HostStanding ofClass(boolean inForce) {
        return inForce ? HostStanding.DONE : HostStanding.WAITING;
    }

    /** Those of them that have not acted and are not heard of. */
    private static void offline(
            Handle handle,
            RolloutPlan plan,
            Instant ordered,
            Instant now,
            Map<String, Counted> counted) {
        handle.createQuery(
                        """
                        SELECT c.ring, count(*), min(s.seen)
                        FROM host_state s JOIN system_class c ON c.id = s.class
                        WHERE c.build_id = :build AND s.seen < :since
                        AND NOT :module = ANY(c.in_force) AND NOT EXISTS (
                            SELECT FROM attempt a WHERE a.host = s.host AND a.sha256 = :sha256
                            AND a.action <> 'unload' AND a.started >= :ordered)
                        GROUP BY c.ring
                        """)
                .bind("ordered", ordered)
                .bind("module", plan.livepatch().module())
                .bind("build", plan.livepatch().buildId())
                .bind("sha256", HexFormat.of().parseHex(plan.livepatch().sha256()))
                .bind("since", now.minus(plan.pace().silence()))
                .map((row, _) -> {
                    Counted ring = of(counted, row.getString(1));
                    ring.add(HostStanding.OFFLINE, row.getInt(2));
                    ring.add(HostStanding.WAITING, -row.getInt(2));
                    ring.offlineSince = moment(row, 3);
                    return true;
                })
                .list();
    }

    /** The last attempt of each host with a livepatch; of unloading it, people decide elsewhere. */
    private static final String LAST_ATTEMPTS =
            """
            SELECT a.ring, a.action, a.started, a.outcome, a.finished, a.booted_again, s.seen,
                c.build_id, c.ring AS class_ring, a.livepatch = ANY(c.in_force) AS in_force
            FROM (
                SELECT DISTINCT ON (host)
                    host, ring, action, started, outcome, finished, booted_again, livepatch
                FROM attempt
                WHERE sha256 = :sha256 AND action <> 'unload' AND started >= :since
                ORDER BY host, number DESC
            ) a
            JOIN host_state s ON s.host = a.host
            JOIN system_class c ON c.id = s.class
            WHERE true
            """;

    private static void acted(
            Handle handle,
            RolloutPlan plan,
            Instant since,
            Instant now,
            Map<String, Counted> counted) {
        try (var rows =
                handle
                        .createQuery(LAST_ATTEMPTS)
                        .bind("sha256", HexFormat.of().parseHex(plan.livepatch().sha256()))
                        .bind("since", since)
                        .setFetchSize(FETCHED)
                        .map((row, _) -> {
                            add(row, plan, now, counted);
                            return true;
                        })
                        .stream()) {
            rows.forEach(_ -> {});
        }
    }

    private static void add(
            ResultSet row, RolloutPlan plan, Instant now, Map<String, Counted> counted)
            throws SQLException {
        String ring = row.getString("ring");
        Optional<Integer> index = plan.indexOf(ring);
        if (plan.livepatch().buildId().equals(row.getString("build_id"))) {
            // Its class has counted it already.
            of(counted, row.getString("class_ring")).add(ofClass(row.getBoolean("in_force")), -1);
        }
        if (index.isPresent()) {
            of(counted, ring)
                    .add(progress(row).standing(plan.pace(), plan.soakOf(index.get()), now), 1);
        }
    }

    private static HostProgress progress(ResultSet row) throws SQLException {
        Instant started = row.getTimestamp("started").toInstant();
        Optional<String> outcome = Optional.ofNullable(row.getString("outcome"));
        Optional<Instant> finished = moment(row, "finished");
        return new HostProgress(
                row.getTimestamp("seen").toInstant(),
                Optional.of(
                        new HostProgress.Attempt(
                                row.getString("action").equals("load")
                                        ? HostProgress.Action.LOAD
                                        : HostProgress.Action.REVERSE,
                                started,
                                outcome.map(o ->
                                        new HostProgress.Ended(
                                                outcome(o), finished.orElse(started))))),
                moment(row, "booted_again"));
    }

    private static HostProgress.Outcome outcome(String word) {
        return switch (word) {
            case "done" -> HostProgress.Outcome.DONE;
            case "refused" -> HostProgress.Outcome.REFUSED;
            case "failed" -> HostProgress.Outcome.FAILED;
            case "reversed" -> HostProgress.Outcome.REVERSED;
            default -> throw new IllegalStateException("an outcome " + word);
        };
    }

    private static Optional<Instant> moment(ResultSet row, String column) throws SQLException {
        return Optional.ofNullable(row.getTimestamp(column)).map(Timestamp::toInstant);
    }

    private static Optional<Instant> moment(ResultSet row, int column) throws SQLException {
        return Optional.ofNullable(row.getTimestamp(column)).map(Timestamp::toInstant);
    }
}
