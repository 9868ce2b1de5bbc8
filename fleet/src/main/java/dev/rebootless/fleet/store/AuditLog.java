package dev.rebootless.fleet.store;

import dev.rebootless.base.Hashes;
import dev.rebootless.trust.tuf.CanonicalJson;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;

/**
 * Who did what, and when: each entry has the SHA-256 of the one before it, so that none can be
 * changed, left out or put in between without all that follow being changed. What holds the chain's
 * end is the last hash, kept somewhere else.
 *
 * <p>The bytes of an entry are Canonical JSON with the fields {@code number}, {@code at}, {@code
 * actor}, {@code action}, {@code subject}, {@code detail} and {@code previous}.
 */
public final class AuditLog {
    private final Jdbi jdbi;

    /** In a database. */
    public AuditLog(Database database) {
        this.jdbi = database.jdbi();
    }

    /** Writes entries of one actor. */
    @FunctionalInterface
    public interface Writer {
        /**
         * Adds an entry within a transaction; others wait for its end.
         *
         * @param action such as {@code host.enrolled}
         * @param subject what it was done to
         * @param detail texts by name
         */
        void write(Handle handle, String action, String subject, Map<String, String> detail);
    }

    /** For an actor: an account's name, or {@code host UUID}. */
    public Writer of(String actor, Instant now) {
        return (handle, action, subject, detail) ->
                append(handle, new Event(now, actor, action, subject, detail));
    }

    /** Adds an entry on its own. */
    public void write(
            String actor, Instant now, String action, String subject, Map<String, String> detail) {
        jdbi.useTransaction(handle -> of(actor, now).write(handle, action, subject, detail));
    }

    private record Event(
            Instant at, String actor, String action, String subject, Map<String, String> detail) {}

    private static void append(Handle handle, Event event) {
        Head head =
                handle.createQuery("SELECT number, sha256 FROM audit_head FOR UPDATE")
                        .map((row, _) -> new Head(row.getLong(1), row.getBytes(2)))
                        .one();
        long number = head.number() + 1;
        // PostgreSQL keeps microseconds.
        Instant at = event.at().truncatedTo(ChronoUnit.MILLIS);
        Map<String, Object> fields = new TreeMap<>();
        fields.put("number", number);
        fields.put("at", at.toString());
        fields.put("actor", event.actor());
        fields.put("action", event.action());
        fields.put("subject", event.subject());
        fields.put("detail", new TreeMap<>(event.detail()));
        fields.put("previous", HexFormat.of().formatHex(head.sha256()));
        byte[] bytes = CanonicalJson.bytes(fields);
        byte[] sha256 = Hashes.sha256().digest(bytes);
        handle.createUpdate(
                        """
                        INSERT INTO audit_entry (number, at, actor, action, subject, bytes, sha256)
                        VALUES (:number, :at, :actor, :action, :subject, :bytes, :sha256)
                        """)
                .bind("number", number)
                .bind("at", at)
                .bind("actor", event.actor())
                .bind("action", event.action())
                .bind("subject", event.subject())
                .bind("bytes", bytes)
                .bind("sha256", sha256)
                .execute();
        handle.createUpdate("UPDATE audit_head SET number = :number, sha256 = :sha256")
                .bind("number", number)
                .bind("sha256", sha256)
                .execute();
    }

    /**
     * The end of the chain.
     *
     * @param number of the last entry; 0 of an empty log
     * @param sha256 of it; zeros of an empty log
     */
    public record Head(long number, byte[] sha256) {}

    /**
     * What a verification found.
     *
     * @param head the end of the chain
     * @param broken what is wrong with the first entry that does not fit
     */
    public record Verdict(Head head, Optional<String> broken) {}

    /** Computes the whole chain again. */
    public Verdict verify() {
        return jdbi.inTransaction(handle -> {
            handle.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ");
            Head head =
                    handle.createQuery("SELECT number, sha256 FROM audit_head")
                            .map((row, _) -> new Head(row.getLong(1), row.getBytes(2)))
                            .one();
            Chain chain = new Chain();
            try (var entries =
                    handle
                            .createQuery(
                                    """
                                    SELECT number, at, actor, action, subject, bytes, sha256
                                    FROM audit_entry ORDER BY number
                                    """)
                            .setFetchSize(1000)
                            .map((row, _) ->
                                    new Entry(
                                            row.getLong(1),
                                            row.getTimestamp(2).toInstant(),
                                            row.getString(3),
                                            row.getString(4),
                                            row.getString(5),
                                            row.getBytes(6),
                                            row.getBytes(7)))
                            .stream()) {
                entries.forEach(chain::add);
            }
            chain.end(head);
            return new Verdict(head, Optional.ofNullable(chain.broken));
        });
    }

    /**
     * An entry as it stands.
     *
     * @param bytes its canonical form
     */
    private record Entry(
            long number,
            Instant at,
            String actor,
            String action,
            String subject,
            byte[] bytes,
            byte[] sha256) {}

    private static final class Chain {
        private long number;
        private byte[] last = new byte[32];
        private @org.jspecify.annotations.Nullable String broken;

        void add(Entry entry) {
            number++;
            if (broken != null) {
                return;
            }
            if (entry.number() != number) {
                broken = "entry " + number + " is missing";
            } else if (!Arrays.equals(entry.sha256(), Hashes.sha256().digest(entry.bytes()))) {
                broken = "entry " + number + " is not what its hash is of";
            } else if (!fits(entry)) {
                broken = "entry " + number + " does not follow the one before";
            }
            last = entry.sha256();
        }

        private boolean fits(Entry entry) {
            try {
                Map<String, Object> fields =
                        CanonicalJson.parse(entry.bytes(), "audit entry " + entry.number());
                return HexFormat.of().formatHex(last).equals(fields.get("previous"))
                        && entry.at().toString().equals(fields.get("at"))
                        && entry.actor().equals(fields.get("actor"))
                        && entry.action().equals(fields.get("action"))
                        && entry.subject().equals(fields.get("subject"))
                        && fields.get("number") instanceof Number n
                        && n.longValue() == entry.number();
            } catch (dev.rebootless.base.RebootlessException e) {
                return false;
            }
        }

        void end(Head head) {
            if (broken == null
                    && (head.number() != number || !Arrays.equals(head.sha256(), last))) {
                broken = "the log ends at entry %d, and not at %d".formatted(number, head.number());
            }
        }
    }
}
