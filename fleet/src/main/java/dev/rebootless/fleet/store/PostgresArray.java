package dev.rebootless.fleet.store;

import java.util.Collection;
import java.util.List;
import java.util.UUID;
import org.jdbi.v3.core.argument.Argument;

/** Lists as arguments of SQL, for {@code unnest} and {@code = ANY}. */
final class PostgresArray {
    private PostgresArray() {}

    static Argument uuids(Collection<UUID> values) {
        return of("uuid", values.toArray(UUID[]::new));
    }

    static Argument bytes(List<byte[]> values) {
        return of("bytea", values.toArray(byte[][]::new));
    }

    static Argument texts(Collection<String> values) {
        return of("text", values.toArray(String[]::new));
    }

    static Argument longs(Collection<Long> values) {
        return of("bigint", values.toArray(Long[]::new));
    }

    static Argument integers(Collection<Integer> values) {
        return of("integer", values.toArray(Integer[]::new));
    }

    static Argument integers(int[] values) {
        return of("integer", java.util.Arrays.stream(values).boxed().toArray(Integer[]::new));
    }

    private static Argument of(String type, Object[] values) {
        return (position, statement, _) ->
                statement.setArray(position, statement.getConnection().createArrayOf(type, values));
    }
}
