package dev.rebootless.source.kit;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** apt as it behaves on other machines. */
final class AptConfigs {
    private AptConfigs() {}

    /** A fresh machine: no package lists. */
    static AptPackages withoutLists(Path folder) throws IOException {
        Path lists = Files.createDirectories(folder.resolve("apt-lists/partial")).getParent();
        Path status = Files.writeString(folder.resolve("apt-status"), "");
        return AptPackages.configured(
                Files.writeString(
                        folder.resolve("no-lists.conf"),
                        "Dir::State::Lists \"%s\";\nDir::State::status \"%s\";\nDir::Cache::pkgcache \"\";\nDir::Cache::srcpkgcache \"\";\n"
                                .formatted(lists, status)));
    }

    /** This machine's lists, and a network that is gone: nothing listens on port 9. */
    static AptPackages withoutNetwork(Path folder) throws IOException {
        return AptPackages.configured(
                Files.writeString(
                        folder.resolve("no-network.conf"),
                        "Acquire::http::Proxy \"http://127.0.0.1:9\";\nAcquire::https::Proxy \"http://127.0.0.1:9\";\n"));
    }
}
