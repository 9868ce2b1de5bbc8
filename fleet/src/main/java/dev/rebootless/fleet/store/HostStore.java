package dev.rebootless.fleet.store;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;

/** Hosts: their identity, and the sequence of their messages. */
public final class HostStore {
    private final Jdbi jdbi;
    private final SystemClasses classes;

    /** In a database. */
    public HostStore(Database database, SystemClasses classes) {
        this.jdbi = database.jdbi();
        this.classes = classes;
    }

    /**
     * A machine that wants to be a host.
     *
     * @param publicKey 32 bytes (RFC 8032)
     * @param machine SHA-256 of its machine id
     * @param hostname as it calls itself
     */
    public record Candidate(byte[] publicKey, byte[] machine, String hostname) {}

    /** What became of an enrolment. */
    public sealed interface Enrolment {}

    /**
     * It is enrolled; that it was already with the same token and key is the same.
     *
     * @param host its id
     * @param tag of the token
     * @param fresh whether it was now
     */
    public record Enrolled(UUID host, String tag, boolean fresh) implements Enrolment {}

    /** The token is not known, has expired, or was used with another key. */
    public record TokenRefused() implements Enrolment {}

    /** The key is another enrolment's. */
    public record KeyKnown() implements Enrolment {}

    /**
     * Makes a machine a host, once.
     *
     * @param tokenSha256 of the token
     * @param audit writes it down, within the same transaction
     */
    public Enrolment enrol(
            byte[] tokenSha256, Candidate candidate, Instant now, AuditLog.Writer audit) {
        return jdbi.inTransaction(handle -> {
            Optional<Token> token = lock(handle, tokenSha256);
            if (token.isEmpty()) {
                return new TokenRefused();
            }
            if (token.get().host().isPresent()) {
                return again(handle, token.get(), token.get().host().get(), candidate);
            }
            if (!token.get().expires().isAfter(now)) {
                return new TokenRefused();
            }
            UUID id = UUID.randomUUID();
            if (!insert(handle, id, candidate, now)) {
                return new KeyKnown();
            }
            handle.createUpdate(
                            """
                            UPDATE enrolment_token SET used = :now, host = :host
                            WHERE sha256 = :sha256
                            """)
                    .bind("now", now)
                    .bind("host", id)
                    .bind("sha256", tokenSha256)
                    .execute();
            audit.write(handle, "host.enrolled", id.toString(), Map.of("tag", token.get().tag()));
            admit(handle, id, token.get().tag(), candidate.hostname(), now);
            return new Enrolled(id, token.get().tag(), true);
        });
    }

    private record Token(String tag, Instant expires, Optional<UUID> host) {}

    private static Optional<Token> lock(Handle handle, byte[] sha256) {
        return handle.createQuery(
                        """
                        SELECT tag, expires, host FROM enrolment_token
                        WHERE sha256 = :sha256 FOR UPDATE
                        """)
                .bind("sha256", sha256)
                .map((row, _) ->
                        new Token(
                                row.getString(1),
                                row.getTimestamp(2).toInstant(),
                                Optional.ofNullable(row.getObject(3, UUID.class))))
                .findOne();
    }

    private static Enrolment again(Handle handle, Token token, UUID host, Candidate candidate) {
        boolean same =
                handle.createQuery("SELECT public_key FROM host WHERE id = :id")
                        .bind("id", host)
                        .map((row, _) -> row.getBytes(1))
                        .findOne()
                        .filter(key -> java.util.Arrays.equals(key, candidate.publicKey()))
                        .isPresent();
        return same ? new Enrolled(host, token.tag(), false) : new TokenRefused();
    }

    private static boolean insert(Handle handle, UUID id, Candidate candidate, Instant now) {
        return handle.createUpdate(
                                """
                                INSERT INTO host (id, public_key, machine, enrolled)
                                VALUES (:id, :public_key, :machine, :now)
                                ON CONFLICT (public_key) DO NOTHING
                                """)
                        .bind("id", id)
                        .bind("public_key", candidate.publicKey())
                        .bind("machine", candidate.machine())
                        .bind("now", now)
                        .execute()
                == 1;
    }

