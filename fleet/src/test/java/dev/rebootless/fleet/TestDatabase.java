package dev.rebootless.fleet;

import dev.rebootless.fleet.store.DatabaseAddress;
import dev.rebootless.fleet.store.EmbeddedDatabase;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.concurrent.atomic.AtomicInteger;

/** One PostgreSQL for all test classes of a run, with a database for each that asks. */
final class TestDatabase {
    private static final AtomicInteger COUNT = new AtomicInteger();
    private static final EmbeddedDatabase SHARED = start();

    private TestDatabase() {}

    private static EmbeddedDatabase start() {
        try {
            Path folder = Files.createTempDirectory("rebootless-postgres");
            EmbeddedDatabase database = EmbeddedDatabase.start(folder, message -> {});
            Runtime.getRuntime()
                    .addShutdownHook(
                            new Thread(() -> {
                                database.close();
                                dev.rebootless.base.AtomicFiles.removeTreeQuietly(folder);
                            }));
            return database;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** An empty database. */
    static DatabaseAddress fresh() throws SQLException {
        String name = "test" + COUNT.incrementAndGet();
        try (Connection connection = connect(SHARED.address());
                Statement statement = connection.createStatement()) {
            statement.execute("CREATE DATABASE " + name);
        }
        DatabaseAddress address = SHARED.address();
        return new DatabaseAddress(
                address.url().replaceFirst("/postgres$", "/" + name),
                address.user(),
                address.password());
    }

    static Connection connect(DatabaseAddress address) throws SQLException {
        return DriverManager.getConnection(address.url(), address.user(), address.password());
    }
}
