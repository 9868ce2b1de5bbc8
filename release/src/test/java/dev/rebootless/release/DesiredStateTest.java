package dev.rebootless.release;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.trust.tuf.TufFault;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DesiredStateTest {
    private static final DesiredState STATE =
            new DesiredState(
                    "0123abcd",
                    "6.1.0-47-cloud-amd64",
                    "canary",
                    7,
                    Optional.of(
                            new DesiredState.Load(
                                    "livepatch_fix",
                                    "releases/0123abcd/fix/livepatch.ko",
                                    "ab".repeat(32),
                                    List.of("CVE-2026-1234"))),
                    List.of(new DesiredState.Unload("livepatch_bad", "cd".repeat(32))),
                    List.of(
                            new DesiredState.Reversible(
                                    "ab".repeat(32), Instant.parse("2026-11-29T09:00:00Z"))));

    private static boolean isRead(String json) {
        try {
            DesiredState.read(json.getBytes(StandardCharsets.UTF_8), "test");
            return true;
        } catch (TufFault e) {
            assertThat(e.attack()).isEqualTo(TufFault.Attack.MALFORMED);
            return false;
        }
    }

    @Test
    void aStateGoesThroughItsBytesUnchanged() {
        assertThat(DesiredState.read(STATE.bytes(), "test")).isEqualTo(STATE);
        assertThat(STATE.path()).isEqualTo("state/0123abcd/canary.json");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "\"schemaVersion\":1 | \"schemaVersion\":2",
                "\"version\":7 | \"version\":0",
                "canary | Canary",
                "canary | ../x",
                "0123abcd | 0123abc",
                "livepatch_fix | livepatch/fix",
                "CVE-2026-1234 | CVE-x",
                "2026-11-29T09:00:00Z | tomorrow",
                "\"unload\" | \"unlaod\"",
            })
    void aFieldThatIsNotWhatItShouldBeIsRefused(String part, String other) {
        String json = new String(STATE.bytes(), StandardCharsets.UTF_8);
        assertThat(json).contains(part);
        assertThat(isRead(json.replace(part, other))).isFalse();
        assertThat(isRead(json)).isTrue();
    }

    @Test
    void twoLivepatchesToLoadAreRefused() {
        String json = new String(STATE.bytes(), StandardCharsets.UTF_8);
        int from = json.indexOf("\"load\":[") + "\"load\":[".length();
        String load = json.substring(from, json.indexOf("}]", from) + 1);
        assertThat(isRead(json.replace(load, load + "," + load))).isFalse();
    }

    @Test
    void anyOtherBytesAreAStateOrRefused() {
        byte[] whole = STATE.bytes();
        long seed = Long.getLong("rebootless.seed", System.nanoTime());
        System.out.println("seed " + seed + " (-Drebootless.seed)");
        Random random = new Random(seed);
        int refused = 0;
        for (int i = 0; i < 5000; i++) {
            byte[] mutated = whole.clone();
            mutated[random.nextInt(mutated.length)] = (byte) (32 + random.nextInt(95));
            refused += isRead(new String(mutated, StandardCharsets.UTF_8)) ? 0 : 1;
        }
        assertThat(refused).isPositive();
    }
}
