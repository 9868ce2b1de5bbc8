package dev.rebootless.fleet;

import dev.rebootless.fleet.store.DatabaseAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/**
 * How a server is to run.
 *
 * @param data its folder: the repository, TLS, and the embedded database
 * @param host to listen on, a name or address
 * @param port to listen on; 0 for any that is free
 * @param certificate of its own
 * @param database of its own; the embedded one if empty
 * @param interval between two reports of a host
 */
public record FleetOptions(
        Path data,
        String host,
        int port,
        Optional<Certificate> certificate,
        Optional<DatabaseAddress> database,
        Duration interval) {
    /** docs/contract-fleet.md, "POST /agent/v1/enroll". */
    public static final Duration INTERVAL = Duration.ofMinutes(30);

    /** PEM files. */
    public record Certificate(Path chain, Path key) {}

    /** A host that says nothing for two and a half of its intervals is silent. */
    public Duration silentAfter() {
        return interval.multipliedBy(5).dividedBy(2);
    }

    /** Where the files are that hosts get (docs/contract-releases.md, "Files"). */
    public Path repository() {
        return data.resolve("repository");
    }

    /** Where the embedded database is. */
    public Path postgres() {
        return data.resolve("postgres");
    }

    /** Where the keys of snapshot and timestamp are, if the server has them. */
    public Path keys() {
        return data.resolve("keys");
    }
}
