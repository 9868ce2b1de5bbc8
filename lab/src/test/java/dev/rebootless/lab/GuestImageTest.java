package dev.rebootless.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Progress;
import dev.rebootless.base.RebootlessException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.apache.commons.compress.archivers.cpio.CpioArchiveEntry;
import org.apache.commons.compress.archivers.cpio.CpioArchiveInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GuestImageTest {
    @TempDir Path folder;

    @Test
    void anotherReaderOfCpioSeesWhatWasPacked() throws IOException {
        byte[] bytes =
                new CpioArchive()
                        .folder("bin")
                        .file("bin/a", 0755, "one".getBytes(StandardCharsets.UTF_8))
                        .file("empty", 0644, new byte[0])
                        .file("five", 0600, new byte[5])
                        .bytes();

        Map<String, String> seen = new LinkedHashMap<>();
        try (CpioArchiveInputStream in =
                new CpioArchiveInputStream(new ByteArrayInputStream(bytes))) {
            for (CpioArchiveEntry entry = in.getNextEntry();
                    entry != null;
                    entry = in.getNextEntry()) {
                byte[] content = in.readAllBytes();
                seen.put(
                        entry.getName(),
                        Long.toOctalString(entry.getMode())
                                + " "
                                + content.length
                                + " "
                                + entry.getInode());
            }
        }
        assertThat(seen)
                .containsExactly(
                        Map.entry("bin", "40755 0 1"),
                        Map.entry("bin/a", "100755 3 2"),
                        Map.entry("empty", "100644 0 3"),
                        Map.entry("five", "100600 5 4"));
    }

    @Test
    void theSameFilesGiveTheSameBytes() {
        assertThat(image(Optional.empty()).bytes()).isEqualTo(image(Optional.empty()).bytes());
    }

    @Test
    void aProgramThatNeedsLibrariesIsToldFromOneThatDoesNot() throws IOException {
        assertThat(GuestImage.isStatic(Files.readAllBytes(Path.of("/bin/busybox")))).isTrue();
        assertThat(GuestImage.isStatic(Files.readAllBytes(Path.of("/bin/ls")))).isFalse();
        assertThat(GuestImage.isStatic(new byte[0])).isFalse();
        assertThat(GuestImage.isStatic("#!/bin/sh\n".repeat(20).getBytes(StandardCharsets.UTF_8)))
                .isFalse();
    }

    @Test
    void aDamagedProgramNeverEndsInAFault() throws IOException {
        long seed = System.nanoTime();
        System.err.println("seed " + seed);
        Random random = new Random(seed);
        byte[] head = java.util.Arrays.copyOf(Files.readAllBytes(Path.of("/bin/busybox")), 1024);
        int accepted = 0;
        for (int round = 0; round < 20_000; round++) {
            byte[] damaged = java.util.Arrays.copyOf(head, 1 + random.nextInt(head.length));
            for (int i = 0; i < 4; i++) {
                damaged[random.nextInt(Math.min(damaged.length, 128))] = (byte) random.nextInt(256);
            }
            accepted += GuestImage.isStatic(damaged) ? 1 : 0;
        }
        assertThat(accepted).isBetween(1, 19_999);
    }

    @Test
    void aMissingCheckIsNamed() {
        Path missing = folder.resolve("nothing.sh");
        assertThatThrownBy(() -> image(Optional.of(missing)))
                .isInstanceOfSatisfying(
                        RebootlessException.class,
                        fault -> {
                            assertThat(fault.status()).isEqualTo(ExitStatus.USAGE);
                            assertThat(fault.getMessage()).contains("nothing.sh");
                        });
    }

    @Test
    void aFileThatIsNoKernelIsRefusedBeforeAnythingIsBooted() throws IOException {
        Path notes = Files.writeString(folder.resolve("notes.txt"), "no kernel\n".repeat(1000));
        assertThatThrownBy(() -> new Lab(folder).prove(ProofRequest.of(notes), Progress.SILENT))
                .isInstanceOfSatisfying(
                        RebootlessException.class,
                        fault -> {
                            assertThat(fault.status()).isEqualTo(ExitStatus.ENVIRONMENT);
                            assertThat(fault.problems().getFirst().code())
                                    .isEqualTo("RBL-BOOT-IMAGE");
                        });
    }

    private static GuestImage image(Optional<Path> check) {
        return GuestImage.of(
                GuestImage.Mode.PROVE,
                "00",
                List.of(),
                false,
                check,
                Duration.ofSeconds(60),
                Duration.ofSeconds(30));
    }
}
