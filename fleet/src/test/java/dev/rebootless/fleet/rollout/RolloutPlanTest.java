package dev.rebootless.fleet.rollout;

import static dev.rebootless.fleet.rollout.Plans.FEW;
import static dev.rebootless.fleet.rollout.Plans.HALT;
import static dev.rebootless.fleet.rollout.Plans.LIVEPATCH;
import static dev.rebootless.fleet.rollout.Plans.SOAK;
import static dev.rebootless.fleet.rollout.Plans.START;
import static dev.rebootless.fleet.rollout.Plans.nightly;
import static dev.rebootless.fleet.rollout.Plans.ring;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalTime;
import java.time.ZoneId;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class RolloutPlanTest {
    @ParameterizedTest
    @MethodSource
    void aFieldThatIsNotSoundIsRefusedByItsName(
            String code, String place, Supplier<RolloutPlan> plan) {
        assertThatThrownBy(plan::get)
                .isInstanceOfSatisfying(
                        RebootlessException.class,
                        e -> {
                            assertThat(e.status()).isEqualTo(ExitStatus.USAGE);
                            assertThat(e.problems())
                                    .extracting(Problem::code, Problem::place)
                                    .containsExactly(
                                            org.assertj.core.groups.Tuple.tuple(code, place));
                        });
    }

    static Stream<Arguments> aFieldThatIsNotSoundIsRefusedByItsName() {
        return Stream.of(
                refused("RBL-ROLLOUT-NAME", "name", () -> named("two words")),
                refused("RBL-ROLLOUT-NAME", "name", () -> named("")),
                refused("RBL-ROLLOUT-LIVEPATCH", "livepatch.sha256", () -> of("ab", "m", "cd")),
                refused(
                        "RBL-ROLLOUT-LIVEPATCH",
                        "livepatch.module",
                        () -> of("ab".repeat(32), "../m", "cd")),
                refused(
                        "RBL-ROLLOUT-LIVEPATCH",
                        "livepatch.buildId",
                        () -> of("ab".repeat(32), "m", "cdc")),
                refused(
                        "RBL-ROLLOUT-LIVEPATCH",
                        "livepatch.cves",
                        () -> of("ab".repeat(32), "m", "cd", "CVE-1")),
                refused("RBL-ROLLOUT-RINGS", "rings", () -> Plans.plan(List.of())),
                refused(
                        "RBL-ROLLOUT-RINGS",
                        "rings",
                        () -> Plans.plan(List.of(ring("all"), ring("all")))),
                refused("RBL-ROLLOUT-RINGS", "rings", () -> Plans.plan(List.of(ring("A")))),
                refused(
                        "RBL-ROLLOUT-TIME",
                        "pace.reportPeriod",
                        () -> paced(Duration.ZERO, 3, Duration.ofMinutes(15))),
                refused(
                        "RBL-ROLLOUT-TIME",
                        "pace.attemptLimit",
                        () -> paced(Duration.ofMinutes(30), 3, Duration.ofDays(2))),
                refused(
                        "RBL-ROLLOUT-TIME",
                        "pace.silentAfter",
                        () -> paced(Duration.ofMinutes(30), 0, Duration.ofMinutes(15))),
                refused("RBL-ROLLOUT-TIME", "notBefore", () -> beginning(Instant.MAX)),
                refused(
                        "RBL-ROLLOUT-WINDOW",
                        "rings[0].windows[0].days",
                        () ->
                                windows(
                                        new MaintenanceWindow(
                                                Set.of(),
                                                LocalTime.of(1, 0),
                                                LocalTime.of(4, 0),
                                                ZoneId.of("UTC")))),
                refused(
                        "RBL-ROLLOUT-WINDOW",
                        "rings[0].windows[1]",
                        () -> windows(nightly("01:00", "01:45"), nightly("01:00", "01:44"))),
                refused(
                        "RBL-ROLLOUT-WINDOW",
                        "rings[0].windows",
                        () ->
                                windows(
                                        Collections.nCopies(65, nightly("01:00", "02:00"))
                                                .toArray(MaintenanceWindow[]::new))),
                refused(
                        "RBL-ROLLOUT-SOAK",
                        "rings[0].soak",
                        () -> soaking(Duration.ofMinutes(119))),
                refused("RBL-ROLLOUT-SOAK", "rings[0].soak", () -> soaking(Duration.ofDays(91))),
                refused("RBL-ROLLOUT-LIMIT", "rings[0].limit", () -> limited(new Limit.Hosts(0))),
                refused("RBL-ROLLOUT-LIMIT", "rings[0].limit", () -> limited(new Limit.Percent(0))),
                refused(
                        "RBL-ROLLOUT-LIMIT",
                        "rings[0].limit",
                        () -> limited(new Limit.Percent(101))),
                refused("RBL-ROLLOUT-COMPLETE", "rings[0].completePercent", () -> complete(0)),
                refused(
                        "RBL-ROLLOUT-THRESHOLD",
                        "rings[0].halt.failures",
                        () -> halting(new HaltRules(new Threshold(0, 10, 20), FEW, FEW))),
                refused(
                        "RBL-ROLLOUT-THRESHOLD",
                        "rings[0].halt.oopses",
                        () -> halting(new HaltRules(FEW, new Threshold(1, 101, 20), FEW))),
                refused(
                        "RBL-ROLLOUT-THRESHOLD",
                        "rings[0].halt.silent",
                        () -> halting(new HaltRules(FEW, FEW, new Threshold(1, 1, 0)))),
                refused("RBL-ROLLOUT-EMERGENCY", "emergency.knownExploited", () -> exploited()),
                refused(
                        "RBL-ROLLOUT-EMERGENCY",
                        "emergency.knownExploited",
                        () -> exploited("CVE-2025-99999")),
                refused(
                        "RBL-ROLLOUT-SOAK",
                        "emergency.soak",
                        () ->
                                Plans.plan(
                                        List.of(ring("all")),
                                        Optional.of(
                                                new Emergency(
                                                        LIVEPATCH.cves(),
                                                        Duration.ofMinutes(90))))));
    }

    @Test
    void everythingThatIsWrongIsSaidAtOnce() {
        assertThatThrownBy(() ->
                        new RolloutPlan(
                                "a b",
                                LIVEPATCH,
                                List.of(
                                        ring("a", List.of(), new Limit.Hosts(0), false),
                                        ring("b", List.of(), new Limit.Hosts(-1), false)),
                                START,
                                Pace.USUAL,
                                Optional.empty()))
                .isInstanceOfSatisfying(
                        RebootlessException.class,
                        e ->
                                assertThat(e.problems())
                                        .extracting(Problem::place)
                                        .containsExactly(
                                                "name", "rings[0].limit", "rings[1].limit"));
    }

    @Test
    void aSoakOfTwoReportPeriodsIsTheShortestAndEnoughWhereOneMissIsSilence() {
        Pace strict = new Pace(Duration.ofMinutes(30), 1, Duration.ofMinutes(15));
        PlannedRing ring =
                new PlannedRing(
                        "all",
                        List.of(),
                        Duration.ofMinutes(60),
                        new Limit.Hosts(1),
                        100,
                        HALT,
                        false);
        assertThat(
                        new RolloutPlan(
                                        "x",
                                        LIVEPATCH,
                                        List.of(ring),
                                        START,
                                        strict,
                                        Optional.empty())
                                .soakOf(0))
                .isEqualTo(Duration.ofMinutes(60));
    }

    @Test
    void anEmergencyLeavesOutWindowsAndCutsSoakTimesButNeverMakesThemLonger() {
        List<PlannedRing> rings =
                List.of(
                        ring("a", List.of(nightly("01:00", "04:00")), new Limit.Hosts(3), false),
                        new PlannedRing(
                                "b",
                                List.of(),
                                Duration.ofHours(2),
                                new Limit.Hosts(3),
                                100,
                                HALT,
                                false));
        RolloutPlan plan =
                Plans.plan(
                        rings,
                        Optional.of(new Emergency(LIVEPATCH.cves(), Duration.ofMinutes(150))));

        assertThat(plan.windowsOf(0)).isEmpty();
        assertThat(plan.soakOf(0)).isEqualTo(Duration.ofMinutes(150));
        assertThat(plan.soakOf(1)).isEqualTo(Duration.ofHours(2));
        assertThat(Plans.plan(rings).windowsOf(0)).hasSize(1);
        assertThat(Plans.plan(rings).soakOf(0)).isEqualTo(SOAK);
    }

    private static Arguments refused(String code, String place, Supplier<RolloutPlan> plan) {
        return arguments(code, place, plan);
    }

    private static RolloutPlan named(String name) {
        return new RolloutPlan(
                name, LIVEPATCH, List.of(ring("all")), START, Pace.USUAL, Optional.empty());
    }

    private static RolloutPlan of(String sha256, String module, String buildId, String... cves) {
        return new RolloutPlan(
                "x",
                new Livepatch(sha256, module, buildId, List.of(cves)),
                List.of(ring("all")),
                START,
                Pace.USUAL,
                Optional.empty());
    }

    private static RolloutPlan paced(Duration period, int silentAfter, Duration limit) {
        return new RolloutPlan(
                "x",
                LIVEPATCH,
                List.of(ring("all")),
                START,
                new Pace(period, silentAfter, limit),
                Optional.empty());
    }

    private static RolloutPlan beginning(Instant notBefore) {
        return new RolloutPlan(
                "x", LIVEPATCH, List.of(ring("all")), notBefore, Pace.USUAL, Optional.empty());
    }

    private static RolloutPlan windows(MaintenanceWindow... windows) {
        return Plans.plan(List.of(ring("all", List.of(windows), new Limit.Hosts(1), false)));
    }

    private static RolloutPlan soaking(Duration soak) {
        return one(soak, new Limit.Hosts(1), 100, HALT);
    }

    private static RolloutPlan limited(Limit limit) {
        return one(SOAK, limit, 100, HALT);
    }

    private static RolloutPlan complete(int percent) {
        return one(SOAK, new Limit.Hosts(1), percent, HALT);
    }

    private static RolloutPlan halting(HaltRules halt) {
        return one(SOAK, new Limit.Hosts(1), 100, halt);
    }

    private static RolloutPlan one(Duration soak, Limit limit, int percent, HaltRules halt) {
        return Plans.plan(
                List.of(new PlannedRing("all", List.of(), soak, limit, percent, halt, false)));
    }

    private static RolloutPlan exploited(String... cves) {
        return Plans.plan(List.of(ring("all")), Optional.of(new Emergency(List.of(cves), SOAK)));
    }
}
