package dev.rebootless.source.kit;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KitJsonTest {
    @TempDir private Path folder;

    /** As kits were written before they could bring a toolchain, under the same schema version. */
    @Test
    void aKitThatSaysNothingOfAToolchainIsReadAsOneOfThisMachinesPrograms() throws IOException {
        KitFacts facts =
                new KitFacts(
                        KitFacts.SCHEMA_VERSION,
                        "6.1.0-9-amd64",
                        "ab12",
                        "6.1.27-1",
                        "linux",
                        "6.1.27-1",
                        List.of(),
                        Optional.empty(),
                        new KitFacts.Compiler("gcc-12", "gcc-12 (Debian 12.2.0-14)", "gcc-12"),
                        new TreeMap<>(),
                        "6.1.0-9-amd64 SMP",
                        "Linux version 6.1.0-9-amd64",
                        "00",
                        List.of(),
                        1,
                        Instant.EPOCH);
        String json = KitJson.write(facts);
        String old = json.replaceFirst("(?m)^ *\"toolchain\" : null,\\R", "");
        assertThat(old).doesNotContain("toolchain").hasSizeLessThan(json.length());
        Path kit = folder.resolve("ab12");
        Files.createDirectories(kit.resolve("tree"));
        Files.createFile(kit.resolve("vmlinux"));
        for (String each : List.of(old, json)) {
            Files.writeString(kit.resolve("kit.json"), each);
            assertThat(KitJson.read(kit))
                    .hasValueSatisfying(read -> assertThat(read.facts()).isEqualTo(facts));
        }
    }
}
