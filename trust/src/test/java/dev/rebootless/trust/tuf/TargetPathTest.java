package dev.rebootless.trust.tuf;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TargetPathTest {
    @ParameterizedTest
    @CsvSource({
        "state/*/*.json, state/ab/canary.json, true",
        "state/*/*.json, state/ab/cd/canary.json, false",
        "state/*/*.json, state/canary.json, false",
        "state/*/*.json, modules/ab/canary.json, false",
        "state/?/x, state/a/x, true",
        "state/?/x, state/ab/x, false",
        "*, a, true",
        "*, a/b, false",
        "a*b*c, axxbyyc, true",
        "a*b*c, axxbyy, false",
        "a*bc, abcbc, true",
    })
    void aPatternCoversPathsPartByPart(String pattern, String path, boolean covers) {
        assertThat(TargetPath.matches(pattern, path)).isEqualTo(covers);
    }

    /** A pattern of many stars must not take time without end. */
    @Test
    void manyStarsDoNotTakeLong() {
        org.junit.jupiter.api.Assertions.assertTimeoutPreemptively(
                Duration.ofSeconds(10),
                () ->
                        assertThat(TargetPath.matches("*a".repeat(90) + "b", "a".repeat(190)))
                                .isFalse());
    }
}