    private void admit(Handle handle, UUID id, String tag, String hostname, Instant now) {
        int systemClass = classes.idOf(new Membership(ringOf(handle, tag), tag), SystemFacts.NONE);
        handle.createUpdate(
                        """
                        INSERT INTO host_state (host, class, sequence, seen, hostname)
                        VALUES (:host, :class, 0, :now, :hostname)
                        """)
                .bind("host", id)
                .bind("class", systemClass)
                .bind("now", now)
                .bind("hostname", hostname)
                .execute();
        if (!SystemClasses.count(handle, Map.of(systemClass, 1))) {
            classes.forget();
            throw new IllegalStateException("a class of systems was removed while it was taken");
        }
        ReportStore.countPresence(handle, Map.of(ReportStore.bucketOf(now), 1));
    }

    /** The first ring that has the tag, or else the last ring. */
    private static String ringOf(Handle handle, String tag) {
        return handle.createQuery(
                        """
                        SELECT name FROM ring
                        ORDER BY :tag = ANY(tags) DESC,
                            CASE WHEN :tag = ANY(tags) THEN position ELSE -position END
                        LIMIT 1
                        """)
                .bind("tag", tag)
                .mapTo(String.class)
                .one();
    }

    /** The names of all rings, in order. */
    public List<String> rings() {
        return jdbi.withHandle(handle ->
                handle.createQuery("SELECT name FROM ring ORDER BY position")
                        .mapTo(String.class)
                        .list());
    }

    /** The public key of a host that may speak. */
    public Optional<byte[]> publicKeyOf(UUID host) {
        return jdbi.withHandle(handle ->
                handle.createQuery(
                                """
                                SELECT h.public_key FROM host h
                                JOIN host_state s ON s.host = h.id WHERE h.id = :id
                                """)
                        .bind("id", host)
                        .map((row, _) -> row.getBytes(1))
                        .findOne());
    }

    /**
     * Remembers a request for a key.
     *
     * @return false if it was seen before
     */
    public boolean isFirst(UUID host, byte[] nonce, Instant expires) {
        return jdbi.withHandle(handle ->
                handle.createUpdate(
                                        """
                                        INSERT INTO key_request (host, nonce, expires)
                                        VALUES (:host, :nonce, :expires)
                                        ON CONFLICT (host, nonce) DO NOTHING
                                        """)
                                .bind("host", host)
                                .bind("nonce", nonce)
                                .bind("expires", expires)
                                .execute()
                        == 1);
    }

    /** What became of a message's sequence. */
    public sealed interface Taken {}

    /** It was the highest, and is taken now. */
    public record Next(Membership membership) implements Taken {}

    /** It was not higher than the last. */
    public record NotNext(long last) implements Taken {}

    /** There is no such host, or no more. */
    public record NoHost() implements Taken {}

    /** Takes a sequence, in one step with the check. */
    Taken take(Handle handle, UUID host, long sequence) {
        Optional<Integer> taken =
                handle.createQuery(
                                """
                                UPDATE host_state SET sequence = :sequence
                                WHERE host = :host AND sequence < :sequence RETURNING class
                                """)
                        .bind("host", host)
                        .bind("sequence", sequence)
                        .mapTo(Integer.class)
                        .findOne();
        if (taken.isPresent()) {
            return new Next(
                    classes.membershipOf(taken.get())
                            .orElseThrow(
                                    () -> new IllegalStateException("a host without a class")));
        }
        return handle.createQuery("SELECT sequence FROM host_state WHERE host = :host")
                .bind("host", host)
                .mapTo(Long.class)
                .findOne()
                .<Taken>map(NotNext::new)
                .orElseGet(NoHost::new);
    }

    /** As {@link #take(Handle, UUID, long)}, on its own. */
    public Taken take(UUID host, long sequence) {
        return jdbi.inTransaction(handle -> take(handle, host, sequence));
    }

