package dev.rebootless.lab;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.kernel.log.KernelLog;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class BoundedLinesTest {
    @Test
    void carriageReturnsAndALastLineWithoutAnEndAreLeftOut() throws IOException {
        List<String> lines = new ArrayList<>();
        byte[] bytes = "one\r\ntwo\nthr".getBytes(StandardCharsets.UTF_8);
        BoundedLines.read(new ByteArrayInputStream(bytes), 100, lines::add);
        assertThat(lines).containsExactly("one", "two");
    }

    @Test
    void noBytesOnTheConsoleMakeAnEndlessLine() throws IOException {
        long seed = System.nanoTime();
        System.err.println("seed " + seed);
        byte[] noise = new byte[4 << 20];
        new Random(seed).nextBytes(noise);
        // A long stretch without a line end, too.
        Arrays.fill(noise, 1 << 20, 2 << 20, (byte) '[');
        List<Integer> lengths = new ArrayList<>();
        BoundedLines.read(
                new ByteArrayInputStream(noise),
                KernelLog.MAX_LINE_BYTES,
                line -> lengths.add(line.length()));
        assertThat(lengths).isNotEmpty().allMatch(length -> length <= KernelLog.MAX_LINE_BYTES);
    }
}
