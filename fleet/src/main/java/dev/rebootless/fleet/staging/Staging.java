package dev.rebootless.fleet.staging;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.fleet.rollout.Decision;
import dev.rebootless.fleet.rollout.DryRun;
import dev.rebootless.fleet.rollout.Person;
import dev.rebootless.fleet.rollout.RolloutEngine;
import dev.rebootless.fleet.rollout.RolloutEvent;
import dev.rebootless.fleet.rollout.RolloutFacts;
import dev.rebootless.fleet.rollout.RolloutPlan;
import dev.rebootless.fleet.rollout.RolloutState;
import dev.rebootless.fleet.rollout.Step;
import dev.rebootless.fleet.store.AuditLog;
import dev.rebootless.release.DesiredState;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiFunction;
import org.jdbi.v3.core.Handle;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Drives rollouts: each step is one transaction, in which the rollout is locked, the fleet counted,
 * and the decisions written into the audit log.
 */
public final class Staging {
    private static final Logger LOG = LoggerFactory.getLogger(Staging.class);

    /** Of what the server decides by itself, in the audit log. */
    private static final String SERVER = "server";

    private final RolloutStore rollouts;
    private final AuditLog audit;
    private final FleetFacts facts;

    /**
     * Of rollouts.
     *
     * @param states the published state of a build id and ring
     */
    public Staging(
            RolloutStore rollouts,
            AuditLog audit,
            BiFunction<String, String, Optional<DesiredState>> states) {
        this.rollouts = rollouts;
        this.audit = audit;
        this.facts = new FleetFacts(states);
    }

    FleetFacts facts() {
        return facts;
    }

    RolloutStore rollouts() {
        return rollouts;
    }

    /**
     * Begins a rollout. One of the same kernel build that is going gives way to it.
     *
     * @throws RebootlessException exit status 4 {@code RBL-ROLLOUT-EXISTS}
     */
    public Rollout begin(RolloutPlan plan, Person by, Instant now) {
        return rollouts.inTransaction(handle -> {
            rollouts.oneAtATime(handle);
            if (rollouts.lock(handle, plan.name()).isPresent()) {
                throw RebootlessException.refused(
                        "RBL-ROLLOUT-EXISTS",
                        plan.name(),
                        "there is a rollout of this name",
                        "give another name");
            }
            rollouts.goingFor(handle, plan.livepatch().buildId())
                    .ifPresent(earlier ->
                            order(
                                    handle,
                                    earlier,
                                    new RolloutEvent.Supersede(by, plan.name()),
                                    now));
            Rollout rollout = new Rollout(plan, RolloutState.initial(now), 1, now, by.toString());
            rollouts.insert(handle, rollout);
            audit.of(by.name(), now)
                    .write(
                            handle,
                            "rollout.ordered",
                            plan.name(),
                            Map.of(
                                    "livepatch",
                                    plan.livepatch().module(),
                                    "sha256",
                                    plan.livepatch().sha256(),
                                    "buildId",
                                    plan.livepatch().buildId(),
                                    "plan",
                                    RolloutJson.write(plan)));
            return step(handle, rollout, now);
        });
    }

    /** What would happen, and when. */
    public List<String> dryRun(RolloutPlan plan, Instant now) {
        RolloutFacts counted = rollouts.inTransaction(handle -> facts.of(handle, plan, now, now));
        return DryRun.of(plan, counted, DryRun.USUAL_ATTEMPT, now).lines();
    }

    /** How the fleet stands in a rollout. */
    public RolloutFacts factsOf(Rollout rollout, Instant now) {
        return rollouts.inTransaction(
                handle -> facts.of(handle, rollout.plan(), rollout.created(), now));
    }

    /**
     * Does what a person orders.
     *
     * @throws RebootlessException exit status 2 {@code RBL-ROLLOUT-UNKNOWN}; as {@link
     *     RolloutEngine#apply}
     */
    public Rollout order(String name, RolloutEvent event, Instant now) {
        return rollouts.inTransaction(handle -> order(handle, name, event, now));
    }

    private Rollout order(Handle handle, String name, RolloutEvent event, Instant now) {
        Rollout rollout =
                rollouts.lock(handle, name)
                        .orElseThrow(() ->
                                new RebootlessException(
                                        ExitStatus.USAGE,
                                        new Problem(
                                                "RBL-ROLLOUT-UNKNOWN",
                                                name,
                                                "there is no rollout of this name",
                                                "see the list of rollouts")));
        // Who pauses or ends it must not have to wait for a count, or for the repository.
        boolean counts =
                event instanceof RolloutEvent.Resume || event instanceof RolloutEvent.Reverse;
        RolloutFacts counted =
                counts
                        ? facts.of(handle, rollout.plan(), rollout.created(), now)
                        : new RolloutFacts(List.of());
        Step step = RolloutEngine.apply(rollout.plan(), rollout.state(), event, counted, now);
        return keep(handle, rollout, step, event.by().name(), now);
    }

    /** Decides what follows for all rollouts from what hosts have said. */
    public void decideAll(Instant now) {
        for (String name : rollouts.going()) {
            try {
                rollouts.inTransaction(handle ->
                        rollouts.lock(handle, name)
                                .filter(Rollout::isGoing)
                                .map(rollout -> step(handle, rollout, now)));
            } catch (RuntimeException e) {
                // What is wrong with one must not keep the others from being halted.
                LOG.warn("the rollout {} cannot be decided: {}", name, e.toString());
            }
        }
    }

    /** The engine may decide several things one after the other at one moment. */
    private Rollout step(Handle handle, Rollout rollout, Instant now) {
        RolloutFacts counted = facts.of(handle, rollout.plan(), rollout.created(), now);
        Step step = RolloutEngine.decide(rollout.plan(), rollout.state(), counted, now);
        return keep(handle, rollout, step, SERVER, now);
    }

    private Rollout keep(Handle handle, Rollout rollout, Step step, String actor, Instant now) {
        if (step.state().equals(rollout.state()) && step.decisions().isEmpty()) {
            return rollout;
        }
        Rollout next = rollout.with(step.state());
        rollouts.update(handle, next);
        for (Decision decision : step.decisions()) {
            audit.of(actor, now)
                    .write(
                            handle,
                            "rollout.decided",
                            rollout.name(),
                            Map.of("sentence", decision.sentence()));
        }
        return next;
    }
}
