package dev.rebootless.fleet.rollout;

import static dev.rebootless.fleet.rollout.HostStanding.AWAY;
import static dev.rebootless.fleet.rollout.HostStanding.DONE;
import static dev.rebootless.fleet.rollout.HostStanding.FAILED;
import static dev.rebootless.fleet.rollout.HostStanding.IN_TRANSITION;
import static dev.rebootless.fleet.rollout.HostStanding.OFFLINE;
import static dev.rebootless.fleet.rollout.HostStanding.OOPSED;
import static dev.rebootless.fleet.rollout.HostStanding.REFUSED;
import static dev.rebootless.fleet.rollout.HostStanding.REVERSED;
import static dev.rebootless.fleet.rollout.HostStanding.REVERSING;
import static dev.rebootless.fleet.rollout.HostStanding.SILENT;
import static dev.rebootless.fleet.rollout.HostStanding.WAITING;
import static dev.rebootless.fleet.rollout.Plans.START;
import static dev.rebootless.fleet.rollout.Plans.facts;
import static dev.rebootless.fleet.rollout.Plans.fleet;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RolloutEngineTest {
    private static final RolloutPlan PLAN = Plans.plan();
    private static final RolloutState RUNNING = in(new Phase.Running(0, START));

    @Test
    void theFirstRingBeginsWhenItsTimeHasComeAndNotBefore() {
        RolloutState waiting = RolloutState.initial(START.minusSeconds(60));

        assertThat(decide(waiting, fleet(), START.minusSeconds(1)))
                .isEqualTo(new Step(waiting, List.of()));
        Step step = decide(waiting, fleet(), START);
        assertThat(step.state().phase()).isEqualTo(new Phase.Running(0, START));
        assertThat(step.decisions())
                .containsExactly(new Decision.RingBegins(START, "canary", 100, 100, 10));
        assertThat(step.decisions().getFirst().line())
                .isEqualTo(
                        "2025-06-03T12:00:00Z ring canary begins: the livepatch is for 100 of its"
                                + " 100 hosts, of which 10 may be in transition at once");
    }

    @Test
    void aRingWaitsForItsWindow() {
        RolloutPlan plan =
                Plans.plan(
                        List.of(
                                Plans.ring(
                                        "canary",
                                        List.of(Plans.nightly("22:00", "02:00")),
                                        new Limit.Hosts(10),
                                        false)));
        RolloutState waiting = RolloutState.initial(START);
        Instant opens = Instant.parse("2025-06-03T22:00:00Z");

        assertThat(RolloutEngine.decide(plan, waiting, fleet(), opens.minusSeconds(1)).decisions())
                .isEmpty();
        assertThat(RolloutEngine.decide(plan, waiting, fleet(), opens).state().phase())
                .isEqualTo(new Phase.Running(0, opens));
        assertThat(
                        waits(
                                RolloutEngine.mayAct(
                                        plan,
                                        in(new Phase.Running(0, START)),
                                        "canary",
                                        fleet().of("canary"),
                                        START)))
                .isEqualTo(
                        new Answer.Wait(
                                WaitCode.OUTSIDE_WINDOW,
                                "the maintenance window opens at 2025-06-03T22:00:00Z",
                                Duration.ofHours(10)));
    }

    @Test
    void aRingWhoseStateIsNotSignedDoesNotBegin() {
        RingFacts unsigned =
                new RingFacts(
                        "canary", 5, Map.of(WAITING, 5), Optional.empty(), false, Optional.empty());

        assertThat(decide(RolloutState.initial(START), fleet(unsigned), START).decisions())
                .isEmpty();
    }

    @Test
    void aRingWithoutAHostThatTheLivepatchIsForIsPassedOver() {
        RingFacts none =
                new RingFacts("canary", 7, Map.of(), Optional.empty(), true, Optional.empty());

        Step step = decide(RolloutState.initial(START), fleet(none), START);
        assertThat(step.decisions())
                .containsExactly(
                        new Decision.RingPassedOver(START, "canary", 7),
                        new Decision.RingBegins(START, "early", 100, 100, 10));
        assertThat(step.state().phase()).isEqualTo(new Phase.Running(1, START));
    }

    @Test
    void aRingSoaksWhenAllHostsThatCanBeReachedHaveActed() {
        RingFacts almost = facts("canary", Map.of(DONE, 90, WAITING, 1, OFFLINE, 5, REFUSED, 4));
        RingFacts acting = facts("canary", Map.of(DONE, 90, IN_TRANSITION, 1, OFFLINE, 9));
        RingFacts acted = facts("canary", Map.of(DONE, 89, FAILED, 2, OFFLINE, 5, REFUSED, 4));

        assertThat(decide(RUNNING, fleet(almost), START).decisions()).isEmpty();
        assertThat(decide(RUNNING, fleet(acting), START).decisions()).isEmpty();
        Step step = decide(RUNNING, fleet(acted), START);
        Instant until = START.plus(Plans.SOAK);
        assertThat(step.state().phase()).isEqualTo(new Phase.Soaking(0, START, until));
        assertThat(step.decisions().getFirst().sentence())
                .isEqualTo(
                        "ring canary has acted and soaks until 2025-06-03T15:00:00Z: in force on 89"
                                + " of 91 hosts, 5 offline, 4 refused");
    }

    @Test
    void aRingWhoseHostsAreAllOfflineShowsNothingAndHoldsTheRollout() {
        RingFacts offline = facts("canary", Map.of(OFFLINE, 100));

        assertThat(decide(RUNNING, fleet(offline), START.plus(Duration.ofDays(9))).decisions())
                .isEmpty();
    }

    @Test
    void theNextRingBeginsWhenTheSoakIsOverAndNotBefore() {
        Instant until = START.plus(Plans.SOAK);
        RolloutState soaking = in(new Phase.Soaking(0, START, until));
        RolloutFacts fleet = fleet(facts("canary", Map.of(DONE, 100)));

        assertThat(decide(soaking, fleet, until.minusMillis(1)).decisions()).isEmpty();
        assertThat(decide(soaking, fleet, until).decisions())
                .containsExactly(
                        new Decision.RingSoaked(until, "canary", 100, 100),
                        new Decision.RingBegins(until, "early", 100, 100, 10));
    }

    @Test
    void afterTheLastRingItIsDoneAndHostsThatComeLateStillAct() {
        Instant until = START.plus(Plans.SOAK);
        Step step =
                decide(
                        in(new Phase.Soaking(2, START, until)),
                        fleet(facts("all", Map.of(DONE, 100))),
                        until);

        assertThat(step.state().phase()).isEqualTo(new Phase.Done(until));
        assertThat(mayAct(step.state(), facts("canary", Map.of(DONE, 9, WAITING, 1)), until))
                .isEqualTo(new Answer.Granted(900));
    }

    @Test
    void nothingNewIsDecidedTwice() {
        Step first = decide(RolloutState.initial(START), fleet(), START);

        assertThat(decide(first.state(), fleet(), START.plusSeconds(60)))
                .isEqualTo(new Step(first.state(), List.of()));
    }

    @Test
    void aClockThatGoesBackDoesNotTakeDecisionsBack() {
        RolloutState state = in(new Phase.Running(0, START));

        Step step =
                decide(
                        state,
                        fleet(facts("canary", Map.of(DONE, 100))),
                        START.minus(Duration.ofHours(1)));

        assertThat(step.decisions().getFirst().at()).isEqualTo(START);
        assertThat(step.state().phase())
                .isEqualTo(new Phase.Soaking(0, START, START.plus(Plans.SOAK)));
    }

    @ParameterizedTest
    @CsvSource({
        // 5 hosts halt, or 10 % once 20 have acted; of oopses 2, or 1 % once 100 have.
        "FAILED,  4, 36, true",
        "FAILED,  4, 37, false",
        "FAILED,  5, 900, true",
        "FAILED,  2, 17, false",
        "FAILED,  2, 18, true",
        "SILENT,  4, 37, false",
        "SILENT,  5, 45, true",
        "OOPSED,  1, 98, false",
        "OOPSED,  1, 99, true",
        "OOPSED,  2, 0, true",
    })
    void tooManyOfSomethingHaltTheRollout(HostStanding bad, int count, int done, boolean halts) {
        // A ring that is not reversed.
        RolloutState state = in(new Phase.Running(1, START));
        RingFacts early = facts("early", Map.of(bad, count, DONE, done, WAITING, 50));

        Step step = decide(state, fleet(early), START);
        assertThat(step.state().phase() instanceof Phase.Halted).isEqualTo(halts);
        // Whoever asks is told so even before it is decided.
        assertThat(mayAct(state, early, START) instanceof Answer.Granted).isEqualTo(!halts);
    }

    @Test
    void aHaltSaysWhyAndStopsAllRings() {
        RolloutState state = in(new Phase.Running(1, START));
        Step step =
                decide(
                        state,
                        fleet(facts("early", Map.of(FAILED, 6, DONE, 34, WAITING, 9))),
                        START);

        assertThat(step.decisions().getFirst().sentence())
                .isEqualTo(
                        "halted: in ring early 6 of 40 hosts failed; 5 hosts, or 10 % once 20 have"
                                + " acted halt it");
        for (String ring : List.of("canary", "early", "all")) {
            assertThat(waits(mayAct(step.state(), facts(ring, Map.of(WAITING, 9)), START)).code())
                    .isEqualTo(WaitCode.HALTED);
        }
        assertThat(decide(step.state(), fleet(), START.plus(Duration.ofDays(1))).state().phase())
                .isInstanceOf(Phase.Halted.class);
    }

    @Test
    void aRingThatHasSoakedStillHaltsAndSoDoesARolloutThatIsPausedOrDone() {
        RolloutFacts bad = fleet(facts("canary", Map.of(OOPSED, 3, DONE, 97)));
        Phase.Running running = new Phase.Running(2, START);

        for (Phase phase :
                List.of(
                        running,
                        new Phase.Paused(running, Plans.OPERATOR, "lunch", START),
                        new Phase.Done(START))) {
            assertThat(decide(in(phase), bad, START).state().phase())
                    .isInstanceOf(Phase.Reversing.class);
        }
    }

    @Test
    void aHaltReversesARingThatThePlanWantsReversedAndOnlyThat() {
        Step step =
                decide(
                        in(new Phase.Running(1, START)),
                        fleet(
                                facts("canary", Map.of(OOPSED, 2, DONE, 90, IN_TRANSITION, 1)),
                                facts("early", Map.of(DONE, 10, WAITING, 90))),
                        START);

        assertThat(step.decisions())
                .hasSize(2)
                .element(1)
                .isEqualTo(new Decision.ReversalBegins(START, List.of("canary"), 91));
        RolloutState reversing = step.state();
        assertThat(RolloutEngine.toBeTakenOut(PLAN, reversing, "canary"))
                .contains(Plans.LIVEPATCH.sha256());
        assertThat(RolloutEngine.toBeTakenOut(PLAN, reversing, "early")).isEmpty();
        assertThat(mayAct(reversing, facts("canary", Map.of(DONE, 90, REVERSING, 9)), START))
                .isEqualTo(new Answer.Reverse(Plans.LIVEPATCH.sha256(), 900));
        // The limit stays.
        assertThat(
                        waits(
                                        mayAct(
                                                reversing,
                                                facts(
                                                        "canary",
                                                        Map.of(
                                                                DONE,
                                                                90,
                                                                REVERSING,
                                                                9,
                                                                IN_TRANSITION,
                                                                1)),
                                                START))
                                .code())
                .isEqualTo(WaitCode.TOO_MANY_IN_TRANSITION);
        assertThat(waits(mayAct(reversing, facts("early", Map.of(WAITING, 9)), START)).code())
                .isEqualTo(WaitCode.HALTED);
    }

    @Test
    void aRingThatShowsTheSameAfterTheHaltIsReversedAsWell() {
        RolloutPlan both =
                Plans.plan(
                        List.of(
                                Plans.ring("canary", List.of(), new Limit.Hosts(10), true),
                                Plans.ring("early", List.of(), new Limit.Hosts(10), true)));
        RingFacts canary = facts("canary", Map.of(OOPSED, 2, DONE, 90));
        RolloutState first =
                RolloutEngine.decide(both, in(new Phase.Running(1, START)), fleet(canary), START)
                        .state();
        Step second =
                RolloutEngine.decide(
                        both,
                        first,
                        fleet(canary, facts("early", Map.of(OOPSED, 2, DONE, 5))),
                        START.plusSeconds(60));

        assertThat(second.state().phase())
                .isInstanceOfSatisfying(
                        Phase.Reversing.class,
                        r -> {
                            assertThat(r.rings()).containsExactly("canary", "early");
                            assertThat(r.evidence()).hasSize(2);
                            assertThat(r.since()).isEqualTo(START);
                        });
    }

    @Test
    void aReversalEndsWhenNoHostThatCanBeReachedHasIt() {
        RolloutState reversing = in(new Phase.Reversing(List.of("canary"), List.of(), START));

        assertThat(
                        decide(
                                        reversing,
                                        fleet(facts("canary", Map.of(REVERSED, 98, REVERSING, 1))),
                                        START)
                                .decisions())
                .isEmpty();
        Step step =
                decide(
                        reversing,
                        fleet(facts("canary", Map.of(REVERSED, 95, SILENT, 2, AWAY, 1))),
                        START);
        assertThat(step.state().phase()).isEqualTo(new Phase.Reversed(List.of("canary"), 3, START));
        // Those that come back are told.
        assertThat(mayAct(step.state(), facts("canary", Map.of(DONE, 1, REVERSED, 97)), START))
                .isInstanceOf(Answer.Reverse.class);
    }

    @Test
    void withoutASignedConsentNothingIsTakenOut() {
        Optional<Instant> ended = Optional.of(START.minusSeconds(1));
        RingFacts canary =
                new RingFacts(
                        "canary", 92, Map.of(OOPSED, 2, DONE, 90), Optional.empty(), true, ended);

        Step step = decide(in(new Phase.Running(1, START)), fleet(canary), START);
        assertThat(step.state().phase()).isInstanceOf(Phase.Halted.class);
        assertThat(step.decisions())
                .contains(new Decision.ReversalNotAllowed(START, "canary", ended));
        RolloutState reversing = in(new Phase.Reversing(List.of("canary"), List.of(), START));
        assertThat(waits(mayAct(reversing, canary, START)).code())
                .isEqualTo(WaitCode.NOT_REVERSIBLE);
        // It ends there, and says how many have it still.
        assertThat(decide(reversing, fleet(canary), START).state().phase())
                .isEqualTo(new Phase.Reversed(List.of("canary"), 90, START));
    }

    @Test
    void hostsOfLaterRingsWaitAndThoseOfEarlierOnesMayComeLate() {
        RolloutState soaking = in(new Phase.Soaking(1, START, START.plus(Plans.SOAK)));

        assertThat(mayAct(soaking, facts("canary", Map.of(DONE, 99, WAITING, 1)), START))
                .isEqualTo(new Answer.Granted(900));
        assertThat(mayAct(soaking, facts("all", Map.of(WAITING, 9)), START))
                .isEqualTo(
                        new Answer.Wait(
                                WaitCode.NOT_THIS_RING,
                                "ring early soaks until 2025-06-03T15:00:00Z",
                                Plans.SOAK));
        assertThat(waits(mayAct(soaking, facts("lab", Map.of(WAITING, 9)), START)).code())
                .isEqualTo(WaitCode.NO_SUCH_RING);
    }

    @ParameterizedTest
    @CsvSource({"9, true", "10, false", "11, false"})
    void noMoreThanTheLimitAreInTransition(int inTransition, boolean granted) {
        RingFacts canary = facts("canary", Map.of(IN_TRANSITION, inTransition, WAITING, 50));

        assertThat(mayAct(RUNNING, canary, START) instanceof Answer.Granted).isEqualTo(granted);
    }

    @ParameterizedTest
    @CsvSource({"5, 1000, 50", "5, 19, 1", "1, 3, 1", "100, 7, 7", "3, 100, 3"})
    void aLimitInPercentIsRoundedDownAndNeverNone(int percent, int eligible, int hosts) {
        assertThat(new Limit.Percent(percent).of(eligible)).isEqualTo(hosts);
    }

    @Test
    void numbersThatDoNotAddUpAreNoFacts() {
        assertThatThrownBy(() ->
                        new RingFacts(
                                "all",
                                9,
                                Map.of(DONE, 5, WAITING, 5),
                                Optional.empty(),
                                true,
                                Optional.empty()))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> facts("all", Map.of(DONE, -1)))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> decide(RUNNING, new RolloutFacts(List.of()), START))
                .isInstanceOf(IllegalArgumentException.class);
    }

    private static RolloutState in(Phase phase) {
        return new RolloutState(phase, START, List.of());
    }

    private static Step decide(RolloutState state, RolloutFacts facts, Instant now) {
        return RolloutEngine.decide(PLAN, state, facts, now);
    }

    private static Answer mayAct(RolloutState state, RingFacts ring, Instant now) {
        return RolloutEngine.mayAct(PLAN, state, ring.ring(), ring, now);
    }

    private static Answer.Wait waits(Answer answer) {
        assertThat(answer).isInstanceOf(Answer.Wait.class);
        return (Answer.Wait) answer;
    }
}
