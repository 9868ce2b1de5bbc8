package dev.rebootless.fleet.rollout;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/** Answers hosts that ask whether they may act. */
final class Gate {
    private static final Duration SHORTEST = Duration.ofSeconds(1);

    private final RolloutPlan plan;
    private final RolloutState state;
    private final RingFacts facts;
    private final Instant now;

    Gate(RolloutPlan plan, RolloutState state, RingFacts facts, Instant now) {
        this.plan = plan;
        this.state = state;
        this.facts = facts;
        this.now = state.notBefore(now);
    }

    Answer answer() {
        Optional<Integer> index = plan.indexOf(facts.ring());
        if (index.isEmpty()) {
            return wait(WaitCode.NO_SUCH_RING, "the rollout has no ring " + facts.ring());
        }
        return switch (state.phase()) {
            case Phase.Going going -> load(going, index.get());
            case Phase.Paused paused ->
                    wait(WaitCode.PAUSED, "the rollout was paused by " + paused.by());
            case Phase.Halted halted -> halted(halted.evidence());
            case Phase.Reversing reversing ->
                    reversing.rings().contains(facts.ring())
                            ? reverse()
                            : halted(reversing.evidence());
            case Phase.Reversed reversed ->
                    reversed.rings().contains(facts.ring()) ? reverse() : over("reversed");
            case Phase.Aborted aborted -> over("aborted by " + aborted.by());
            case Phase.Superseded superseded ->
                    over("superseded by the rollout " + superseded.successor());
        };
    }

    private Answer load(Phase.Going phase, int index) {
        // What the facts show halts at once, and not only when it is decided next.
        List<Evidence> evidence = HaltCheck.evidence(plan.rings().get(index), state, facts);
        if (!evidence.isEmpty()) {
            return halted(evidence);
        }
        if (index >= phase.begun(plan.rings().size())) {
            return notThisRing(phase);
        }
        List<MaintenanceWindow> windows = plan.windowsOf(index);
        Duration needed = plan.pace().attemptLimit();
        if (!Windows.open(windows, now, needed)) {
            Optional<TimeSpan> next = Windows.next(windows, now, needed);
            return wait(
                    WaitCode.OUTSIDE_WINDOW,
                    next.map(n -> "the maintenance window opens at " + n.from())
                            .orElse("no maintenance window opens in the next two weeks"),
                    next.map(n -> Duration.between(now, n.from())));
        }
        return hasRoom(index) ? new Answer.Granted(needed.toSeconds()) : tooMany();
    }

    private Answer reverse() {
        if (!facts.isReversible(now)) {
            return wait(
                    WaitCode.NOT_REVERSIBLE, "no signature allows to take the livepatch out now");
        }
        return hasRoom(plan.indexOf(facts.ring()).orElseThrow())
                ? new Answer.Reverse(
                        plan.livepatch().sha256(), plan.pace().attemptLimit().toSeconds())
                : tooMany();
    }

    private boolean hasRoom(int index) {
        return facts.inTransition() < plan.rings().get(index).limit().of(facts.eligible());
    }

    private Answer tooMany() {
        return wait(
                WaitCode.TOO_MANY_IN_TRANSITION,
                facts.inTransition() + " hosts of ring " + facts.ring() + " are in transition");
    }

    private Answer notThisRing(Phase.Going phase) {
        return switch (phase) {
            case Phase.Waiting waiting ->
                    wait(
                            WaitCode.NOT_THIS_RING,
                            "ring " + name(waiting.ring()) + " has not begun yet");
            case Phase.Running running ->
                    wait(
                            WaitCode.NOT_THIS_RING,
                            "ring " + name(running.ring()) + " has not acted yet");
            case Phase.Soaking soaking ->
                    wait(
                            WaitCode.NOT_THIS_RING,
                            "ring " + name(soaking.ring()) + " soaks until " + soaking.until(),
                            Optional.of(Duration.between(now, soaking.until())));
            case Phase.Done _ -> throw new IllegalStateException("all rings have begun");
        };
    }

    private String name(int ring) {
        return plan.rings().get(ring).ring();
    }

    private Answer halted(List<Evidence> evidence) {
        return wait(
                WaitCode.HALTED,
                evidence.isEmpty()
                        ? "the livepatch is being taken out"
                        : "the rollout is halted: " + evidence.getFirst().sentence());
    }

    private Answer over(String how) {
        return wait(WaitCode.OVER, "the rollout was " + how);
    }

    /** Until the host reports again. */
    private Answer wait(WaitCode code, String why) {
        return wait(code, why, Optional.empty());
    }

    private Answer wait(WaitCode code, String why, Optional<Duration> retryAfter) {
        Duration until = retryAfter.orElse(plan.pace().reportPeriod());
        return new Answer.Wait(code, why, until.compareTo(SHORTEST) < 0 ? SHORTEST : until);
    }
}
