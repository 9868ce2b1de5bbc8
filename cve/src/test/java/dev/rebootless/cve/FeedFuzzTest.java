package dev.rebootless.cve;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.rebootless.base.Progress;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.cve.FeedFacts.Kind;
import java.io.ByteArrayInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.zip.ZipException;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Whatever a feed holds: it is read or refused, and nothing else. */
class FeedFuzzTest {
    /**
     * Whoever prints first makes surefire look for its classes. The thread in which jazzer's agent
     * is attached cannot find them.
     */
    @BeforeAll
    static void printFirst() {
        System.out.println("fuzzing feeds");
    }

    private static final int ROUNDS = 10_000;
    private static final int MAX_EDITS = 5;

    /** Values that stand where others are expected. */
    private static final List<String> SPLICES =
            List.of(
                    "null",
                    "[]",
                    "{}",
                    "[[]]",
                    "{\"a\":[1]}",
                    "true",
                    "-1",
                    "1e999",
                    "99999999999999999999999999",
                    "\"\"",
                    "\"\\u0000\"",
                    "\"\\ud800\"",
                    "\"*\"",
                    "\"6.*\"",
                    "\"0\"",
                    "\"CVE-2026-10001\"",
                    "\"linux\":",
                    "\"facts\":",
                    "\"vulnerabilities\":",
                    "\"dataType\":",
                    ",",
                    "}",
                    "]");

    private final long seed = Long.getLong("rebootless.seed", System.nanoTime());
    private final Random random = new Random(seed);

    FeedFuzzTest() {
        System.out.println("damaged feeds: -Drebootless.seed=" + seed);
    }

    /** Flipped bits, cuts, slices that stand twice or elsewhere, and other values. */
    private byte[] damaged(byte[] feed) {
        byte[] bytes = feed.clone();
        for (int edit = 1 + random.nextInt(MAX_EDITS); edit > 0 && bytes.length > 0; edit--) {
            int at = random.nextInt(bytes.length);
            int length = Math.min(random.nextInt(80), bytes.length - at);
            switch (random.nextInt(7)) {
                case 0, 1 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
                case 2 -> bytes = Arrays.copyOf(bytes, at);
                case 3 -> bytes = spliced(bytes, at, at + length, new byte[0]);
                case 4 ->
                        bytes = spliced(bytes, at, at, Arrays.copyOfRange(bytes, at, at + length));
                case 5 -> {
                    int to = random.nextInt(bytes.length);
                    bytes = spliced(bytes, to, to, Arrays.copyOfRange(bytes, at, at + length));
                }
                case 6 -> bytes = otherValue(bytes, at);
                default -> throw new AssertionError();
            }
        }
        return bytes;
    }

    /** With another value in the place of the next. */
    private byte[] otherValue(byte[] bytes, int from) {
        int colon = from;
        while (colon < bytes.length && bytes[colon] != ':') {
            colon++;
        }
        int end = colon;
        while (end < bytes.length && bytes[end] != ',' && bytes[end] != '}') {
            end++;
        }
        String value = SPLICES.get(random.nextInt(SPLICES.size()));
        return spliced(
                bytes,
                Math.min(colon + 1, bytes.length),
                Math.max(end, Math.min(colon + 1, bytes.length)),
                value.getBytes(StandardCharsets.UTF_8));
    }

    private static byte[] spliced(byte[] bytes, int from, int to, byte[] with) {
        byte[] result = new byte[from + with.length + bytes.length - to];
        System.arraycopy(bytes, 0, result, 0, from);
        System.arraycopy(with, 0, result, from, with.length);
        System.arraycopy(bytes, to, result, from + with.length, bytes.length - to);
        return result;
    }

