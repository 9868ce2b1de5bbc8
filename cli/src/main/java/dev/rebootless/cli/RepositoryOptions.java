package dev.rebootless.cli;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.release.Keyring;
import dev.rebootless.release.publish.NewRepository;
import dev.rebootless.release.publish.Publisher;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Where releases are kept, and who signs. */
final class RepositoryOptions {
    @Option(
            names = "--repository",
            paramLabel = "DIR",
            required = true,
            description = "The folder of the repository; a server has it in DATA/repository.")
    private Path repository = Path.of("");

    @Option(
            names = "--keys",
            paramLabel = "PLACE",
            description =
                    "Files of keys, or folders with such files (*.pem); may be given more than once."
                            + " The server's, of snapshot and timestamp, are in DATA/keys: without"
                            + " them, what is signed waits for the server.")
    private List<Path> keys = List.of();

    @Option(
            names = "--trusted",
            paramLabel = "DIR",
            description =
                    "What you believed of this repository last (default: the folder `trusted`"
                            + " beside the first key).")
    private @Nullable Path trusted;

    Path repository() {
        return repository;
    }

    Keyring keyring() {
        return keys.isEmpty() ? Keyring.of(List.of()) : Keyring.read(keys);
    }

    Path trusted() {
        if (trusted != null) {
            return trusted;
        }
        Optional<Path> first = keys.stream().findFirst();
        Path folder =
                first.map(f -> Files.isDirectory(f) ? f : f.toAbsolutePath().getParent())
                        .orElseThrow(() ->
                                RebootlessException.usage(
                                        "RBL-USAGE",
                                        "--trusted",
                                        "what you believe of the repository is not known without it",
                                        "give --keys or --trusted"));
        return folder.resolve(NewRepository.TRUSTED);
    }

    Publisher publisher() {
        return new Publisher(repository, trusted(), keyring(), Clock.systemUTC());
    }
}
