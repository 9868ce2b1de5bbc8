package dev.rebootless.fleet.store;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import java.sql.SQLException;
import java.sql.SQLTransientException;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.FlywayException;
import org.jdbi.v3.core.Jdbi;

/** PostgreSQL: a pool of connections to a database that has all migrations. */
public final class Database implements AutoCloseable {
    /** PostgreSQL 14 has all that is used here; what is tried is 18. */
    private static final int OLDEST_MAJOR = 14;

    private static final Duration CONNECT_PATIENCE = Duration.ofSeconds(10);

    /** For what one transaction at a time needs of another one. */
    private static final int ASIDE_CONNECTIONS = 2;

    private final HikariDataSource pool;
    private final HikariDataSource aside;
    private final Jdbi jdbi;
    private final Jdbi asideJdbi;

    private Database(HikariDataSource pool, HikariDataSource aside) {
        this.pool = pool;
        this.aside = aside;
        this.jdbi = Jdbi.create(pool);
        this.asideJdbi = Jdbi.create(aside);
    }

    /**
     * Connects, and brings the tables to the newest version. Several processes may do so at once:
     * Flyway lets one after the other.
     *
     * @param connections at most, from 2 on
     * @throws RebootlessException exit status 5, {@code RBL-FLEET-DATABASE}
     */
    public static Database open(DatabaseAddress address, int connections) {
        HikariDataSource pool;
        try {
            pool = new HikariDataSource(config(address, connections));
        } catch (RuntimeException e) {
            throw unusable(address, reason(e), e);
        }
        try {
            requireVersion(pool, address);
            Flyway.configure()
                    .dataSource(pool)
                    .locations("classpath:db/migration")
                    .load()
                    .migrate();
            return new Database(pool, new HikariDataSource(config(address, ASIDE_CONNECTIONS)));
        } catch (FlywayException e) {
            pool.close();
            throw unusable(address, reason(e), e);
        } catch (RuntimeException e) {
            pool.close();
            throw e;
        }
    }

    private static HikariConfig config(DatabaseAddress address, int connections) {
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl(address.url());
        config.setUsername(address.user());
        if (!address.password().isEmpty()) {
            config.setPassword(address.password());
        }
        config.setMaximumPoolSize(connections);
        config.setMinimumIdle(Math.min(2, connections));
        config.setConnectionTimeout(CONNECT_PATIENCE.toMillis());
        config.setPoolName("rebootless");
        config.addDataSourceProperty("ApplicationName", "rebootless");
        // A database that is gone without a word (its machine lost power) is noticed.
        config.addDataSourceProperty("socketTimeout", "60");
        config.addDataSourceProperty("tcpKeepAlive", "true");
        return config;
    }

    private static void requireVersion(HikariDataSource pool, DatabaseAddress address) {
        try (java.sql.Connection connection = pool.getConnection()) {
            int major = connection.getMetaData().getDatabaseMajorVersion();
            if (major < OLDEST_MAJOR) {
                throw RebootlessException.environment(
                        "RBL-FLEET-DATABASE",
                        address.toString(),
                        "is PostgreSQL %d, and %d is needed".formatted(major, OLDEST_MAJOR),
                        "upgrade it, or give another --database");
            }
        } catch (SQLException e) {
            throw unusable(address, reason(e), e);
        }
    }

    private static RebootlessException unusable(
            DatabaseAddress address, String reason, Exception cause) {
        return new RebootlessException(
                ExitStatus.ENVIRONMENT,
                List.of(
                        new Problem(
                                "RBL-FLEET-DATABASE",
                                address.toString(),
                                "cannot be used: " + reason,
                                "see that it runs, that the database exists, and that this user may make"
                                        + " tables in it; the password is read from --database-password-file"
                                        + " or from PGPASSFILE")),
                cause);
    }

    private static String reason(Throwable fault) {
        Throwable deepest = fault;
        while (deepest.getCause() != null) {
            deepest = deepest.getCause();
        }
        return String.valueOf(deepest.getMessage()).lines().findFirst().orElse("");
    }

    /** For the stores. */
    public Jdbi jdbi() {
        return jdbi;
    }

    /**
     * For what is written within another transaction and must stay whatever becomes of it. It has
     * connections of its own: a transaction that waits for a second one of the same pool may wait
     * for itself.
     */
    Jdbi aside() {
        return asideJdbi;
    }

    /** For what brings its own SQL. */
    public javax.sql.DataSource dataSource() {
        return pool;
    }

    /** Whether it answers now. */
    public boolean answers() {
        try (java.sql.Connection connection = pool.getConnection()) {
            return connection.isValid(2);
        } catch (SQLException e) {
            return false;
        }
    }

    /**
     * Whether a failure is the database's being away, full or overloaded, so that the same may
     * succeed later; PostgreSQL's error codes, appendix A: classes 08, 40, 53, 57 and 58.
     */
    public static boolean isTemporary(Throwable failure) {
        return sqlState(failure)
                .map(state ->
                        List.of("08", "40", "53", "57", "58").contains(state.substring(0, 2))
                                || state.equals("55P03"))
                .orElse(isTransient(failure));
    }

    /** Whether a unique constraint was hit. */
    public static boolean isDuplicate(Throwable failure) {
        return sqlState(failure).filter("23505"::equals).isPresent();
    }

    /** Whether a row that was referred to is not there (any more). */
    static boolean isForeignKey(Throwable failure) {
        return sqlState(failure).filter("23503"::equals).isPresent();
    }

    private static boolean isTransient(Throwable failure) {
        for (Throwable at = failure; at != null; at = at.getCause()) {
            if (at instanceof SQLTransientException || at instanceof java.io.IOException) {
                return true;
            }
        }
        return false;
    }

    private static Optional<String> sqlState(Throwable failure) {
        for (Throwable at = failure; at != null; at = at.getCause()) {
            if (at instanceof SQLException sql
                    && Objects.requireNonNullElse(sql.getSQLState(), "").length() == 5) {
                return Optional.of(sql.getSQLState());
            }
        }
        return Optional.empty();
    }

    @Override
    public void close() {
        pool.close();
        aside.close();
    }
}