    private AssertionError failed(int round, byte[] bytes, Throwable cause) {
        return new AssertionError(
                "round "
                        + round
                        + ", seed "
                        + seed
                        + ": "
                        + new String(bytes, StandardCharsets.ISO_8859_1),
                cause);
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void aDamagedFeedIsReadOrRefused(Kind kind) {
        byte[] feed =
                requireNonNull(SmallFeeds.ofEachKind().get(kind)).getBytes(StandardCharsets.UTF_8);
        int read = 0;
        int refused = 0;
        for (int round = 0; round < ROUNDS; round++) {
            byte[] bytes = damaged(feed);
            FeedFacts.Builder facts = new FeedFacts.Builder();
            try {
                FeedReader.read(new ByteArrayInputStream(bytes), facts);
                facts.build();
                read++;
            } catch (FeedFault e) {
                assertThat(e.getMessage()).as("seed %d", seed).isNotBlank();
                refused++;
            } catch (IOException | RuntimeException | Error e) {
                throw failed(round, bytes, e);
            }
        }
        assertThat(read).as("read, seed %d", seed).isPositive();
        assertThat(refused).as("refused, seed %d", seed).isPositive();
    }

    @Tag("long")
    @FuzzTest(maxDuration = "30s")
    void anyBytesAreAFeedOrRefused(byte[] data) throws IOException {
        FeedFacts.Builder facts = new FeedFacts.Builder();
        try {
            FeedReader.read(new ByteArrayInputStream(data), facts);
            facts.build();
        } catch (FeedFault e) {
            assertThat(e.getMessage()).isNotBlank();
        } catch (ZipException | EOFException e) {
            // Bytes that begin like gzip, which the reader reports as it comes.
            assertThat(data).startsWith((byte) 0x1f, (byte) 0x8b);
        }
    }

    @Tag("long")
    @FuzzTest(maxDuration = "30s")
    void anyTextIsAChangelogOrRefused(byte[] data) {
        try {
            Changelog.parse(new String(data, StandardCharsets.UTF_8), "fuzz").uploads();
        } catch (RebootlessException e) {
            assertThat(e.problems()).isNotEmpty();
        }
    }

    /** Only here may the bytes be no gzip at all, which the reader reports as it comes. */
    @Test
    void aDamagedCompressedFeedIsReadOrRefused() throws IOException {
        byte[] feed = SmallFeeds.gzip(SmallFeeds.RECORD);
        int refused = 0;
        for (int round = 0; round < ROUNDS; round++) {
            byte[] bytes = damaged(feed);
            try {
                FeedReader.read(new ByteArrayInputStream(bytes), new FeedFacts.Builder());
            } catch (FeedFault | IOException e) {
                refused++;
            } catch (RuntimeException | Error e) {
                throw failed(round, bytes, e);
            }
        }
        assertThat(refused).as("seed %d", seed).isPositive();
    }

    @Test
    void aDamagedFileIsReadOrRefusedWithWhatToDo(@TempDir Path temp) throws IOException {
        List<String> feeds = List.copyOf(SmallFeeds.ofEachKind().values());
        for (int round = 0; round < 1_000; round++) {
            byte[] feed =
                    round % 4 == 0
                            ? SmallFeeds.gzip(feeds.get(round % feeds.size()))
                            : feeds.get(round % feeds.size()).getBytes(StandardCharsets.UTF_8);
            byte[] bytes = damaged(feed);
            Path file = Files.write(temp.resolve("feed"), bytes);
            try {
                Feeds.read(List.of(file.toString()), temp.resolve("cache"), Progress.SILENT);
            } catch (RebootlessException e) {
                assertThat(e.problems())
                        .as("seed %d", seed)
                        .singleElement()
                        .satisfies(p -> assertThat(p.code()).isEqualTo("RBL-FEED"))
                        .satisfies(p -> assertThat(p.place()).isEqualTo(file.toString()));
            } catch (RuntimeException e) {
                throw failed(round, bytes, e);
            }
        }
    }

    /** Whatever the others of a folder hold, the good one is read. */
    @Test
    void damagedRecordsOfAFolderTakeNothingFromTheGoodOne(@TempDir Path temp) throws IOException {
        byte[] record = SmallFeeds.record("CVE-2026-10002").getBytes(StandardCharsets.UTF_8);
        Files.writeString(temp.resolve("good.json"), SmallFeeds.RECORD);
        for (int round = 0; round < 40; round++) {
            for (int i = 0; i < 20; i++) {
                Files.write(temp.resolve("bad" + i + ".json"), damaged(record));
            }
            try {
                FeedFacts facts =
                        Feeds.read(
                                List.of(temp.toString()), temp.resolve("cache"), Progress.SILENT);
                assertThat(facts.records())
                        .as("seed %d", seed)
                        .containsKey(new CveId("CVE-2026-10001"));
            } catch (RuntimeException e) {
                throw failed(round, record, e);
            }
        }
    }
}
