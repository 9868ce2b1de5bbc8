package dev.rebootless.fleet.store;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jdbi.v3.core.Handle;

/** Rows of {@code system_class} and {@code cve_set}, read back. */
final class SystemClassRows {
    private SystemClassRows() {}

    static SystemFacts facts(Handle handle, int id) {
        return handle.createQuery(
                        """
                        SELECT os, agent, release, build_id, package_version, next_release,
                            secure_boot, lockdown, reboot_required, in_force, in_transition,
                            foreign_ones, cve_set
                        FROM system_class WHERE id = :id
                        """)
                .bind("id", id)
                .map((row, _) -> facts(row, cves(handle, row.getInt("cve_set"))))
                .one();
    }

    static SystemFacts facts(ResultSet row, CveStates cves) throws SQLException {
        return new SystemFacts(
                text(row, "os"),
                text(row, "agent"),
                text(row, "release"),
                text(row, "build_id"),
                text(row, "package_version"),
                text(row, "next_release"),
                flag(row, "secure_boot"),
                text(row, "lockdown"),
                flag(row, "reboot_required"),
                texts(row, "in_force"),
                texts(row, "in_transition"),
                texts(row, "foreign_ones"),
                cves);
    }

    static CveStates cves(Handle handle, int set) {
        SortedMap<String, CveStates.State> states = new TreeMap<>();
        for (CveStates.State state : CveStates.State.values()) {
            handle.createQuery(
                            """
                            SELECT n.id FROM cve_set s JOIN cve_name n ON n.number = ANY(s.%s)
                            WHERE s.id = :set
                            """
                                    .formatted(state.word().replace('-', '_')))
                    .bind("set", set)
                    .mapTo(String.class)
                    .forEach(cve -> states.put(cve, state));
        }
        return new CveStates(states);
    }

    static Optional<String> text(ResultSet row, String column) throws SQLException {
        return Optional.ofNullable(row.getString(column));
    }

    static Optional<Boolean> flag(ResultSet row, String column) throws SQLException {
        boolean value = row.getBoolean(column);
        return row.wasNull() ? Optional.empty() : Optional.of(value);
    }

    static List<String> texts(ResultSet row, String column) throws SQLException {
        return Arrays.asList((String[]) row.getArray(column).getArray());
    }
}
