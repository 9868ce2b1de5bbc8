package dev.rebootless.host.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.rebootless.host.TestImages;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The build id of an image, without unpacking it into memory. */
class ImageBuildIdTest {
    private static final String ID = "3b43fad5034874490492495d552c0af6a5fab235";

    @TempDir Path folder;

    private Path write(byte[] image) throws IOException {
        return Files.write(folder.resolve("vmlinuz"), image);
    }

    @Test
    void anImagePackedWithGzipIsRead() throws IOException {
        assertThat(ImageBuildId.read(write(TestImages.gzip(ID)))).isEqualTo(ID);
    }

    @ParameterizedTest
    @ValueSource(strings = {"xz -c --check=crc32", "zstd -cq -1 --long=27", "lz4 -cql"})
    void whatDistributionsPackWithIsUnpackedByThePrograms(String command) throws Exception {
        byte[] image =
                TestImages.image(
                        ID,
                        bytes -> {
                            Path file = Files.write(folder.resolve("vmlinux"), bytes);
                            Process process =
                                    new ProcessBuilder((command + " " + file).split(" ")).start();
                            return process.getInputStream().readAllBytes();
                        },
                        true);
        assumeThat(image.length).as("the program of " + command).isGreaterThan(1100);
        assertThat(ImageBuildId.read(write(image))).isEqualTo(ID);
    }

    @Test
    void whatIsNoImageIsUnknown() {
        assertThatThrownBy(() -> ImageBuildId.read(write(new byte[5000])))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("boot image");
        assertThatThrownBy(() -> ImageBuildId.read(folder.resolve("nothing")))
                .isInstanceOf(IOException.class);
    }

    @Test
    void aDamagedImageIsUnknownOrReadAndNothingElse() throws IOException {
        long seed = Long.getLong("rebootless.seed", System.nanoTime());
        System.out.println("seed " + seed);
        Random random = new Random(seed);
        byte[] good = TestImages.gzip(ID);
        int unknown = 0;
        for (int i = 0; i < 500; i++) {
            byte[] bad = good.clone();
            for (int n = 0; n <= random.nextInt(30); n++) {
                // The headers are at the beginning, and of the payload its own.
                bad[random.nextInt(i % 2 == 0 ? 1100 : bad.length)] = (byte) random.nextInt(256);
            }
            try {
                assertThat(ImageBuildId.read(write(bad))).matches("(?:[0-9a-f]{2}){1,64}");
            } catch (IOException e) {
                unknown++;
                assertThat(e.getMessage()).isNotBlank();
            }
        }
        assertThat(unknown).isGreaterThan(50);
    }
}
