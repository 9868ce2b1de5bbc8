package dev.rebootless.fleet.staging;

import dev.rebootless.fleet.store.Database;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;

/** Rollouts in the database. */
public final class RolloutStore {
    /** As many as a page of them has; the newest are of interest. */
    private static final int MOST = 200;

    private static final String COLUMNS = "plan, state, revision, created, created_by";

    private final Jdbi jdbi;

    /** In a database. */
    public RolloutStore(Database database) {
        this.jdbi = database.jdbi();
    }

    /** Does something within one transaction. */
    <T> T inTransaction(Function<Handle, T> action) {
        return jdbi.inTransaction(action::apply);
    }

    /** The newest, newest first. */
    public List<Rollout> newest() {
        return jdbi.withHandle(handle ->
                handle.createQuery(
                                "SELECT "
                                        + COLUMNS
                                        + " FROM rollout ORDER BY created DESC LIMIT "
                                        + MOST)
                        .map((row, _) -> rollout(row))
                        .list());
    }

    /** The names of those that may still tell hosts to load something. */
    List<String> going() {
        return jdbi.withHandle(handle ->
                handle.createQuery("SELECT name FROM rollout WHERE going ORDER BY created")
                        .mapTo(String.class)
                        .list());
    }

    /** One of them. */
    public Optional<Rollout> find(String name) {
        return jdbi.withHandle(handle ->
                handle.createQuery("SELECT " + COLUMNS + " FROM rollout WHERE name = :name")
                        .bind("name", name)
                        .map((row, _) -> rollout(row))
                        .findOne());
    }

    /** One of them; nobody else decides about it until the transaction ends. */
    Optional<Rollout> lock(Handle handle, String name) {
        return handle.createQuery(
                        "SELECT " + COLUMNS + " FROM rollout WHERE name = :name FOR UPDATE")
                .bind("name", name)
                .map((row, _) -> rollout(row))
                .findOne();
    }

    /** The name of the newest rollout of a module. */
    Optional<String> newestOf(Handle handle, String sha256) {
        return handle.createQuery(
                        """
                        SELECT name FROM rollout WHERE sha256 = :sha256
                        ORDER BY going DESC, created DESC LIMIT 1
                        """)
                .bind("sha256", HexFormat.of().parseHex(sha256))
                .mapTo(String.class)
                .findOne();
    }

    /** The name of the rollout that is going for a kernel build. */
    Optional<String> goingFor(Handle handle, String buildId) {
        return handle.createQuery("SELECT name FROM rollout WHERE build_id = :build AND going")
                .bind("build", buildId)
                .mapTo(String.class)
                .findOne();
    }

    /** Who orders a rollout waits until nobody else does, for the transaction's time. */
    void oneAtATime(Handle handle) {
        handle.execute("SELECT pg_advisory_xact_lock(hashtext('rebootless rollout'))");
    }

    void insert(Handle handle, Rollout rollout) {
        handle.createUpdate(
                        """
                        INSERT INTO rollout (
                            name, sha256, build_id, plan, state, revision, going, created,
                            created_by)
                        VALUES (
                            :name, :sha256, :build, :plan::jsonb, :state::jsonb, :revision, :going,
                            :created, :by)
                        """)
                .bind("name", rollout.name())
                .bind("sha256", HexFormat.of().parseHex(rollout.plan().livepatch().sha256()))
                .bind("build", rollout.plan().livepatch().buildId())
                .bind("plan", RolloutJson.write(rollout.plan()))
                .bind("state", RolloutJson.write(rollout.state()))
                .bind("revision", rollout.revision())
                .bind("going", rollout.isGoing())
                .bind("created", rollout.created())
                .bind("by", rollout.by())
                .execute();
    }

    void update(Handle handle, Rollout rollout) {
        handle.createUpdate(
                        """
                        UPDATE rollout
                        SET state = :state::jsonb, revision = :revision, going = :going
                        WHERE name = :name
                        """)
                .bind("name", rollout.name())
                .bind("state", RolloutJson.write(rollout.state()))
                .bind("revision", rollout.revision())
                .bind("going", rollout.isGoing())
                .execute();
    }

    private static Rollout rollout(ResultSet row) throws SQLException {
        return new Rollout(
                RolloutJson.plan(row.getString("plan")),
                RolloutJson.state(row.getString("state")),
                row.getInt("revision"),
                instant(row, "created"),
                row.getString("created_by"));
    }

    private static Instant instant(ResultSet row, String column) throws SQLException {
        return row.getTimestamp(column).toInstant();
    }
}
