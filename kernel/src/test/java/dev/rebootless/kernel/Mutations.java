package dev.rebootless.kernel;

import dev.rebootless.base.RebootlessException;
import java.time.Duration;
import java.util.Arrays;
import java.util.Random;
import java.util.function.Consumer;

/**
 * Feeds a reader of foreign bytes with damaged copies of a good input. What it may do is return, or
 * refuse with a {@link RebootlessException} whose code is stable; all else fails the test, with the
 * seed that makes it happen again ({@code -Drebootless.seed=…}).
 */
public final class Mutations {
    private static final int MAX_EDITS = 6;
    private static final int[] TELLING = {
        0,
        1,
        -1,
        2,
        3,
        4,
        7,
        8,
        127,
        128,
        255,
        256,
        0x7FFF,
        0x8000,
        0xFFFF,
        0x10000,
        Integer.MAX_VALUE,
        Integer.MIN_VALUE,
        Integer.MAX_VALUE - 7,
        1 << 30,
        1 << 24
    };

    private Mutations() {}

    /**
     * What came of a run.
     *
     * @param accepted how many damaged inputs the reader took
     * @param refused how many it refused
     * @param slowest the longest that one took
     */
    public record Outcome(int accepted, int refused, Duration slowest) {}

    /**
     * Runs a reader over damaged copies.
     *
     * @param original a good input
     * @param hot edits land among the first so many bytes (a header) half of the time
     * @param rounds how many copies
     */
    public static Outcome run(byte[] original, int hot, int rounds, Consumer<byte[]> reader) {
        long seed = Long.getLong("rebootless.seed", System.nanoTime());
        System.out.println("mutations: -Drebootless.seed=" + seed);
        Random random = new Random(seed);
        int refused = 0;
        long slowest = 0;
        for (int round = 0; round < rounds; round++) {
            byte[] damaged = damaged(original, hot, random);
            long start = System.nanoTime();
            try {
                reader.accept(damaged);
            } catch (RebootlessException e) {
                refused++;
                if (e.problems().getFirst().message().isBlank()) {
                    throw new AssertionError(
                            "round " + round + ", seed " + seed + ": says nothing", e);
                }
            } catch (RuntimeException | Error e) {
                throw new AssertionError("round " + round + ", seed " + seed + ": " + e, e);
            }
            slowest = Math.max(slowest, System.nanoTime() - start);
        }
        return new Outcome(rounds - refused, refused, Duration.ofNanos(slowest));
    }

    private static byte[] damaged(byte[] original, int hot, Random random) {
        byte[] bytes = original.clone();
        int edits = 1 + random.nextInt(MAX_EDITS);
        for (int i = 0; i < edits && bytes.length > 0; i++) {
            int reach = random.nextBoolean() ? Math.min(hot, bytes.length) : bytes.length;
            int at = random.nextInt(Math.max(1, reach));
            switch (random.nextInt(6)) {
                case 0 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
                case 1 -> bytes[at] = (byte) random.nextInt();
                case 2, 3 -> put(bytes, at & ~3, TELLING[random.nextInt(TELLING.length)], 4);
                case 4 -> put(bytes, at & ~1, TELLING[random.nextInt(TELLING.length)], 2);
                case 5 -> {
                    if (random.nextInt(4) == 0) {
                        bytes = Arrays.copyOf(bytes, random.nextInt(bytes.length));
                    } else {
                        int length = Math.min(random.nextInt(64), bytes.length - at);
                        int from = random.nextInt(bytes.length - length + 1);
                        System.arraycopy(bytes, from, bytes, at, length);
                    }
                }
                default -> throw new AssertionError();
            }
        }
        return bytes;
    }

    private static void put(byte[] bytes, int at, int value, int length) {
        for (int i = 0; i < length && at + i < bytes.length; i++) {
            bytes[at + i] = (byte) (value >>> (8 * i));
        }
    }
}
