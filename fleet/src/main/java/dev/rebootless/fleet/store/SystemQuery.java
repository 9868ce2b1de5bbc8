package dev.rebootless.fleet.store;

import java.nio.charset.StandardCharsets;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;
import org.jdbi.v3.core.statement.Query;

/**
 * Lists systems in the order of their names, whatever they are filtered by, within the time that a
 * person waits: classes are filtered first, which are few, and then the systems of those classes
 * are read in order from one index.
 */
public final class SystemQuery {
    /**
     * So many classes are each asked for their first systems; of more, all systems are gone
     * through.
     */
    private static final int MOST_CLASSES_ONE_BY_ONE = 400;

    /** So many systems are sorted, if their classes are too many. */
    private static final long MOST_SORTED = 20_000;

    private final Jdbi jdbi;

    /** In a database. */
    public SystemQuery(Database database) {
        this.jdbi = database.jdbi();
    }

    /**
     * What was found.
     *
     * @param total how many there are in all; empty where only going through them would tell
     */
    public record Found(Page<SystemRow> page, Optional<Long> total) {}

    private record Classes(List<Integer> ids, long hosts) {}

    /** A place in the order. */
    private record Cursor(String hostname, UUID host) {
        String text() {
            return Base64.getUrlEncoder()
                    .withoutPadding()
                    .encodeToString((host + hostname).getBytes(StandardCharsets.UTF_8));
        }

