package dev.rebootless.fleet.rollout;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.rebootless.base.RebootlessException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class RingsTest {
    private static final String HOST = "0b9f6f0e-5f38-4d6a-8d0c-0d3c4a9c7d11";
    private static final Ring ALL = new Ring("all", List.of(new RingRule.Rest()));

    @Test
    void aHostIsInTheFirstRingThatTakesItByListOrTagAndOtherwiseInTheLast() {
        Rings rings =
                new Rings(
                        List.of(
                                new Ring("canary", List.of(new RingRule.Listed(Set.of(HOST)))),
                                new Ring(
                                        "early",
                                        List.of(
                                                new RingRule.Tagged("web"),
                                                new RingRule.Tagged("early"))),
                                ALL));
        String other = UUID.randomUUID().toString();

        assertThat(rings.ringOf(HOST, Set.of("early"))).isEqualTo("canary");
        assertThat(rings.ringOf(other, Set.of("early"))).isEqualTo("early");
        assertThat(rings.ringOf(other, Set.of("db", "web"))).isEqualTo("early");
        assertThat(rings.ringOf(other, Set.of("db"))).isEqualTo("all");
        assertThat(rings.names()).containsExactly("canary", "early", "all");
    }

    @Test
    void aShareTakesAboutSoManyOfThoseThatAreLeft() {
        Map<String, Integer> counts = new HashMap<>();
        for (String host : hosts(100_000, 7)) {
            counts.merge(Rings.usual().ringOf(host, Set.of()), 1, Integer::sum);
        }

        // Five standard deviations of a binomial distribution: 157 and 475.
        assertThat(counts.get("canary")).isBetween(1000 - 160, 1000 + 160);
        assertThat(counts.get("early")).isBetween(9900 - 480, 9900 + 480);
        assertThat(counts.values().stream().mapToInt(i -> i).sum()).isEqualTo(100_000);
    }

    @Test
    void aHostStaysInItsRingWhateverTheOrderAndTheOthers() {
        List<String> hosts = new ArrayList<>(hosts(5000, 8));
        Map<String, String> before = new HashMap<>();
        hosts.forEach(h -> before.put(h, Rings.usual().ringOf(h, Set.of())));
        Collections.shuffle(hosts, new Random(9));

        for (String host : hosts.subList(0, 2500)) {
            assertThat(Rings.usual().ringOf(host, Set.of())).isEqualTo(before.get(host));
        }
    }

    @Test
    void aLargerShareKeepsAllThatTheSmallerHad() {
        Rings small = rings(new RingRule.Share(20));
        Rings large = rings(new RingRule.Share(50));
        List<String> kept =
                hosts(20_000, 10).stream()
                        .filter(h -> small.ringOf(h, Set.of()).equals("canary"))
                        .toList();

        assertThat(kept)
                .hasSizeGreaterThan(200)
                .allMatch(h -> large.ringOf(h, Set.of()).equals("canary"));
    }

    /** Computed with another program: another hash would move the hosts of every fleet. */
    @Test
    void whichHostsAShareTakesIsTheSameInEveryVersion() {
        List<Integer> taken = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            String host = "00000000-0000-4000-8000-%012x".formatted(i);
            if (new Ring("canary", List.of(new RingRule.Share(100))).takes(host, Set.of())) {
                taken.add(i);
            }
        }

        assertThat(taken).containsExactly(15, 20, 28, 32, 36, 37);
    }

    @ParameterizedTest
    @MethodSource
    void ringsThatCannotBeAreRefused(List<Ring> rings, String place) {
        assertThatThrownBy(() -> new Rings(rings))
                .isInstanceOfSatisfying(
                        RebootlessException.class,
                        e ->
                                assertThat(e.problems())
                                        .allMatch(p -> p.code().equals("RBL-ROLLOUT-RINGS"))
                                        .anyMatch(p -> p.place().equals(place)));
    }

    static Stream<Arguments> ringsThatCannotBeAreRefused() {
        return Stream.of(
                arguments(List.of(), "rings"),
                arguments(Collections.nCopies(33, ALL), "rings"),
                arguments(List.of(ring("Canary", new RingRule.Share(1)), ALL), "rings[0].name"),
                arguments(List.of(ring("../x", new RingRule.Share(1)), ALL), "rings[0].name"),
                arguments(List.of(ring("all", new RingRule.Share(1)), ALL), "rings[1].name"),
                arguments(List.of(ring("a", new RingRule.Rest()), ALL), "rings[0].rules"),
                arguments(List.of(ring("a", new RingRule.Share(10))), "rings[0].rules"),
                arguments(List.of(new Ring("a", List.of()), ALL), "rings[0].rules"),
                arguments(List.of(ring("a", new RingRule.Share(0)), ALL), "rings[0].rules"),
                arguments(List.of(ring("a", new RingRule.Share(1000)), ALL), "rings[0].rules"),
                arguments(List.of(ring("a", new RingRule.Tagged("a b")), ALL), "rings[0].rules"),
                arguments(List.of(ring("a", new RingRule.Listed(Set.of())), ALL), "rings[0].rules"),
                arguments(
                        List.of(ring("a", new RingRule.Listed(Set.of("web-1"))), ALL),
                        "rings[0].rules"));
    }

    private static Arguments arguments(List<Ring> rings, String place) {
        return Arguments.of(rings, place);
    }

    private static Ring ring(String name, RingRule rule) {
        return new Ring(name, List.of(rule));
    }

    private static Rings rings(RingRule canary) {
        return new Rings(List.of(ring("canary", canary), ALL));
    }

    private static List<String> hosts(int count, long seed) {
        Random random = new Random(seed);
        return Stream.generate(() -> new UUID(random.nextLong(), random.nextLong()).toString())
                .limit(count)
                .toList();
    }
}
