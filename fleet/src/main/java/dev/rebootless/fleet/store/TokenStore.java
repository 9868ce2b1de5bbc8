package dev.rebootless.fleet.store;

import dev.rebootless.base.Hashes;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Map;
import org.jdbi.v3.core.Jdbi;

/** Enrolment tokens. The database has their hashes alone. */
public final class TokenStore {
    private final Jdbi jdbi;
    private final AuditLog audit;

    /** In a database. */
    public TokenStore(Database database, AuditLog audit) {
        this.jdbi = database.jdbi();
        this.audit = audit;
    }

    /** The name of a secret of 256 random bits in the database: it needs no slow hash. */
    public static byte[] sha256(String secret) {
        return Hashes.sha256().digest(secret.getBytes(StandardCharsets.UTF_8));
    }

    /**
     * Makes a token.
     *
     * @param token the secret
     * @param tag of the host that will use it
     * @param actor who makes it
     */
    public void add(String token, String tag, Instant now, Instant expires, String actor) {
        jdbi.useTransaction(handle -> {
            handle.createUpdate(
                            """
                            INSERT INTO enrolment_token (sha256, tag, created, created_by, expires)
                            VALUES (:sha256, :tag, :now, :actor, :expires)
                            """)
                    .bind("sha256", sha256(token))
                    .bind("tag", tag)
                    .bind("now", now)
                    .bind("actor", actor)
                    .bind("expires", expires)
                    .execute();
            audit.of(actor, now)
                    .write(
                            handle,
                            "enrolment-token.made",
                            tag,
                            Map.of("expires", expires.toString()));
        });
    }
}
