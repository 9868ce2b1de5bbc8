package dev.rebootless.fleet.store;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Timestamp;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.jdbi.v3.core.Jdbi;
import org.jdbi.v3.core.statement.Query;

/** Attempts, the newest first. */
public final class AttemptList {
    private final Jdbi jdbi;

    /** In a database. */
    public AttemptList(Database database) {
        this.jdbi = database.jdbi();
    }

    /**
     * Which attempts are asked for; what is empty is not filtered by.
     *
     * @param outcome done, refused, failed, reversed; {@code open} for those without, within their
     *     limit; {@code silent} for those without, beyond it
     */
    public record Filter(
            Optional<UUID> host, Optional<String> livepatch, Optional<String> outcome) {}

    /**
     * An attempt.
     *
     * @param problems JSON, as they were kept
     */
    public record Row(
            long number,
            UUID id,
            UUID host,
            String ring,
            AttemptStore.Wanted wanted,
            Instant started,
            Instant expires,
            Optional<String> outcome,
            Optional<Instant> finished,
            Optional<Integer> exitStatus,
            Optional<Double> transitionSeconds,
            Optional<String> problems) {}

    /**
     * Lists.
     *
     * @param before numbers below this one
     */
    public Page<Row> find(Filter filter, Optional<Long> before, int limit, Instant now) {
        List<String> conditions = new ArrayList<>(List.of("true"));
        before.ifPresent(_ -> conditions.add("number < :before"));
        filter.host().ifPresent(_ -> conditions.add("host = :host"));
        filter.livepatch().ifPresent(_ -> conditions.add("livepatch = :livepatch"));
        filter.outcome()
                .ifPresent(outcome ->
                        conditions.add(
                                switch (outcome) {
                                    case "open" -> "outcome IS NULL AND expires > :now";
                                    case "silent" -> "outcome IS NULL AND expires <= :now";
                                    default -> "outcome = :outcome";
                                }));
        List<Row> rows =
                jdbi.withHandle(handle -> {
                    Query query =
                            handle.createQuery(
                                            "SELECT * FROM attempt WHERE "
                                                    + String.join(" AND ", conditions)
                                                    + " ORDER BY number DESC LIMIT :limit")
                                    .bind("limit", limit + 1);
                    before.ifPresent(value -> query.bind("before", value));
                    filter.host().ifPresent(value -> query.bind("host", value));
                    filter.livepatch().ifPresent(value -> query.bind("livepatch", value));
                    filter.outcome()
                            .ifPresent(value -> {
                                if (value.equals("open") || value.equals("silent")) {
                                    query.bind("now", now);
                                } else {
                                    query.bind("outcome", value);
                                }
                            });
                    return query.map((row, _) -> row(row)).list();
                });
        return new Page<>(
                rows.subList(0, Math.min(limit, rows.size())),
                rows.size() > limit
                        ? Optional.of(String.valueOf(rows.get(limit - 1).number()))
                        : Optional.empty());
    }

    private static Row row(ResultSet row) throws SQLException {
        return new Row(
                row.getLong("number"),
                row.getObject("id", UUID.class),
                row.getObject("host", UUID.class),
                row.getString("ring"),
                new AttemptStore.Wanted(
                        row.getString("action"),
                        row.getString("livepatch"),
                        HexFormat.of().formatHex(row.getBytes("sha256")),
                        row.getString("build_id"),
                        row.getInt("state_version")),
                row.getTimestamp("started").toInstant(),
                row.getTimestamp("expires").toInstant(),
                SystemClassRows.text(row, "outcome"),
                Optional.ofNullable(row.getTimestamp("finished")).map(Timestamp::toInstant),
                Optional.ofNullable(row.getObject("exit_status", Integer.class)),
                Optional.ofNullable(row.getObject("transition_seconds", Double.class)),
                SystemClassRows.text(row, "problems"));
    }
}
