package dev.rebootless.build;

import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * The source patches of the tests, {@code build/src/test/resources/patches}, each with a check
 * script that fails on the stock kernel and passes with the patch.
 */
final class Patches {
    private Patches() {}

    static Path patch(String name) {
        return file(name + ".patch");
    }

    static List<Path> patches(String... names) {
        return Stream.of(names).map(Patches::patch).toList();
    }

    static Path check(String name) {
        return file(name + ".sh");
    }

    /** A patch that no livepatch is built from. */
    static Path refused(String name) {
        return file("refused/" + name + ".patch");
    }

    private static Path file(String name) {
        URL url = Patches.class.getResource("/patches/" + name);
        try {
            return Path.of(Objects.requireNonNull(url, name).toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }
}
