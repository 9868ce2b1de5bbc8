package dev.rebootless.fleet.rollout;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** One round of deciding. */
final class Deciding {
    private final RolloutPlan plan;
    private final RolloutFacts facts;
    private final Instant now;
    private final List<Decision> decisions = new ArrayList<>();
    private RolloutState state;

    Deciding(RolloutPlan plan, RolloutState state, RolloutFacts facts, Instant now) {
        this.plan = plan;
        this.facts = facts;
        this.now = state.notBefore(now);
        this.state = state;
    }

    Step step() {
        state = state.forgetting(facts);
        halt();
        // A ring may be passed over, so more than one thing may happen at once; each takes the
        // rollout further.
        while (advance()) {}
        return new Step(state, decisions);
    }

    /** Looks at every ring in every phase in which hosts still act. */
    private void halt() {
        List<Evidence> found = HaltCheck.evidence(plan, state, facts);
        switch (state.phase()) {
            case Phase.Going going -> halt(going, List.of(), found);
            case Phase.Paused paused -> halt(paused.before(), List.of(), found);
            case Phase.Halted halted -> halt(halted.before(), halted.evidence(), found);
            case Phase.Reversing reversing -> reverseMore(reversing, found);
            case Phase.Over _ -> {}
        }
    }

    private void halt(Phase.Going before, List<Evidence> known, List<Evidence> found) {
        List<Evidence> fresh = fresh(known, found);
        if (fresh.isEmpty()) {
            return;
        }
        decisions.add(new Decision.Halts(now, fresh));
        List<Evidence> all = Stream.concat(known.stream(), fresh.stream()).toList();
        List<String> out = toReverse(fresh, List.of());
        if (out.isEmpty()) {
            Instant since = state.phase() instanceof Phase.Halted halted ? halted.since() : now;
            state = state.with(new Phase.Halted(before, all, since), now);
        } else {
            decisions.add(new Decision.ReversalBegins(now, out, have(out)));
            state = state.with(new Phase.Reversing(out, all, now), now);
        }
    }

    /** Hosts that were in transition when it was halted may show that another ring is as bad. */
    private void reverseMore(Phase.Reversing reversing, List<Evidence> found) {
        List<Evidence> fresh = fresh(reversing.evidence(), found);
        if (fresh.isEmpty()) {
            return;
        }
        decisions.add(new Decision.Halts(now, fresh));
        List<String> more = toReverse(fresh, reversing.rings());
        if (!more.isEmpty()) {
            decisions.add(new Decision.ReversalBegins(now, more, have(more)));
        }
        state =
                state.with(
                        new Phase.Reversing(
                                Stream.concat(reversing.rings().stream(), more.stream()).toList(),
                                Stream.concat(reversing.evidence().stream(), fresh.stream())
                                        .toList(),
                                reversing.since()),
                        now);
    }

    private static List<Evidence> fresh(List<Evidence> known, List<Evidence> found) {
        return found.stream().filter(f -> known.stream().noneMatch(f::isOfSame)).toList();
    }

    /** The rings that the plan wants reversed for this, where a signature allows it. */
    private List<String> toReverse(List<Evidence> evidence, List<String> already) {
        List<String> out = new ArrayList<>();
        for (String ring : evidence.stream().map(Evidence::ring).distinct().toList()) {
            PlannedRing planned = plan.rings().get(plan.indexOf(ring).orElseThrow());
            if (!planned.reverseOnHalt() || already.contains(ring)) {
                continue;
            }
            if (facts.of(ring).isReversible(now)) {
                out.add(ring);
            } else {
                decisions.add(
                        new Decision.ReversalNotAllowed(
                                now, ring, facts.of(ring).reversibleUntil()));
            }
        }
        return out;
    }

    private int have(List<String> rings) {
        return rings.stream().mapToInt(ring -> Reversal.have(facts.of(ring))).sum();
    }

    /** One step further, if there is one. */
    private boolean advance() {
        return switch (state.phase()) {
            case Phase.Waiting waiting -> begin(waiting.ring());
            case Phase.Running running -> soak(running.ring());
            case Phase.Soaking soaking -> soaked(soaking);
            case Phase.Reversing reversing -> reversed(reversing);
            case Phase.Done _ -> false;
            case Phase.Paused _ -> false;
            case Phase.Halted _ -> false;
            case Phase.Over _ -> false;
        };
    }

    private boolean begin(int index) {
        RingFacts ring = ring(index);
        if (now.isBefore(plan.notBefore())) {
            return false;
        }
        if (ring.eligible() == 0) {
            return passOver(index, ring);
        }
        if (!ring.allowed()
                || !Windows.open(plan.windowsOf(index), now, plan.pace().attemptLimit())) {
            return false;
        }
        decisions.add(
                new Decision.RingBegins(
                        now,
                        ring.ring(),
                        ring.eligible(),
                        ring.hosts(),
                        plan.rings().get(index).limit().of(ring.eligible())));
        state = state.with(new Phase.Running(index, now), now);
        return true;
    }

    private boolean passOver(int index, RingFacts ring) {
        decisions.add(new Decision.RingPassedOver(now, ring.ring(), ring.hosts()));
        goOnAfter(index);
        return true;
    }

    private void goOnAfter(int index) {
        if (index + 1 < plan.rings().size()) {
            state = state.with(new Phase.Waiting(index + 1, now), now);
        } else {
            decisions.add(new Decision.Finished(now));
            state = state.with(new Phase.Done(now), now);
        }
    }

    private boolean soak(int index) {
        RingFacts ring = ring(index);
        if (ring.eligible() == 0) {
            return passOver(index, ring);
        }
        // A ring in which nobody has acted shows nothing, however few of its hosts are there.
        int acted = ring.acted();
        int percent = plan.rings().get(index).completePercent();
        if (acted == 0 || acted * 100L < (long) percent * ring.reachable()) {
            return false;
        }
        Instant until = now.plus(plan.soakOf(index));
        decisions.add(
                new Decision.SoakBegins(
                        now,
                        ring.ring(),
                        inForce(ring),
                        acted,
                        ring.count(HostStanding.OFFLINE),
                        ring.offlineSince(),
                        ring.count(HostStanding.REFUSED),
                        until));
        state = state.with(new Phase.Soaking(index, now, until), now);
        return true;
    }

    private boolean soaked(Phase.Soaking soaking) {
        if (now.isBefore(soaking.until())) {
            return false;
        }
        RingFacts ring = ring(soaking.ring());
        decisions.add(new Decision.RingSoaked(now, ring.ring(), inForce(ring), ring.acted()));
        goOnAfter(soaking.ring());
        return true;
    }

    private boolean reversed(Phase.Reversing reversing) {
        if (!reversing.rings().stream().allMatch(r -> Reversal.isOver(facts.of(r), now))) {
            return false;
        }
        int left = have(reversing.rings());
        decisions.add(new Decision.ReversalEnds(now, reversing.rings(), left));
        state = state.with(new Phase.Reversed(reversing.rings(), left, now), now);
        return true;
    }

    private static int inForce(RingFacts ring) {
        return ring.count(HostStanding.DONE) + ring.count(HostStanding.AWAY);
    }

    private RingFacts ring(int index) {
        return facts.of(plan.rings().get(index).ring());
    }
}
