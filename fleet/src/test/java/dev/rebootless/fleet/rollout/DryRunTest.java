package dev.rebootless.fleet.rollout;

import static dev.rebootless.fleet.rollout.HostStanding.DONE;
import static dev.rebootless.fleet.rollout.HostStanding.OFFLINE;
import static dev.rebootless.fleet.rollout.HostStanding.WAITING;
import static dev.rebootless.fleet.rollout.Plans.START;
import static dev.rebootless.fleet.rollout.Plans.facts;
import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** How good the estimates are, {@link RolloutSimulationTest} shows. */
class DryRunTest {
    @Test
    void itSaysWhatWouldHappenToEachRingAndWhen() {
        RolloutPlan plan =
                Plans.plan(
                        List.of(
                                Plans.ring("lab"),
                                Plans.ring("canary"),
                                Plans.ring(
                                        "all",
                                        List.of(Plans.nightly("22:00", "02:00")),
                                        new Limit.Percent(5),
                                        false)));
        RolloutFacts fleet =
                new RolloutFacts(
                        List.of(
                                new RingFacts(
                                        "lab",
                                        4,
                                        Map.of(),
                                        Optional.empty(),
                                        true,
                                        Optional.empty()),
                                facts("canary", Map.of(WAITING, 10, OFFLINE, 2)),
                                new RingFacts(
                                        "all",
                                        1000,
                                        Map.of(WAITING, 1000),
                                        Optional.empty(),
                                        false,
                                        Optional.empty())));

        // Of the 1000, 33 would be in transition at once on average; two find 50 there already.
        DryRun run = DryRun.of(plan, fleet, DryRun.USUAL_ATTEMPT, START.minusSeconds(60));
        assertThat(run.lines())
                .containsExactly(
                        "ring lab: the livepatch is for none of its 4 hosts; it shows nothing",
                        "ring canary: 10 hosts, at most 10 at once, and 2 offline, from"
                                + " 2025-06-03T12:00:00Z to 2025-06-03T12:31:00Z, soaks until"
                                + " 2025-06-03T15:31:00Z",
                        "ring all: 1000 hosts, at most 50 at once, from 2025-06-03T22:00:00Z to"
                                + " 2025-06-03T23:01:00Z, soaks until 2025-06-04T02:01:00Z,"
                                + " if its state is signed by then",
                        "done: 2025-06-04T02:01:00Z");
    }

    @Test
    void aLowLimitTakesAsLongAsItMustAndSeveralWindows() {
        RolloutPlan plan =
                Plans.plan(
                        List.of(
                                Plans.ring(
                                        "all",
                                        List.of(Plans.nightly("22:00", "02:00")),
                                        new Limit.Hosts(1),
                                        false)));
        DryRun run =
                DryRun.of(
                        plan,
                        new RolloutFacts(List.of(facts("all", Map.of(WAITING, 500)))),
                        DryRun.USUAL_ATTEMPT,
                        START);

        // At most one a minute, for 3:45 hours a night: never less than three nights.
        Forecast.Acts acts = (Forecast.Acts) run.rings().getFirst();
        assertThat(acts.spans()).hasSizeBetween(3, 4);
        assertThat(acts.spans().getFirst().length()).isEqualTo(Duration.ofHours(4));
    }

    @Test
    void aRingThatCannotComeToAnEndIsSaidAndNoRingAfterItBegins() {
        RolloutFacts fleet =
                Plans.fleet(facts("canary", Map.of(DONE, 5)), facts("early", Map.of(OFFLINE, 9)));

        DryRun run = DryRun.of(Plans.plan(), fleet, DryRun.USUAL_ATTEMPT, START);
        assertThat(run.rings())
                .extracting(f -> f.getClass().getSimpleName())
                .containsExactly("Acts", "Stuck", "NotReached");
        assertThat(run.done()).isEmpty();
        assertThat(run.lines().getLast()).isEqualTo("it would not be done");
    }

    @Test
    void enoughIsWhatThePlanSays() {
        PlannedRing most =
                new PlannedRing(
                        "all", List.of(), Plans.SOAK, new Limit.Hosts(1000), 50, Plans.HALT, false);
        DryRun run =
                DryRun.of(
                        Plans.plan(List.of(most)),
                        new RolloutFacts(List.of(facts("all", Map.of(WAITING, 1000)))),
                        DryRun.USUAL_ATTEMPT,
                        START);

        assertThat(((Forecast.Acts) run.rings().getFirst()).acted())
                .isEqualTo(START.plus(Duration.ofMinutes(16)));
    }
}
