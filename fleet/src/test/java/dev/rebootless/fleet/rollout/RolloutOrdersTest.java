package dev.rebootless.fleet.rollout;

import static dev.rebootless.fleet.rollout.HostStanding.DONE;
import static dev.rebootless.fleet.rollout.HostStanding.FAILED;
import static dev.rebootless.fleet.rollout.HostStanding.WAITING;
import static dev.rebootless.fleet.rollout.Plans.APPROVER;
import static dev.rebootless.fleet.rollout.Plans.OPERATOR;
import static dev.rebootless.fleet.rollout.Plans.START;
import static dev.rebootless.fleet.rollout.Plans.facts;
import static dev.rebootless.fleet.rollout.Plans.fleet;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.rebootless.base.RebootlessException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class RolloutOrdersTest {
    private static final RolloutPlan PLAN = Plans.plan();
    private static final Instant LATER = START.plus(Duration.ofMinutes(10));
    private static final Phase.Running RUNNING = new Phase.Running(1, START);

    @Test
    void aPauseStopsGrantsAndResumingGoesOnWhereItWas() {
        Step paused = order(in(RUNNING), new RolloutEvent.Pause(OPERATOR, "freeze of the shop"));

        assertThat(paused.decisions().getFirst().sentence())
                .isEqualTo("paused by olga (operator): freeze of the shop");
        for (String ring : List.of("canary", "early", "all")) {
            assertThat(ask(paused.state(), facts(ring, Map.of(WAITING, 5))))
                    .isInstanceOfSatisfying(
                            Answer.Wait.class,
                            w -> assertThat(w.code()).isEqualTo(WaitCode.PAUSED));
        }
        Step resumed = order(paused.state(), new RolloutEvent.Resume(OPERATOR, "over"));
        assertThat(resumed.state().phase()).isEqualTo(RUNNING);
        assertThat(ask(resumed.state(), facts("early", Map.of(WAITING, 5))))
                .isInstanceOf(Answer.Granted.class);
    }

    @Test
    void aPausedSoakGoesOnButNoRingBeginsBeforeItIsResumed() {
        Phase.Soaking soaking = new Phase.Soaking(0, START, START.plus(Plans.SOAK));
        RolloutState paused =
                order(in(soaking), new RolloutEvent.Pause(OPERATOR, "holiday")).state();
        Instant later = START.plus(Duration.ofDays(2));

        assertThat(RolloutEngine.decide(PLAN, paused, fleet(), later).decisions()).isEmpty();
        RolloutState resumed =
                RolloutEngine.apply(
                                PLAN,
                                paused,
                                new RolloutEvent.Resume(OPERATOR, "back"),
                                fleet(),
                                later)
                        .state();
        assertThat(RolloutEngine.decide(PLAN, resumed, fleet(), later).state().phase())
                .isEqualTo(new Phase.Running(1, later));
    }

    @Test
    void afterAHaltOnlyAnApproverResumesAndWhatWentWrongIsAccepted() {
        RingFacts bad = facts("early", Map.of(FAILED, 5, DONE, 40, WAITING, 55));
        RolloutState halted = RolloutEngine.decide(PLAN, in(RUNNING), fleet(bad), START).state();

        refused(
                "RBL-ROLLOUT-ROLE",
                halted,
                new RolloutEvent.Resume(OPERATOR, "it was the network"),
                fleet(bad));
        Step resumed =
                RolloutEngine.apply(
                        PLAN,
                        halted,
                        new RolloutEvent.Resume(APPROVER, "it was the network"),
                        fleet(bad),
                        LATER);
        assertThat(resumed.decisions().getFirst().line())
                .isEqualTo(
                        "2025-06-03T12:10:00Z resumed by anna (approver): it was the network;"
                                + " accepted: 5 hosts of ring early that failed");
        assertThat(resumed.state().phase()).isEqualTo(RUNNING);
        assertThat(RolloutEngine.decide(PLAN, resumed.state(), fleet(bad), LATER).decisions())
                .isEmpty();
        // The next five halt it again.
        RingFacts worse = facts("early", Map.of(FAILED, 10, DONE, 40, WAITING, 50));
        assertThat(
                        RolloutEngine.decide(PLAN, resumed.state(), fleet(worse), LATER)
                                .decisions()
                                .getFirst()
                                .sentence())
                .startsWith(
                        "halted: in ring early 5 of 50 hosts failed (and 5 that were accepted)");
    }

    @Test
    void whatWasAcceptedAndIsWellAgainCountsWhenItGoesWrongOnceMore() {
        RolloutState state =
                new RolloutState(RUNNING, START, List.of(new Accepted("early", Cause.SILENT, 20)));
        RingFacts well = facts("early", Map.of(DONE, 100));
        RingFacts silent = facts("early", Map.of(DONE, 80, HostStanding.SILENT, 20));

        assertThat(RolloutEngine.decide(PLAN, state, fleet(silent), START).decisions()).hasSize(1);
        RolloutState forgot = RolloutEngine.decide(PLAN, state, fleet(well), START).state();
        assertThat(forgot.accepted()).isEmpty();
        assertThat(RolloutEngine.decide(PLAN, forgot, fleet(silent), START).state().phase())
                .isInstanceOf(Phase.Halted.class);
    }

    @Test
    void aSoakThatWasHaltedBeginsAnew() {
        Phase.Soaking soaking = new Phase.Soaking(0, START, START.plus(Plans.SOAK));
        RolloutState halted = in(new Phase.Halted(soaking, List.of(), START));

        assertThat(order(halted, new RolloutEvent.Resume(APPROVER, "looked at")).state().phase())
                .isEqualTo(new Phase.Soaking(0, LATER, LATER.plus(Plans.SOAK)));
    }

    @Test
    void anAbortEndsItAndWhatIsLoadedStays() {
        RolloutState aborted =
                order(in(RUNNING), new RolloutEvent.Abort(OPERATOR, "wrong one")).state();

        assertThat(aborted.phase()).isEqualTo(new Phase.Aborted(OPERATOR, "wrong one", LATER));
        assertThat(ask(aborted, facts("canary", Map.of(WAITING, 1))))
                .isInstanceOfSatisfying(
                        Answer.Wait.class, w -> assertThat(w.code()).isEqualTo(WaitCode.OVER));
        assertThat(RolloutEngine.toBeTakenOut(PLAN, aborted, "canary")).isEmpty();
        for (RolloutEvent event :
                List.of(
                        new RolloutEvent.Pause(OPERATOR, "x"),
                        new RolloutEvent.Resume(APPROVER, "x"),
                        new RolloutEvent.Abort(OPERATOR, "x"),
                        new RolloutEvent.Reverse(APPROVER, "x"),
                        new RolloutEvent.Supersede(OPERATOR, "fix-2"))) {
            refused("RBL-ROLLOUT-PHASE", aborted, event, fleet());
        }
    }

    @Test
    void anApproverHasItTakenOutOfTheRingsThatHaveBegunWhereThatIsSigned() {
        RingFacts unsigned =
                new RingFacts(
                        "early", 9, Map.of(DONE, 9), Optional.empty(), true, Optional.empty());
        RolloutFacts facts = fleet(facts("canary", Map.of(DONE, 50)), unsigned);

        refused("RBL-ROLLOUT-ROLE", in(RUNNING), new RolloutEvent.Reverse(OPERATOR, "slow"), facts);
        Step step =
                RolloutEngine.apply(
                        PLAN,
                        in(RUNNING),
                        new RolloutEvent.Reverse(APPROVER, "slow"),
                        facts,
                        LATER);
        assertThat(step.decisions())
                .containsExactly(
                        new Decision.Aborts(LATER, APPROVER, "slow"),
                        new Decision.ReversalNotAllowed(LATER, "early", Optional.empty()),
                        new Decision.ReversalBegins(LATER, List.of("canary"), 50));
        refused(
                "RBL-ROLLOUT-CONSENT",
                in(new Phase.Waiting(0, START)),
                new RolloutEvent.Reverse(APPROVER, "slow"),
                facts);
    }

    @Test
    void anotherRolloutTakesItsPlaceButNotWhileALivepatchIsTakenOut() {
        RolloutEvent event = new RolloutEvent.Supersede(OPERATOR, "fix-2");

        assertThat(order(in(RUNNING), event).decisions().getFirst().sentence())
                .isEqualTo("superseded by the rollout fix-2, ordered by olga (operator)");
        refused(
                "RBL-ROLLOUT-PHASE",
                in(new Phase.Reversing(List.of("canary"), List.of(), START)),
                event,
                fleet());
    }

    @ParameterizedTest
    @EnumSource(Role.class)
    void aViewerOrdersNothingAndEachRoleWhatThoseBeforeItMay(Role role) {
        Person person = new Person("p", role);
        RolloutEvent pause = new RolloutEvent.Pause(person, "x");
        RolloutState halted = in(new Phase.Halted(RUNNING, List.of(), START));
        RolloutEvent resume = new RolloutEvent.Resume(person, "x");

        if (role == Role.VIEWER) {
            refused("RBL-ROLLOUT-ROLE", in(RUNNING), pause, fleet());
        } else {
            assertThat(order(in(RUNNING), pause).state().phase()).isInstanceOf(Phase.Paused.class);
        }
        if (role == Role.VIEWER || role == Role.OPERATOR) {
            refused("RBL-ROLLOUT-ROLE", halted, resume, fleet());
        } else {
            assertThat(order(halted, resume).state().phase()).isEqualTo(RUNNING);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "   ", "two\nlines", "bell\u0007", "nul\u0000"})
    void anOrderWithoutAReasonInOneLineIsRefused(String reason) {
        refused(
                "RBL-ROLLOUT-REASON",
                in(RUNNING),
                new RolloutEvent.Pause(OPERATOR, reason),
                fleet());
        refused(
                "RBL-ROLLOUT-REASON",
                in(new Phase.Halted(RUNNING, List.of(), START)),
                new RolloutEvent.Resume(APPROVER, reason),
                fleet());
    }

    private static RolloutState in(Phase phase) {
        return new RolloutState(phase, START, List.of());
    }

    private static Step order(RolloutState state, RolloutEvent event) {
        return RolloutEngine.apply(PLAN, state, event, fleet(), LATER);
    }

    private static Answer ask(RolloutState state, RingFacts ring) {
        return RolloutEngine.mayAct(PLAN, state, ring.ring(), ring, LATER);
    }

    private static void refused(
            String code, RolloutState state, RolloutEvent event, RolloutFacts facts) {
        assertThatThrownBy(() -> RolloutEngine.apply(PLAN, state, event, facts, LATER))
                .isInstanceOfSatisfying(
                        RebootlessException.class,
                        e -> assertThat(e.problems().getFirst().code()).isEqualTo(code));
    }
}
