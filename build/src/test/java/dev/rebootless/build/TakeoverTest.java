package dev.rebootless.build;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.source.kit.Kit;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A cumulative livepatch takes over from an earlier one while processes read what both change,
 * others fork, write files and send over lo; and one that is stacked comes and goes above it.
 */
class TakeoverTest {
    /** Reads by each of the two quick readers; the third needs a new process for each. */
    private static final long LEAST = 2_000;

    @TempDir Path folder;

    /** What the readers saw, all together. */
    private record Reads(long all, long old, long one, long two, long odd) {
        static Reads of(Map<String, String> said, String when) {
            long[] sums = new long[5];
            for (int reader = 1; reader <= 3; reader++) {
                long[] own =
                        Arrays.stream(said.getOrDefault(when + "." + reader, "").split(" "))
                                .mapToLong(Long::parseLong)
                                .toArray();
                assertThat(own).as(said.toString()).hasSize(sums.length);
                assertThat(own[0]).as("reader " + reader + " " + when).isPositive();
                for (int i = 0; i < sums.length; i++) {
                    sums[i] += own[i];
                }
            }
            return new Reads(sums[0], sums[1], sums[2], sums[3], sums[4]);
        }
    }

    @Test
    void aCumulativeLivepatchReplacesAnEarlierOneUnderLoadWithNoMomentOfTheOldBehaviour() {
        requireReplaced(StockKernelKit.get());
    }

    @Test
    void aStackedLivepatchComesAndGoesAboveAnEarlierOneWithNoMomentOfTheOldBehaviour() {
        requireStacked(StockKernelKit.get());
    }

    @Tag("long")
    @Test
    void aCumulativeLivepatchReplacesAnEarlierOneUnderLoadOnAKernelWithIbt() {
        requireReplaced(StockKernelKit.get(StockKernelKit.IBT_LINE));
    }

    @Tag("long")
    @Test
    void aStackedLivepatchComesAndGoesUnderLoadOnAKernelWithIbt() {
        requireStacked(StockKernelKit.get(StockKernelKit.IBT_LINE));
    }

    private void requireReplaced(Kit kit) {
        Map<String, String> said = takeOver(kit, true);

        Reads takeover = Reads.of(said, "takeover");
        assertThat(takeover.all()).isGreaterThan(2 * LEAST);
        assertThat(takeover.old()).as("reads of the original behaviour").isZero();
        assertThat(takeover.one()).isPositive();
        assertThat(takeover.two()).isPositive();
        assertThat(takeover.odd()).isZero();
        assertThat(said).as("only the second is left").containsEntry("livepatches", "1");
        // The same readers do see the original when there is no livepatch any more.
        Reads after = Reads.of(said, "return");
        assertThat(after.old()).isPositive();
        assertThat(after.two()).isPositive();
        assertThat(after.one()).as("the first does not come back").isZero();
        assertThat(after.odd()).isZero();
        assertEndsWithoutLivepatches(said);
    }

    private void requireStacked(Kit kit) {
        Map<String, String> said = takeOver(kit, false);

        Reads takeover = Reads.of(said, "takeover");
        assertThat(takeover.all()).isGreaterThan(2 * LEAST);
        assertThat(takeover.old()).as("reads of the original behaviour").isZero();
        assertThat(takeover.one()).isPositive();
        assertThat(takeover.two()).isPositive();
        assertThat(takeover.odd()).isZero();
        assertThat(said).as("both are in force").containsEntry("livepatches", "2");
        Reads after = Reads.of(said, "return");
        assertThat(after.old()).as("reads of the original behaviour").isZero();
        assertThat(after.two()).isPositive();
        assertThat(after.one()).as("the first is back").isPositive();
        assertThat(after.odd()).isZero();
        assertEndsWithoutLivepatches(said);
    }

    private Map<String, String> takeOver(Kit kit, boolean replace) {
        Proving proving = new Proving(folder, kit);
        Proving.Module one = proving.build("version-line");
        String[] cumulative = {"version-line", "version-line-again"};
        Proving.Module two = replace ? proving.build(cumulative) : proving.buildStacked(cumulative);
        assertThat(two.manifest().replace()).isEqualTo(replace);
        Map<String, String> said =
                new GuestScript("takeover")
                        .with("V1", one.name())
                        .with("V2", two.name())
                        .with("REPLACE", replace ? 1 : 0)
                        .with("LEAST", LEAST)
                        .run(
                                kit,
                                folder,
                                List.of(one.file(), two.file()),
                                List.of(),
                                Duration.ofMinutes(20));
        System.err.println(kit.facts().release() + ", replace " + replace + ": " + said);
        return said;
    }

    private static void assertEndsWithoutLivepatches(Map<String, String> said) {
        assertThat(said).containsEntry("left", "0").containsEntry("last", "Linux version ");
        for (String work : GuestScript.WORK) {
            assertThat(Long.parseLong(said.getOrDefault("all.rounds." + work, "0")))
                    .as(work)
                    .isPositive();
        }
    }
}
