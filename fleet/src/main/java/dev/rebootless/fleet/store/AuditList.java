package dev.rebootless.fleet.store;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import org.jdbi.v3.core.Jdbi;
import org.jdbi.v3.core.statement.Query;

/** Entries of the audit log, the newest first. */
public final class AuditList {
    private final Jdbi jdbi;

    /** In a database. */
    public AuditList(Database database) {
        this.jdbi = database.jdbi();
    }

    /** Which entries are asked for; what is empty is not filtered by. */
    public record Filter(
            Optional<String> actor, Optional<String> action, Optional<String> subject) {}

    /**
     * An entry.
     *
     * @param canonical its bytes, Canonical JSON
     * @param sha256 of them
     */
    public record Row(long number, String canonical, String sha256) {}

    /**
     * Lists.
     *
     * @param before numbers below this one
     */
    public Page<Row> find(Filter filter, Optional<Long> before, int limit) {
        List<String> conditions = new ArrayList<>(List.of("true"));
        before.ifPresent(_ -> conditions.add("number < :before"));
        filter.actor().ifPresent(_ -> conditions.add("actor = :actor"));
        filter.action().ifPresent(_ -> conditions.add("action = :action"));
        filter.subject().ifPresent(_ -> conditions.add("subject = :subject"));
        List<Row> rows =
                jdbi.withHandle(handle -> {
                    Query query =
                            handle.createQuery(
                                            "SELECT number, bytes, sha256 FROM audit_entry WHERE "
                                                    + String.join(" AND ", conditions)
                                                    + " ORDER BY number DESC LIMIT :limit")
                                    .bind("limit", limit + 1);
                    before.ifPresent(value -> query.bind("before", value));
                    filter.actor().ifPresent(value -> query.bind("actor", value));
                    filter.action().ifPresent(value -> query.bind("action", value));
                    filter.subject().ifPresent(value -> query.bind("subject", value));
                    return query.map((row, _) ->
                                    new Row(
                                            row.getLong(1),
                                            new String(row.getBytes(2), StandardCharsets.UTF_8),
                                            HexFormat.of().formatHex(row.getBytes(3))))
                            .list();
                });
        return new Page<>(
                rows.subList(0, Math.min(limit, rows.size())),
                rows.size() > limit
                        ? Optional.of(String.valueOf(rows.get(limit - 1).number()))
                        : Optional.empty());
    }
}
