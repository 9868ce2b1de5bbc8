package dev.rebootless.fleet.store;

import java.util.Optional;
import org.jdbi.v3.core.Jdbi;

/** The master secrets from which the keys of hosts are derived. */
public final class SecretStore {
    private final Jdbi jdbi;

    /** In a database. */
    public SecretStore(Database database) {
        this.jdbi = database.jdbi();
    }

    /**
     * A master secret.
     *
     * @param generation from 1 on
     * @param master 32 random bytes
     */
    public record Secret(int generation, byte[] master) {}

    /** The newest; the first process of all makes the first, and all others find it. */
    public Secret newest(byte[] ifThereIsNone) {
        return jdbi.inTransaction(handle -> {
            handle.createUpdate(
                            """
                            INSERT INTO secret (generation, master) VALUES (1, :master)
                            ON CONFLICT (generation) DO NOTHING
                            """)
                    .bind("master", ifThereIsNone)
                    .execute();
            return handle.createQuery(
                            """
                            SELECT generation, master FROM secret
                            ORDER BY generation DESC LIMIT 1
                            """)
                    .map((row, _) -> new Secret(row.getInt(1), row.getBytes(2)))
                    .one();
        });
    }

    /** That of a generation. */
    public Optional<Secret> of(int generation) {
        return jdbi.withHandle(handle ->
                handle.createQuery("SELECT master FROM secret WHERE generation = :generation")
                        .bind("generation", generation)
                        .map((row, _) -> new Secret(generation, row.getBytes(1)))
                        .findOne());
    }
}
