package dev.rebootless.fleet.staging;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.fleet.rollout.HaltRules;
import dev.rebootless.fleet.rollout.Limit;
import dev.rebootless.fleet.rollout.Livepatch;
import dev.rebootless.fleet.rollout.Pace;
import dev.rebootless.fleet.rollout.PlannedRing;
import dev.rebootless.fleet.rollout.RolloutPlan;
import dev.rebootless.fleet.rollout.Threshold;
import dev.rebootless.release.DesiredState;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.BiFunction;

/** Makes plans of what people order: of what they leave out, the usual. */
public final class RolloutOrder {
    /** Whoever is asleep when the canary crashes has woken up. */
    private static final Duration USUAL_SOAK = Duration.ofHours(12);

    /** The engine wants two report periods at least, and looks at hosts that report late. */
    private static final int SOAK_PERIODS = 3;

    private static final int USUAL_LIMIT_PERCENT = 10;
    private static final int USUAL_COMPLETE_PERCENT = 90;

    private final List<String> rings;
    private final Duration interval;
    private final BiFunction<String, String, Optional<DesiredState>> states;

    /**
     * Orders for a fleet.
     *
     * @param rings their names in order
     * @param interval between two reports of a host
     * @param states the published state of a build id and ring
     */
    public RolloutOrder(
            List<String> rings,
            Duration interval,
            BiFunction<String, String, Optional<DesiredState>> states) {
        this.rings = List.copyOf(rings);
        this.interval = interval;
        this.states = states;
    }

    /**
     * What a person orders.
     *
     * @param name of the rollout
     * @param module name of the livepatch's, as {@code /proc/modules} shows it
     * @param buildId of the kernel
     * @param rings as JSON, a list of {@link PlannedRing}; empty for all, as usual
     * @param notBefore when the first ring may begin
     * @param knownExploited CVEs that are being exploited; none where it is no emergency
     */
    public record Wish(
            String name,
            String module,
            String buildId,
            Optional<String> rings,
            Instant notBefore,
            List<String> knownExploited) {
        public Wish {
            knownExploited = List.copyOf(knownExploited);
        }
    }

    /**
     * The plan.
     *
     * @throws RebootlessException exit status 2: {@code RBL-ROLLOUT-…}; 4 {@code
     *     RBL-ROLLOUT-UNSIGNED} when no ring's signed state has the livepatch
     */
    public RolloutPlan plan(Wish wish) {
        Pace pace = new Pace(interval, Pace.USUAL.silentAfter(), Pace.USUAL.attemptLimit());
        List<PlannedRing> planned =
                wish.rings()
                        .map(json -> rings(json))
                        .orElseGet(() -> rings.stream().map(this::usual).toList());
        return new RolloutPlan(
                wish.name(),
                livepatch(wish),
                planned,
                wish.notBefore(),
                pace,
                wish.knownExploited().isEmpty()
                        ? Optional.empty()
                        : Optional.of(
                                new dev.rebootless.fleet.rollout.Emergency(
                                        wish.knownExploited(), shortestSoak())));
    }

    private static List<PlannedRing> rings(String json) {
        PlannedRing[] sent = RolloutJson.sent(json, PlannedRing[].class);
        if (Arrays.stream(sent).anyMatch(Objects::isNull)) {
            throw RebootlessException.usage(
                    "RBL-ROLLOUT-FORMAT",
                    "rings",
                    "one of them is null",
                    "see the schema RolloutOrder in the server's OpenAPI document");
        }
        return List.of(sent);
    }

    private Duration shortestSoak() {
        return interval.multipliedBy(SOAK_PERIODS);
    }

    /** One oops halts; so do three hosts, or five of a hundred, that fail or go silent. */
    private PlannedRing usual(String ring) {
        Duration soak = shortestSoak().compareTo(USUAL_SOAK) > 0 ? shortestSoak() : USUAL_SOAK;
        Threshold some = new Threshold(3, 5, 20);
        return new PlannedRing(
                ring,
                List.of(),
                soak,
                new Limit.Percent(USUAL_LIMIT_PERCENT),
                USUAL_COMPLETE_PERCENT,
                new HaltRules(some, new Threshold(1, 1, 1), some),
                true);
    }

    /** As the signed states have it: what is in none of them, no host loads. */
    private Livepatch livepatch(Wish wish) {
        for (String ring : rings) {
            Optional<DesiredState.Load> load =
                    states.apply(wish.buildId(), ring)
                            .flatMap(DesiredState::load)
                            .filter(l -> l.name().equals(wish.module()));
            if (load.isPresent()) {
                return new Livepatch(
                        load.get().sha256(), load.get().name(), wish.buildId(), load.get().cves());
            }
        }
        throw RebootlessException.refused(
                "RBL-ROLLOUT-UNSIGNED",
                wish.module(),
                "no ring's signed state for this kernel build has this livepatch",
                "`rebootless promote` it to the rings first");
    }
}
