package dev.rebootless.elf.x86;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.base.Subprocess;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Comparing a kernel's functions must not wait for the decoder. */
class DecodingSpeedTest {
    private static final double BYTES_PER_SECOND = 20e6;
    private static final double NANOSECONDS = 1e9;
    private static final int ROUNDS = 12;

    @TempDir Path folder;

    /** Of processor time, not of the clock, so that a busy machine does not make it fail. */
    @Test
    void warmCodeIsDecodedAtTwentyMegabytesASecondOrMore() throws IOException {
        Path module =
                ShippedKernel.newest(ShippedKernel.DEBIAN_12)
                        .unpack(folder, "./lib/modules/*/kernel/fs/btrfs/btrfs.ko")
                        .getFirst();
        Path text = folder.resolve("text");
        Subprocess.Result result =
                Subprocess.of(
                                "objcopy",
                                "-O",
                                "binary",
                                "--only-section=.text",
                                module.toString(),
                                text.toString())
                        .run();
        assertThat(result.ok()).as(result.all()).isTrue();
        byte[] code = Files.readAllBytes(text);
        ThreadMXBean threads = ManagementFactory.getThreadMXBean();

        double best = 0;
        long instructions = 0;
        for (int round = 0; round < ROUNDS; round++) {
            long before = threads.getCurrentThreadCpuTime();
            instructions = 0;
            for (Instruction instruction : X86Decoder.all(code, 0, code.length)) {
                instructions += instruction.length() > 0 ? 1 : 0;
            }
            double seconds = (threads.getCurrentThreadCpuTime() - before) / NANOSECONDS;
            best = Math.max(best, code.length / seconds);
        }

        System.out.printf(
                "decoded %d bytes, %d instructions, at %.0f MB/s%n",
                code.length, instructions, best / 1e6);
        assertThat(code.length).isGreaterThan(500_000);
        assertThat(best).isGreaterThan(BYTES_PER_SECOND);
    }
}
