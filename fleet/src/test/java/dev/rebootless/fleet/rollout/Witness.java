package dev.rebootless.fleet.rollout;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.fleet.rollout.HostProgress.Action;
import java.time.Instant;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/** Sees what hosts are allowed and do, and holds it against what was promised. */
final class Witness {
    private final RolloutPlan plan;
    private final Map<Integer, String> open = new HashMap<>();
    private final Map<String, Integer> inTransition = new HashMap<>();
    private final Map<String, Integer> mostInTransition = new HashMap<>();
    private final Map<String, Instant> lastEnded = new HashMap<>();
    private final Map<String, Instant> actedAt = new HashMap<>();
    private final Set<String> begun = new HashSet<>();
    private final Set<String> reversing = new HashSet<>();
    private final Map<WaitCode, Integer> waits = new EnumMap<>(WaitCode.class);
    private final Map<Action, Integer> grants = new EnumMap<>(Action.class);
    private boolean halted;
    private boolean paused;
    private boolean over;
    private Instant lastLine = Instant.MIN;

    Witness(RolloutPlan plan) {
        this.plan = plan;
    }

    void granted(int host, String ring, Action action, Instant now, Instant limit, int eligible) {
        assertThat(open).as("an attempt at a time").doesNotContainKey(host);
        int index = plan.indexOf(ring).orElseThrow();
        int atOnce = inTransition.merge(ring, 1, Integer::sum);
        assertThat(atOnce)
                .as("hosts of ring %s in transition at %s", ring, now)
                .isLessThanOrEqualTo(plan.rings().get(index).limit().of(eligible));
        mostInTransition.merge(ring, atOnce, Math::max);
        open.put(host, ring);
        grants.merge(action, 1, Integer::sum);
        switch (action) {
            case LOAD -> loads(ring, index, now, limit);
            case REVERSE -> assertThat(reversing).contains(ring);
        }
    }

    private void loads(String ring, int index, Instant now, Instant limit) {
        assertThat(halted).as("a grant after a halt, at %s", now).isFalse();
        assertThat(paused).as("a grant in a pause, at %s", now).isFalse();
        assertThat(over).as("a grant after the end, at %s", now).isFalse();
        assertThat(now).isAfterOrEqualTo(plan.notBefore());
        if (plan.emergency().isEmpty()) {
            assertInWindow(index, now);
            assertInWindow(index, limit.minusMillis(1));
        }
        if (begun.add(ring) && index > 0) {
            String before = plan.rings().get(index - 1).ring();
            assertThat(actedAt).as("ring %s begins", ring).containsKey(before);
            assertThat(now)
                    .as("ring %s begins before ring %s has soaked", ring, before)
                    .isAfterOrEqualTo(
                            Objects.requireNonNull(actedAt.get(before))
                                    .plus(plan.soakOf(index - 1)));
        }
    }

    private void assertInWindow(int index, Instant moment) {
        var windows = plan.rings().get(index).windows();
        assertThat(
                        windows.isEmpty()
                                || windows.stream()
                                        .anyMatch(w -> MaintenanceWindowTest.isWithin(w, moment)))
                .as("%s is in a window of ring %s", moment, index)
                .isTrue();
    }

    void ended(int host, String ring, Instant now) {
        close(host);
        lastEnded.put(ring, now);
    }

    /** A host whose limit has passed does not count as in transition any more. */
    void expired(int host) {
        close(host);
    }

    private void close(int host) {
        String ring = open.remove(host);
        if (ring != null) {
            inTransition.merge(ring, -1, Integer::sum);
        }
    }

    void waited(WaitCode code) {
        waits.merge(code, 1, Integer::sum);
    }

    void decided(Decision decision, Instant now) {
        Instant said = Instant.parse(decision.line().split(" ", 2)[0]);
        assertThat(said).as(decision.line()).isAfterOrEqualTo(lastLine).isBeforeOrEqualTo(now);
        assertThat(decision.line()).doesNotContain("\n");
        lastLine = said;
        switch (decision) {
            case Decision.SoakBegins soak -> {
                // When its last host had acted: known here without the engine.
                actedAt.put(soak.ring(), lastEnded.get(soak.ring()));
            }
            case Decision.Halts _ -> halted = true;
            case Decision.Pauses _ -> paused = true;
            case Decision.Resumes _ -> {
                halted = false;
                paused = false;
            }
            case Decision.Aborts _ -> over = true;
            case Decision.ReversalBegins begins -> reversing.addAll(begins.rings());
            case Decision.RingBegins _ -> {}
            case Decision.RingPassedOver _ -> {}
            case Decision.RingSoaked _ -> {}
            case Decision.Finished _ -> {}
            case Decision.ReversalNotAllowed _ -> {}
            case Decision.ReversalEnds _ -> {}
            case Decision.GivesWay _ -> over = true;
        }
    }

    int grants(Action action) {
        return grants.getOrDefault(action, 0);
    }

    int waits(WaitCode code) {
        return waits.getOrDefault(code, 0);
    }

    int mostInTransition(String ring) {
        return mostInTransition.getOrDefault(ring, 0);
    }
}
