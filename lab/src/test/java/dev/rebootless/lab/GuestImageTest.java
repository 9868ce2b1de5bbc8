package dev.rebootless.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Progress;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.base.Subprocess;
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

    @Test
    void aTargetsFilesMustBeTheTargetAndAreUnpackedOnce() throws IOException {
        Path base = module("base.ko", "base");
        Path one = module("one.ko", "one-x");
        byte[] plain = Files.readAllBytes(base);
        Path packed = folder.resolve("base.ko.gz");
        try (var out = new java.util.zip.GZIPOutputStream(Files.newOutputStream(packed))) {
            out.write(plain);
        }
        Map<String, byte[]> files =
                packed(
                        List.of(
                                new TargetModule("one_x", List.of(packed, one)),
                                new TargetModule("base", List.of(packed))));
        assertThat(files)
                .containsOnlyKeys(
                        "targets",
                        "targets/base.ko",
                        "targets/one_x.ko",
                        "targets/one_x.files",
                        "targets/base.files");
        assertThat(files.get("targets/base.ko")).isEqualTo(plain);
        assertThat(files.get("targets/one_x.files")).asString().isEqualTo("base\none_x\n");

        assertUnfit("is the module one_x, not two", new TargetModule("two", List.of(base, one)));
        assertUnfit(
                "as is",
                new TargetModule("one_x", List.of(base, one)),
                new TargetModule("base", List.of(packed)));
        assertUnfit(
                "has a name that no module has",
                new TargetModule("x", List.of(module("bad.ko", "x;reboot"))));
    }

    private static void assertUnfit(String message, TargetModule... targets) {
        assertThatThrownBy(() -> packed(List.of(targets)))
                .isInstanceOfSatisfying(
                        RebootlessException.class,
                        fault -> {
                            assertThat(fault.problems().getFirst().code())
                                    .isEqualTo("RBL-LAB-TARGET");
                            assertThat(fault.getMessage()).contains(message);
                        });
    }

    private static Map<String, byte[]> packed(List<TargetModule> targets) throws IOException {
        CpioArchive archive = new CpioArchive();
        new TargetFiles(targets, true, true).pack(archive, new java.util.ArrayList<>());
        Map<String, byte[]> seen = new LinkedHashMap<>();
        try (CpioArchiveInputStream in =
                new CpioArchiveInputStream(new ByteArrayInputStream(archive.bytes()))) {
            for (CpioArchiveEntry entry = in.getNextEntry();
                    entry != null;
                    entry = in.getNextEntry()) {
                seen.put(entry.getName(), in.readAllBytes());
            }
        }
        return seen;
    }

    private Path module(String file, String name) throws IOException {
        Path source =
                Files.writeString(
                        folder.resolve("module.s"),
                        ".section .modinfo,\"a\"\n.asciz \"name="
                                + name
                                + "\"\n.asciz \"vermagic=6.1.0-1-x SMP \"\n");
        Path object = folder.resolve(file);
        assertThat(Subprocess.of("as", "-o", object.toString(), source.toString()).run().ok())
                .isTrue();
        return object;
    }

    private static GuestImage image(Optional<Path> check) {
        return GuestImage.of(
                GuestImage.Mode.PROVE,
                "00",
                List.of(),
                false,
                TargetFiles.NONE,
                check,
                Duration.ofSeconds(60),
                Duration.ofSeconds(30));
    }
}
