package dev.rebootless.fleet.staging;

import dev.rebootless.fleet.agent.AttemptPolicy;
import dev.rebootless.fleet.rollout.Answer;
import dev.rebootless.fleet.rollout.HostStanding;
import dev.rebootless.fleet.rollout.PlannedRing;
import dev.rebootless.fleet.rollout.RolloutEngine;
import dev.rebootless.fleet.rollout.RolloutPlan;
import dev.rebootless.fleet.store.AttemptStore;
import dev.rebootless.fleet.store.Membership;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.UUID;
import org.jdbi.v3.core.Handle;

/**
 * Lets a host act when what is signed allows it and the rollout of the livepatch says that it is
 * its turn. What people have withdrawn is taken out without a rollout: the signed state alone
 * orders that.
 */
public final class RolloutPolicy implements AttemptPolicy {
    private final AttemptPolicy signed;
    private final Staging staging;
    private final Reversals reversals;

    /**
     * A policy.
     *
     * @param signed what is allowed at all
     */
    public RolloutPolicy(AttemptPolicy signed, Staging staging) {
        this.signed = signed;
        this.staging = staging;
        this.reversals = new Reversals(() -> staging.rollouts().newest());
    }

    @Override
    public AttemptStore.Verdict decide(Handle handle, Asked asked) {
        return switch (signed.decide(handle, asked)) {
            case AttemptStore.MayNot no -> no;
            case AttemptStore.May may ->
                    asked.wanted().action().equals("unload") ? may : inTurn(handle, asked);
        };
    }

    private AttemptStore.Verdict inTurn(Handle handle, Asked asked) {
        RolloutStore rollouts = staging.rollouts();
        Optional<Rollout> rollout =
                rollouts.newestOf(handle, asked.wanted().sha256())
                        .flatMap(name -> rollouts.lock(handle, name));
        if (rollout.isEmpty()) {
            return new AttemptStore.MayNot("no rollout of this livepatch was ordered");
        }
        if (asked.now().isBefore(rollout.get().created())) {
            // It would count as from before the rollout, and so not at all.
            return new AttemptStore.MayNot("the rollout has only just been ordered");
        }
        RolloutPlan plan = rollout.get().plan();
        String ring = asked.membership().ring();
        Optional<PlannedRing> planned =
                plan.rings().stream().filter(r -> r.ring().equals(ring)).findFirst();
        if (planned.isEmpty()) {
            return new AttemptStore.MayNot("the rollout has no ring " + ring);
        }
        boolean load = asked.wanted().action().equals("load");
        if (load) {
            HostStanding standing =
                    staging.facts()
                            .standing(handle, rollout.get(), ring, asked.host(), asked.now());
            if (!standing.mayLoad()) {
                return new AttemptStore.MayNot(
                        "this host counts as %s in the rollout %s"
                                .formatted(
                                        standing.name().toLowerCase(java.util.Locale.ROOT),
                                        plan.name()));
            }
        }
        Answer answer =
                RolloutEngine.mayAct(
                        plan,
                        rollout.get().state(),
                        ring,
                        staging.facts().ofRing(handle, rollout.get(), planned.get(), asked.now()),
                        asked.now());
        return switch (answer) {
            case Answer.Wait wait -> new AttemptStore.MayNot(wait.why());
            case Answer.Granted granted ->
                    load
                            ? new AttemptStore.May(Duration.ofSeconds(granted.limitSeconds()))
                            : new AttemptStore.MayNot("the rollout does not take it out");
            case Answer.Reverse reverse ->
                    load
                            ? new AttemptStore.MayNot("the livepatch is being taken out")
                            : new AttemptStore.May(Duration.ofSeconds(reverse.limitSeconds()));
        };
    }

    @Override
    public Optional<String> reversal(
            UUID host, Membership membership, Optional<String> buildId, Instant now) {
        return buildId.flatMap(build -> reversals.of(build, membership.ring(), now));
    }
}
