package dev.rebootless.fleet.store;

/**
 * Where the database is and who uses it.
 *
 * @param url such as {@code jdbc:postgresql://db.example.org/rebootless}
 * @param user of the database
 * @param password of that user; empty where the driver finds one by itself (PGPASSFILE, a
 *     certificate)
 */
public record DatabaseAddress(String url, String user, String password) {
    /** Without the password. */
    @Override
    public String toString() {
        return user + " at " + url;
    }
}
