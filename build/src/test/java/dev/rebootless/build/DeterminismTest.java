package dev.rebootless.build;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.source.kit.Kit;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The same inputs give the same bytes, wherever and whenever they are built. */
class DeterminismTest {
    @TempDir Path folder;

    /** Several units, a cold part, static locals, special tables. */
    private static final List<Path> PATCHES =
            Patches.patches(
                    "getdents-hidden", "min-addr-cold", "ipc-header", "task-rename", "fdinfo-open");

    @Test
    void twoBuildsAreByteIdentical() throws IOException {
        byte[] first = build(StockKernelKit.get(), folder.resolve("first"));
        byte[] second = build(StockKernelKit.get(), folder.resolve("second"));
        assertThat(second).isEqualTo(first);
    }

    @Test
    void aBuildWithAnEmptyUnitCacheElsewhereIsByteIdentical() throws IOException {
        Kit kit = StockKernelKit.get();
        Path elsewhere = Files.createDirectories(folder.resolve("another/cache/kit"));
        try (Stream<Path> files = Files.list(kit.folder())) {
            for (Path file : files.toList()) {
                if (!file.equals(kit.unitCache())) {
                    Files.createSymbolicLink(elsewhere.resolve(file.getFileName()), file);
                }
            }
        }
        byte[] first = build(kit, folder.resolve("first"));
        byte[] second = build(new Kit(elsewhere, kit.facts()), folder.resolve("second"));
        assertThat(second).isEqualTo(first);
        // The cache was filled there: the second build did not look at the first one's.
        assertThat(elsewhere.resolve("units")).isNotEmptyDirectory();
    }

    private static BuildRequest request(List<Path> patches, Path out) {
        return new BuildRequest(
                patches, out, Optional.of("same"), true, List.of(), false, Optional.empty());
    }

    private static byte[] build(Kit kit, Path out) throws IOException {
        BuildOutcome outcome = new Build(kit, step -> {}, false).run(request(PATCHES, out));
        return Files.readAllBytes(((BuildOutcome.Built) outcome).module());
    }
}
