package dev.rebootless.fleet;

import dev.rebootless.base.Progress;
import dev.rebootless.fleet.account.Accounts;
import dev.rebootless.fleet.api.EnrolmentApi;
import dev.rebootless.fleet.store.AuditLog;
import dev.rebootless.fleet.store.Database;
import dev.rebootless.fleet.store.DatabaseAddress;
import dev.rebootless.fleet.store.EmbeddedDatabase;
import dev.rebootless.fleet.store.TokenStore;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.Optional;

/**
 * The server's database, for commands of whoever may read its folder: beside a server that runs, or
 * without one.
 */
public final class LocalDatabase implements AutoCloseable {
    private static final int CONNECTIONS = 2;

    private final Optional<EmbeddedDatabase> started;
    private final Database database;
    private final Clock clock;

    private LocalDatabase(Optional<EmbeddedDatabase> started, Database database, Clock clock) {
        this.started = started;
        this.database = database;
        this.clock = clock;
    }

    /**
     * Opens it.
     *
     * @param data the server's folder
     * @param address of a database of its own
     */
    public static LocalDatabase open(
            Path data, Optional<DatabaseAddress> address, Clock clock, Progress progress) {
        Path postgres = data.resolve("postgres");
        Optional<DatabaseAddress> running =
                address.isPresent() ? address : EmbeddedDatabase.running(postgres);
        Optional<EmbeddedDatabase> started =
                running.isPresent()
                        ? Optional.empty()
                        : Optional.of(EmbeddedDatabase.start(postgres, progress));
        try {
            return new LocalDatabase(
                    started,
                    Database.open(
                            running.or(() -> started.map(EmbeddedDatabase::address)).orElseThrow(),
                            CONNECTIONS),
                    clock);
        } catch (RuntimeException e) {
            started.ifPresent(EmbeddedDatabase::close);
            throw e;
        }
    }

    /** Makes an enrolment token. */
    public String newEnrolmentToken(String tag, Duration lasts) {
        AuditLog audit = new AuditLog(database);
        String token = EnrolmentApi.PREFIX + new Accounts(database, audit, clock).newSecret();
        new TokenStore(database, audit)
                .add(
                        token,
                        tag,
                        clock.instant(),
                        clock.instant().plus(lasts),
                        "user " + System.getProperty("user.name", "") + " of the server's machine");
        return token;
    }

    /** Computes the audit log's chain again. */
    public AuditLog.Verdict verifyAuditLog() {
        return new AuditLog(database).verify();
    }

    @Override
    public void close() {
        database.close();
        started.ifPresent(EmbeddedDatabase::close);
    }
}
