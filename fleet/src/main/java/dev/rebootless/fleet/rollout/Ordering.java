package dev.rebootless.fleet.rollout;

import dev.rebootless.base.RebootlessException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/** One order of a person. */
final class Ordering {
    private static final int MAX_REASON = 500;

    private final RolloutPlan plan;
    private final RolloutState state;
    private final RolloutFacts facts;
    private final Instant now;

    Ordering(RolloutPlan plan, RolloutState state, RolloutFacts facts, Instant now) {
        this.plan = plan;
        this.state = state;
        this.facts = facts;
        this.now = state.notBefore(now);
    }

    Step step(RolloutEvent event) {
        return switch (event) {
            case RolloutEvent.Pause pause -> pause(pause);
            case RolloutEvent.Resume resume -> resume(resume);
            case RolloutEvent.Abort abort -> abort(abort);
            case RolloutEvent.Reverse reverse -> reverse(reverse);
            case RolloutEvent.Supersede supersede -> supersede(supersede);
        };
    }

    private Step pause(RolloutEvent.Pause pause) {
        require(pause.by(), Role.OPERATOR, "pause it");
        String reason = reason(pause.reason());
        if (!(state.phase() instanceof Phase.Going going)) {
            throw notNow("paused");
        }
        return to(
                state,
                new Phase.Paused(going, pause.by(), reason, now),
                new Decision.Pauses(now, pause.by(), reason));
    }

    private Step resume(RolloutEvent.Resume resume) {
        return switch (state.phase()) {
            case Phase.Paused paused -> {
                require(resume.by(), Role.OPERATOR, "resume it");
                String reason = reason(resume.reason());
                yield to(
                        state,
                        paused.before(),
                        new Decision.Resumes(now, resume.by(), reason, List.of()));
            }
            case Phase.Halted halted -> {
                require(resume.by(), Role.APPROVER, "resume it after a halt");
                String reason = reason(resume.reason());
                RolloutState accepting = state.accepting(facts);
                yield to(
                        accepting,
                        again(halted.before()),
                        new Decision.Resumes(now, resume.by(), reason, accepting.accepted()));
            }
            case Phase.Going _ -> throw notNow("resumed");
            case Phase.Reversing _ -> throw notNow("resumed");
            case Phase.Over _ -> throw notNow("resumed");
        };
    }

    /** A soak that ended in a halt shows nothing: it begins anew. */
    private Phase.Going again(Phase.Going before) {
        return switch (before) {
            case Phase.Soaking soaking ->
                    new Phase.Soaking(soaking.ring(), now, now.plus(plan.soakOf(soaking.ring())));
            case Phase.Waiting waiting -> waiting;
            case Phase.Running running -> running;
            case Phase.Done done -> done;
        };
    }

    private Step abort(RolloutEvent.Abort abort) {
        require(abort.by(), Role.OPERATOR, "abort it");
        String reason = reason(abort.reason());
        if (state.phase() instanceof Phase.Over) {
            throw notNow("aborted");
        }
        return to(
                state,
                new Phase.Aborted(abort.by(), reason, now),
                new Decision.Aborts(now, abort.by(), reason));
    }

    private Step reverse(RolloutEvent.Reverse reverse) {
        require(reverse.by(), Role.APPROVER, "have the livepatch taken out");
        String reason = reason(reverse.reason());
        Phase.Going before =
                switch (state.phase()) {
                    case Phase.Going going -> going;
                    case Phase.Paused paused -> paused.before();
                    case Phase.Halted halted -> halted.before();
                    case Phase.Reversing _ -> throw notNow("reversed");
                    case Phase.Over _ -> throw notNow("reversed");
                };
        List<String> begun =
                plan.rings().stream()
                        .limit(before.begun(plan.rings().size()))
                        .map(PlannedRing::ring)
                        .toList();
        List<String> out = begun.stream().filter(r -> facts.of(r).isReversible(now)).toList();
        if (out.isEmpty()) {
            throw RebootlessException.refused(
                    "RBL-ROLLOUT-CONSENT",
                    plan.name(),
                    "no ring has begun in which the signed state lets the server have the livepatch"
                            + " taken out now",
                    "withdraw the livepatch, which those who sign the state have to do");
        }
        List<Decision> decisions = new ArrayList<>();
        decisions.add(new Decision.Aborts(now, reverse.by(), reason));
        begun.stream()
                .filter(r -> !out.contains(r))
                .forEach(r ->
                        decisions.add(
                                new Decision.ReversalNotAllowed(
                                        now, r, facts.of(r).reversibleUntil())));
        decisions.add(
                new Decision.ReversalBegins(
                        now, out, out.stream().mapToInt(r -> Reversal.have(facts.of(r))).sum()));
        List<Evidence> evidence =
                state.phase() instanceof Phase.Halted halted ? halted.evidence() : List.of();
        return new Step(state.with(new Phase.Reversing(out, evidence, now), now), decisions);
    }

    private Step supersede(RolloutEvent.Supersede supersede) {
        require(supersede.by(), Role.OPERATOR, "put another rollout in its place");
        boolean possible =
                switch (state.phase()) {
                    case Phase.Going _ -> true;
                    case Phase.Paused _ -> true;
                    case Phase.Halted _ -> true;
                    // What is bad goes out first.
                    case Phase.Reversing _ -> false;
                    case Phase.Over _ -> false;
                };
        if (!possible) {
            throw notNow("superseded");
        }
        String successor = supersede.successor();
        return to(
                state,
                new Phase.Superseded(supersede.by(), successor, now),
                new Decision.GivesWay(now, supersede.by(), successor));
    }

    private Step to(RolloutState from, Phase phase, Decision decision) {
        return new Step(from.with(phase, now), List.of(decision));
    }

    private void require(Person person, Role needed, String what) {
        if (!person.role().covers(needed)) {
            throw RebootlessException.refused(
                    "RBL-ROLLOUT-ROLE",
                    plan.name(),
                    person + " may not " + what,
                    "ask somebody who has the role " + lower(needed));
        }
    }

    /** It goes into the audit log, so it is one line of words. */
    private static String reason(String reason) {
        String text = reason.strip();
        if (text.isEmpty()
                || text.length() > MAX_REASON
                || text.chars().anyMatch(Character::isISOControl)) {
            throw RebootlessException.usage(
                    "RBL-ROLLOUT-REASON",
                    "reason",
                    "an order needs its reason, in one line",
                    "say why, in up to " + MAX_REASON + " characters");
        }
        return text;
    }

    private RebootlessException notNow(String what) {
        return RebootlessException.refused(
                "RBL-ROLLOUT-PHASE",
                plan.name(),
                "it cannot be " + what + " now: it is " + lower(state.phase()),
                "look at the rollout again; a new one can be planned");
    }

    private static String lower(Role role) {
        return role.name().toLowerCase(java.util.Locale.ROOT);
    }

    private static String lower(Phase phase) {
        return switch (phase) {
            case Phase.Waiting _ -> "waiting";
            case Phase.Running _ -> "running";
            case Phase.Soaking _ -> "soaking";
            case Phase.Done _ -> "done";
            case Phase.Paused _ -> "paused";
            case Phase.Halted _ -> "halted";
            case Phase.Reversing _ -> "reversing";
            case Phase.Reversed _ -> "reversed";
            case Phase.Aborted _ -> "aborted";
            case Phase.Superseded _ -> "superseded";
        };
    }
}