    /** Writes down that two machines may have one identity. */
    public void suspectClone(UUID host, Instant now) {
        jdbi.useHandle(handle ->
                handle.createUpdate(
                                """
                                INSERT INTO suspected_clone (host, messages, last)
                                VALUES (:host, 1, :now)
                                ON CONFLICT (host) DO UPDATE
                                SET messages = suspected_clone.messages + 1, last = excluded.last
                                """)
                        .bind("host", host)
                        .bind("now", now)
                        .execute());
    }

    /**
     * Puts a host in another ring.
     *
     * @return false if there is no such host
     */
    public boolean move(UUID host, String ring, AuditLog.Writer audit) {
        return jdbi.inTransaction(handle -> {
            Optional<Integer> before = lockClass(handle, host);
            if (before.isEmpty()) {
                return false;
            }
            int after = classes.idInRing(before.get(), ring);
            handle.createUpdate("UPDATE host_state SET class = :class WHERE host = :host")
                    .bind("class", after)
                    .bind("host", host)
                    .execute();
            audit.write(handle, "host.moved", host.toString(), Map.of("ring", ring));
            if (before.get() != after
                    && !SystemClasses.count(handle, Map.of(before.get(), -1, after, 1))) {
                classes.forget();
                throw new IllegalStateException(
                        "a class of systems was removed while it was taken");
            }
            return true;
        });
    }

    /**
     * Removes a host: what it sends is refused from now on, and its key cannot be enrolled again.
     *
     * @return false if there is no such host
     */
    public boolean remove(UUID host, AuditLog.Writer audit) {
        return jdbi.inTransaction(handle -> {
            Optional<Integer> before = lockClass(handle, host);
            if (before.isEmpty()) {
                return false;
            }
            long seen =
                    handle.createQuery(
                                    """
                                    DELETE FROM host_state WHERE host = :host
                                    RETURNING extract(epoch FROM seen)::bigint
                                    """)
                            .bind("host", host)
                            .mapTo(Long.class)
                            .one();
            for (String table : java.util.List.of("host_facts", "suspected_clone", "key_request")) {
                handle.createUpdate("DELETE FROM " + table + " WHERE host = :host")
                        .bind("host", host)
                        .execute();
            }
            audit.write(handle, "host.removed", host.toString(), Map.of());
            if (!SystemClasses.count(handle, Map.of(before.get(), -1))) {
                throw new IllegalStateException("a host without a class");
            }
            ReportStore.countPresence(
                    handle, Map.of((int) (seen / ReportStore.BUCKET_SECONDS), -1));
            return true;
        });
    }

    private static Optional<Integer> lockClass(Handle handle, UUID host) {
        return handle.createQuery("SELECT class FROM host_state WHERE host = :host FOR UPDATE")
                .bind("host", host)
                .mapTo(Integer.class)
                .findOne();
    }

    /**
     * Marks hosts that have not been seen since a moment: a part of them at a time, so that reports
     * never wait long.
     *
     * @return how many; 0 when all are marked
     */
    public int markSilent(Instant since) {
        return jdbi.withHandle(handle ->
                handle.createUpdate(
                                """
                                UPDATE host_state SET silent = true WHERE host IN (
                                    SELECT host FROM host_state WHERE NOT silent AND seen < :since
                                    LIMIT 2000 FOR UPDATE SKIP LOCKED)
                                """)
                        .bind("since", since)
                        .execute());
    }

    /** Removes what is of no use any more. */
    public void removeOld(Instant now) {
        jdbi.useHandle(handle -> {
            handle.createUpdate("DELETE FROM key_request WHERE expires < :now")
                    .bind("now", now)
                    .execute();
            handle.createUpdate("DELETE FROM presence WHERE hosts = 0 AND bucket < :bucket")
                    .bind("bucket", ReportStore.bucketOf(now) - 6)
                    .execute();
            handle.createUpdate("DELETE FROM enrolment_token WHERE expires < :old")
                    .bind("old", now.minus(java.time.Duration.ofDays(30)))
                    .execute();
        });
    }

    /** Whether there is such a ring. */
    public boolean hasRing(String ring) {
        return jdbi.withHandle(handle ->
                handle.createQuery("SELECT count(*) FROM ring WHERE name = :name")
                                .bind("name", ring)
                                .mapTo(Integer.class)
                                .one()
                        == 1);
    }
}
