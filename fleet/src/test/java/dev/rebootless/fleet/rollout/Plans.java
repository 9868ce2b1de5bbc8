package dev.rebootless.fleet.rollout;

import java.time.DayOfWeek;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalTime;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Plans, facts and people as the tests need them. */
final class Plans {
    /** A Tuesday. */
    static final Instant START = Instant.parse("2025-06-03T12:00:00Z");

    static final Livepatch LIVEPATCH =
            new Livepatch(
                    "ab".repeat(32), "livepatch_x", "cd".repeat(20), List.of("CVE-2025-12345"));
    static final Threshold FEW = new Threshold(5, 10, 20);
    static final HaltRules HALT = new HaltRules(FEW, new Threshold(2, 1, 100), FEW);
    static final Duration SOAK = Duration.ofHours(3);
    static final Person OPERATOR = new Person("olga", Role.OPERATOR);
    static final Person APPROVER = new Person("anna", Role.APPROVER);

    private Plans() {}

    static PlannedRing ring(String name) {
        return ring(name, List.of(), new Limit.Hosts(10), false);
    }

    static PlannedRing ring(
            String name, List<MaintenanceWindow> windows, Limit limit, boolean reverse) {
        return new PlannedRing(name, windows, SOAK, limit, 100, HALT, reverse);
    }

    /** Canary, early, all; always open; only the canary is reversed. */
    static RolloutPlan plan() {
        return plan(
                List.of(
                        ring("canary", List.of(), new Limit.Hosts(10), true),
                        ring("early"),
                        ring("all")));
    }

    static RolloutPlan plan(List<PlannedRing> rings) {
        return plan(rings, Optional.empty());
    }

    static RolloutPlan plan(List<PlannedRing> rings, Optional<Emergency> emergency) {
        return new RolloutPlan("fix-1", LIVEPATCH, rings, START, Pace.USUAL, emergency);
    }

    static MaintenanceWindow nightly(String from, String to) {
        return new MaintenanceWindow(
                EnumSet.allOf(DayOfWeek.class),
                LocalTime.parse(from),
                LocalTime.parse(to),
                ZoneId.of("UTC"));
    }

    /** The livepatch is for all hosts of the ring, and may be taken out. */
    static RingFacts facts(String ring, Map<HostStanding, Integer> standings) {
        int hosts = standings.values().stream().mapToInt(i -> i).sum();
        return new RingFacts(
                ring,
                hosts,
                standings,
                Optional.empty(),
                true,
                Optional.of(START.plus(Duration.ofDays(30))));
    }

    /** These, and 100 waiting hosts in each other ring of {@link #plan()}. */
    static RolloutFacts fleet(RingFacts... given) {
        List<RingFacts> all = new ArrayList<>(List.of(given));
        for (String ring : List.of("canary", "early", "all")) {
            if (all.stream().noneMatch(f -> f.ring().equals(ring))) {
                all.add(facts(ring, Map.of(HostStanding.WAITING, 100)));
            }
        }
        return new RolloutFacts(all);
    }
}