        static Optional<Cursor> of(String text) {
            try {
                String plain =
                        new String(Base64.getUrlDecoder().decode(text), StandardCharsets.UTF_8);
                return Optional.of(
                        new Cursor(
                                plain.substring(36).replace("\0", ""),
                                UUID.fromString(plain.substring(0, 36))));
            } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
                return Optional.empty();
            }
        }
    }

    /** Whether a text can be where a page begins. */
    public static boolean isCursor(String text) {
        return Cursor.of(text).isPresent();
    }

    /**
     * Finds systems.
     *
     * @param descending from the last name to the first
     * @param after where the page before ended
     * @param limit of rows, from 1 on
     */
    public Found find(SystemFilter filter, boolean descending, Optional<String> after, int limit) {
        return jdbi.inTransaction(handle -> {
            Classes classes = classes(handle, filter);
            boolean exact = filter.hostname().isEmpty() && filter.silent().isEmpty();
            Optional<Long> total = exact ? Optional.of(classes.hosts()) : Optional.empty();
            if (classes.ids().isEmpty()) {
                return new Found(new Page<>(List.of(), Optional.empty()), total);
            }
            List<SystemRow> rows =
                    rows(handle, filter, classes, descending, after.flatMap(Cursor::of), limit + 1);
            Optional<String> next =
                    rows.size() > limit
                            ? Optional.of(rows.get(limit - 1))
                                    .map(last -> new Cursor(last.hostname(), last.id()).text())
                            : Optional.empty();
            return new Found(
                    new Page<>(rows.subList(0, Math.min(limit, rows.size())), next), total);
        });
    }

    private static Classes classes(Handle handle, SystemFilter filter) {
        List<String> conditions = new ArrayList<>(List.of("hosts > 0"));
        filter.ring().ifPresent(_ -> conditions.add("ring = :ring"));
        filter.tag().ifPresent(_ -> conditions.add("tag = :tag"));
        filter.os().ifPresent(_ -> conditions.add("os = :os"));
        filter.release().ifPresent(_ -> conditions.add("release = :release"));
        filter.buildId().ifPresent(_ -> conditions.add("build_id = :build_id"));
        filter.livepatch().ifPresent(_ -> conditions.add(":livepatch = ANY(in_force)"));
        filter.rebootRequired()
                .ifPresent(_ -> conditions.add("reboot_required = :reboot_required"));
        filter.cve()
                .ifPresent(_ ->
                        conditions.add(
                                condition(filter.state().orElse(SystemFilter.CveQuestion.OPEN))));
        Query query =
                handle.createQuery(
                        "SELECT id, hosts FROM system_class WHERE "
                                + String.join(" AND ", conditions));
        filter.ring().ifPresent(value -> query.bind("ring", value));
        filter.tag().ifPresent(value -> query.bind("tag", value));
        filter.os().ifPresent(value -> query.bind("os", value));
        filter.release().ifPresent(value -> query.bind("release", value));
        filter.buildId().ifPresent(value -> query.bind("build_id", value));
        filter.livepatch().ifPresent(value -> query.bind("livepatch", value));
        filter.rebootRequired().ifPresent(value -> query.bind("reboot_required", value));
        filter.cve().ifPresent(value -> query.bind("cve", value));
        List<Integer> ids = new ArrayList<>();
        long[] hosts = new long[1];
        query.map(
                        (row, _) -> {
                            hosts[0] += row.getInt(2);
                            return ids.add(row.getInt(1));
                        })
                .list();
        return new Classes(ids, hosts[0]);
    }

    private static final String THE_CVE = "(ARRAY(SELECT number FROM cve_name WHERE id = :cve))";

    /** An unknown CVE is an empty array, which every array contains: it must be asked for. */
    private static String condition(SystemFilter.CveQuestion question) {
        return switch (question) {
            case OPEN ->
                    """
                    build_id IN (SELECT build_id FROM kernel_exposure WHERE exposed && %1$s)
                    AND cve_set NOT IN (
                        SELECT id FROM cve_set WHERE closed && %1$s OR closed_unreviewed && %1$s)
                    """
                            .formatted(THE_CVE);
            case CLOSED, CLOSED_UNREVIEWED, PARTLY, PENDING, REFUSED, UNKNOWN ->
                    "cve_set IN (SELECT id FROM cve_set WHERE %s && %s)"
                            .formatted(question.word().replace('-', '_'), THE_CVE);
        };
    }

    private static List<SystemRow> rows(
            Handle handle,
            SystemFilter filter,
            Classes classes,
            boolean descending,
            Optional<Cursor> after,
            int limit) {
        String order = descending ? "DESC" : "ASC";
        List<String> conditions = new ArrayList<>();
        after.ifPresent(_ ->
                conditions.add(
                        "(s.hostname, s.host) %s (:after_name, :after_host)"
                                .formatted(descending ? "<" : ">")));
        filter.hostname()
                .ifPresent(_ -> conditions.add("s.hostname >= :from AND s.hostname < :to"));
        filter.silent().ifPresent(silent -> conditions.add(silent ? "s.silent" : "NOT s.silent"));
        boolean oneByOne =
                filter.hasClassFilter()
                        && filter.silent().isEmpty()
                        && (classes.ids().size() <= MOST_CLASSES_ONE_BY_ONE
                                || classes.hosts() <= MOST_SORTED);
        if (!oneByOne && filter.hasClassFilter()) {
            conditions.add("s.class = ANY(:classes)");
        }
        String where = conditions.isEmpty() ? "" : " AND " + String.join(" AND ", conditions);
        String chosen =
                oneByOne
                        ? """
                        SELECT h.* FROM unnest(:classes) AS k(class) CROSS JOIN LATERAL (
                            SELECT * FROM host_state s WHERE s.class = k.class%s
                            ORDER BY s.hostname %s, s.host %s LIMIT :limit) h
                        """
                                .formatted(where, order, order)
                        : "SELECT * FROM host_state s WHERE true%s ORDER BY s.hostname %s, s.host %s LIMIT :limit"
                                .formatted(where, order, order);
        Query query =
                handle.createQuery(
                                """
                                SELECT s.host, s.hostname, s.seen, s.silent, s.facts IS NOT NULL AS reported,
                                    c.*
                                FROM (%s) s JOIN system_class c ON c.id = s.class
                                ORDER BY s.hostname %s, s.host %s LIMIT :limit
                                """
                                        .formatted(chosen, order, order))
                        .bind("limit", limit);
        if (oneByOne || filter.hasClassFilter()) {
            query.bind("classes", PostgresArray.integers(classes.ids()));
        }
        after.ifPresent(cursor ->
                query.bind("after_name", cursor.hostname()).bind("after_host", cursor.host()));
        filter.hostname()
                .ifPresent(
                        prefix -> query.bind("from", prefix).bind("to", prefix + "\udbff\udfff"));
        return query.map((row, _) -> row(row)).list();
    }

    private static SystemRow row(ResultSet row) throws SQLException {
        return new SystemRow(
                row.getObject("host", UUID.class),
                row.getString("hostname"),
                new Membership(row.getString("ring"), row.getString("tag")),
                SystemClassRows.facts(row, CveStates.NONE),
                row.getTimestamp("seen").toInstant(),
                row.getBoolean("silent"),
                row.getBoolean("reported"));
    }

    /**
     * One system, whole.
     *
     * @param row with its CVE states
     * @param machine SHA-256 of its machine id
     * @param received when the facts came
     * @param deflated the last report with facts, as it came
     * @param outOfOrder how many authentic messages came in the wrong order
     */
    public record Detail(
            SystemRow row,
            byte[] machine,
            java.time.Instant enrolled,
            Optional<java.time.Instant> received,
            Optional<byte[]> deflated,
            long outOfOrder) {}

    /** One system. */
    public Optional<Detail> one(UUID host) {
        return jdbi.inTransaction(handle ->
                handle.createQuery(
                                """
                                SELECT s.host, s.hostname, s.seen, s.silent, s.facts IS NOT NULL AS reported,
                                    h.machine, h.enrolled, f.received, f.body,
                                    coalesce(x.messages, 0) AS out_of_order, c.*
                                FROM host_state s JOIN host h ON h.id = s.host
                                JOIN system_class c ON c.id = s.class
                                LEFT JOIN host_facts f ON f.host = s.host
                                LEFT JOIN suspected_clone x ON x.host = s.host
                                WHERE s.host = :host
                                """)
                        .bind("host", host)
                        .map((row, _) -> detail(handle, row))
                        .findOne());
    }

    private static Detail detail(Handle handle, ResultSet row) throws SQLException {
        SystemRow plain = row(row);
        SystemRow whole =
                new SystemRow(
                        plain.id(),
                        plain.hostname(),
                        plain.membership(),
                        SystemClassRows.facts(
                                row, SystemClassRows.cves(handle, row.getInt("cve_set"))),
                        plain.seen(),
                        plain.silent(),
                        plain.reported());
        return new Detail(
                whole,
                row.getBytes("machine"),
                row.getTimestamp("enrolled").toInstant(),
                Optional.ofNullable(row.getTimestamp("received"))
                        .map(java.sql.Timestamp::toInstant),
                Optional.ofNullable(row.getBytes("body")),
                row.getLong("out_of_order"));
    }
}
