package dev.rebootless.fleet.job;

import dev.rebootless.release.Keyring;
import dev.rebootless.release.publish.NewRepository;
import dev.rebootless.release.publish.Publisher;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;

/**
 * Signs snapshot and timestamp anew with the server's own keys, and with that makes visible what
 * those who release have signed. A server without these keys hands out what others sign.
 */
public final class RepositoryRefresh implements Runnable {
    private final Path repository;
    private final Path keys;
    private final Clock clock;

    /**
     * Of a repository.
     *
     * @param keys the folder with the keys of snapshot and timestamp
     */
    public RepositoryRefresh(Path repository, Path keys, Clock clock) {
        this.repository = repository;
        this.keys = keys;
        this.clock = clock;
    }

    @Override
    public void run() {
        if (!Files.isDirectory(keys) || !Files.isDirectory(repository.resolve("metadata"))) {
            return;
        }
        var _ =
                new Publisher(
                                repository,
                                keys.resolve(NewRepository.TRUSTED),
                                Keyring.read(List.of(keys)),
                                clock)
                        .refresh();
    }
}
