package dev.rebootless.fleet.store;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;

/** What hosts were allowed to do to their kernels, and what came of it. */
public final class AttemptStore {
    private final Jdbi jdbi;
    private final HostStore hosts;
    private final AuditLog audit;

    /** In a database. */
    public AttemptStore(Database database, HostStore hosts, AuditLog audit) {
        this.jdbi = database.jdbi();
        this.hosts = hosts;
        this.audit = audit;
    }

    /**
     * What a host wants to do.
     *
     * @param action load, unload or reverse
     * @param livepatch the module's name
     * @param sha256 of the module, in hexadecimal
     * @param buildId of the kernel
     * @param stateVersion of the desired state that wants it
     */
    public record Wanted(
            String action, String livepatch, String sha256, String buildId, int stateVersion) {}

    /**
     * An attempt that was allowed.
     *
     * @param expires when the host counts as failed, if it has said nothing
     */
    public record Open(UUID id, Wanted wanted, Instant expires) {}

    /**
     * What came of an attempt.
     *
     * @param outcome done, refused, failed or reversed
     * @param exitStatus of the command
     * @param transitionSeconds how long tasks took to move
     * @param problems JSON, as it came
     */
    public record Result(
            String outcome, int exitStatus, Optional<Double> transitionSeconds, String problems) {}

    /**
     * The attempt of a host that has no outcome yet and has not expired.
     *
     * <p>The caller has the host's row locked by its sequence, so that there is one at most.
     */
    private static Optional<Open> open(Handle handle, UUID host, Instant now) {
        return handle.createQuery(
                        """
                        SELECT id, action, livepatch, sha256, build_id, state_version, expires
                        FROM attempt WHERE host = :host AND outcome IS NULL AND expires > :now
                        ORDER BY number DESC LIMIT 1
                        """)
                .bind("host", host)
                .bind("now", now)
                .map((row, _) ->
                        new Open(
                                row.getObject("id", UUID.class),
                                wanted(row),
                                row.getTimestamp("expires").toInstant()))
                .findOne();
    }

    private static Wanted wanted(ResultSet row) throws SQLException {
        return new Wanted(
                row.getString("action"),
                row.getString("livepatch"),
                HexFormat.of().formatHex(row.getBytes("sha256")),
                row.getString("build_id"),
                row.getInt("state_version"));
    }

    /** What a request for an attempt came to. */
    public sealed interface Answer {}

    /** It is allowed; asking again gives the same. */
    public record Allowed(Open attempt) implements Answer {}

    /** Another one is under way. */
    public record Busy(Open other) implements Answer {}

    /** Not now. */
    public record Waits(String why) implements Answer {}

    /** The message was not the next. */
    public record OutOfSequence(HostStore.Taken taken) implements Answer {}

    /** Decides about an attempt, knowing where the host belongs. */
    @FunctionalInterface
    public interface Decider {
        /**
         * How long it may take, or why not.
         *
         * @param handle of the transaction, in which the host's row is locked
         */
        Verdict decide(Handle handle, Membership membership);
    }

    /** What a {@link Decider} says. */
    public sealed interface Verdict {}

    /** It may begin, and take as long. */
    public record May(Duration limit) implements Verdict {}

    /** It may not. */
    public record MayNot(String why) implements Verdict {}

    /**
     * Takes a message's sequence, and allows an attempt or not. The host's row is locked meanwhile,
     * and with it this question of this host.
     */
    public Answer request(UUID host, long sequence, Wanted wanted, Instant now, Decider decider) {
        return jdbi.inTransaction(handle -> {
            HostStore.Taken taken = hosts.take(handle, host, sequence);
            if (!(taken instanceof HostStore.Next next)) {
                return new OutOfSequence(taken);
            }
            Optional<Open> open = open(handle, host, now);
            if (open.isPresent()) {
                return isSame(open.get().wanted(), wanted)
                        ? new Allowed(open.get())
                        : new Busy(open.get());
            }
            return switch (decider.decide(handle, next.membership())) {
                case MayNot no -> new Waits(no.why());
                case May may ->
                        new Allowed(
                                insert(
                                        handle,
                                        host,
                                        next.membership(),
                                        wanted,
                                        now,
                                        now.plus(may.limit())));
            };
        });
    }

    private static boolean isSame(Wanted one, Wanted other) {
        return one.action().equals(other.action()) && one.sha256().equals(other.sha256());
    }

    private Open insert(
            Handle handle,
            UUID host,
            Membership membership,
            Wanted wanted,
            Instant now,
            Instant expires) {
        Open attempt = new Open(UUID.randomUUID(), wanted, expires);
        handle.createUpdate(
                        """
                        INSERT INTO attempt (
                            id, host, ring, action, livepatch, sha256, build_id, state_version,
                            started, expires)
                        VALUES (
                            :id, :host, :ring, :action, :livepatch, :sha256, :build_id,
                            :state_version, :now, :expires)
                        """)
                .bind("id", attempt.id())
                .bind("host", host)
                .bind("ring", membership.ring())
                .bind("action", wanted.action())
                .bind("livepatch", wanted.livepatch())
                .bind("sha256", HexFormat.of().parseHex(wanted.sha256()))
                .bind("build_id", wanted.buildId())
                .bind("state_version", wanted.stateVersion())
                .bind("now", now)
                .bind("expires", expires)
                .execute();
        audit.of("host " + host, now)
                .write(
                        handle,
                        "attempt.allowed",
                        attempt.id().toString(),
                        Map.of("action", wanted.action(), "sha256", wanted.sha256()));
        return attempt;
    }

    /** What an outcome came to. */
    public sealed interface Finished {}

    /** It is on the disk. */
    public record Recorded() implements Finished {}

    /** Another outcome was recorded before. */
    public record Contradicts(String outcome) implements Finished {}

    /** The host has no such attempt. */
    public record NoAttempt() implements Finished {}

    /** The message was not the next. */
    public record NotInSequence(HostStore.Taken taken) implements Finished {}

    /** Takes a message's sequence, and records an outcome. One that comes late counts as well. */
    public Finished finish(UUID host, long sequence, UUID attempt, Result result, Instant now) {
        return jdbi.inTransaction(handle -> {
            HostStore.Taken taken = hosts.take(handle, host, sequence);
            if (!(taken instanceof HostStore.Next)) {
                return new NotInSequence(taken);
            }
            Optional<Optional<String>> before =
                    handle.createQuery(
                                    """
                                    SELECT outcome FROM attempt
                                    WHERE id = :id AND host = :host FOR UPDATE
                                    """)
                            .bind("id", attempt)
                            .bind("host", host)
                            .map((row, _) -> Optional.ofNullable(row.getString(1)))
                            .findOne();
            if (before.isEmpty()) {
                return new NoAttempt();
            }
            if (before.get().isPresent()) {
                return before.get().get().equals(result.outcome())
                        ? new Recorded()
                        : new Contradicts(before.get().get());
            }
            record(handle, host, attempt, result, now);
            return new Recorded();
        });
    }

    private void record(Handle handle, UUID host, UUID attempt, Result result, Instant now) {
        handle.createUpdate(
                        """
                        UPDATE attempt SET outcome = :outcome, finished = :now,
                            exit_status = :exit_status, transition_seconds = :transition_seconds,
                            problems = CAST(:problems AS jsonb)
                        WHERE id = :id
                        """)
                .bind("id", attempt)
                .bind("outcome", result.outcome())
                .bind("now", now)
                .bind("exit_status", result.exitStatus())
                .bind("transition_seconds", result.transitionSeconds())
                .bind("problems", result.problems())
                .execute();
        audit.of("host " + host, now)
                .write(
                        handle,
                        "attempt.ended",
                        attempt.toString(),
                        Map.of("outcome", result.outcome()));
    }
}
