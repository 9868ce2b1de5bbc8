package dev.rebootless.fleet.rollout;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.fleet.rollout.HostProgress.Action;
import dev.rebootless.fleet.rollout.HostProgress.Attempt;
import dev.rebootless.fleet.rollout.HostProgress.Ended;
import dev.rebootless.fleet.rollout.HostProgress.Outcome;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.Set;
import java.util.UUID;

/**
 * A fleet of hosts that report, ask, load, fail and fall silent, and a server that asks the engine.
 * What the hosts do is told to {@link Witness}, which does not know the engine's counts.
 */
final class SimulatedFleet {
    /** How often the server decides. */
    static final Duration TICK = Duration.ofMinutes(10);

    /**
     * What goes wrong, as shares of the hosts.
     *
     * @param fails cannot load
     * @param hangs never says what came of it
     * @param oopses takes it out again
     * @param dies is not heard of some time after it has loaded
     * @param refuses at the first try
     * @param late is not there in the beginning, and comes back within days
     */
    record Faults(
            double fails, double hangs, double oopses, double dies, double refuses, double late) {
        static final Faults NONE = new Faults(0, 0, 0, 0, 0, 0);
    }

    private enum Fate {
        WELL,
        FAILS,
        HANGS,
        OOPSES,
        DIES,
        REFUSES
    }

    private enum Kind {
        TICK,
        REPORT,
        OUTCOME,
        EXPIRY
    }

    private record Event(Instant at, int number, Kind kind, int host) {}

    private final RolloutPlan plan;
    private final Random random;
    private final boolean clockGoesBack;
    private final String[] rings;
    private final Fate[] fates;
    private final Instant[] deaths;
    private final HostProgress[] hosts;
    private final HostStanding[] standings;
    private final Map<String, EnumMap<HostStanding, Integer>> counts = new HashMap<>();
    private final Map<String, Integer> sizes = new HashMap<>();
    private final PriorityQueue<Event> queue =
            new PriorityQueue<>(Comparator.comparing(Event::at).thenComparingInt(Event::number));
    private final List<Decision> log = new ArrayList<>();
    private final Witness witness;
    private RolloutState state;
    private Instant now;
    private int number;

    SimulatedFleet(
            RolloutPlan plan, Rings rings, int size, Faults faults, Instant start, Random random) {
        this.plan = plan;
        this.random = random;
        this.clockGoesBack = !faults.equals(Faults.NONE);
        this.rings = new String[size];
        this.fates = new Fate[size];
        this.deaths = new Instant[size];
        this.hosts = new HostProgress[size];
        this.standings = new HostStanding[size];
        this.now = start;
        this.state = RolloutState.initial(start);
        for (int i = 0; i < size; i++) {
            this.rings[i] =
                    rings.ringOf(
                            new UUID(random.nextLong(), random.nextLong()).toString(), Set.of());
            sizes.merge(this.rings[i], 1, Integer::sum);
            fates[i] = fate(faults);
            deaths[i] = Instant.MAX;
            boolean late = random.nextDouble() < faults.late();
            Instant before = start.minusSeconds(seconds(plan.pace().reportPeriod()));
            hosts[i] =
                    new HostProgress(
                            late ? start.minus(Duration.ofDays(9)) : before,
                            Optional.empty(),
                            Optional.empty());
            schedule(
                    late
                            ? start.plusSeconds(seconds(Duration.ofDays(3)))
                            : before.plus(plan.pace().reportPeriod()),
                    Kind.REPORT,
                    i);
        }
        plan.rings().forEach(r -> counts.put(r.ring(), new EnumMap<>(HostStanding.class)));
        for (int i = 0; i < size; i++) {
            standings[i] = standing(i);
            counts(this.rings[i]).merge(standings[i], 1, Integer::sum);
        }
        this.witness = new Witness(plan);
    }

    /** The facts of the moment. */
    RolloutFacts facts() {
        return new RolloutFacts(plan.rings().stream().map(r -> facts(r.ring())).toList());
    }

    /**
     * Until it is done, over or halted for good, or a time has passed; people intervene at random
     * if anything can go wrong.
     */
    RolloutState run(Duration atMost) {
        Instant end = now.plus(atMost);
        schedule(now, Kind.TICK, 0);
        while (now.isBefore(end) && !isSettled()) {
            Event event = queue.remove();
            assertThat(event.at()).isAfterOrEqualTo(now);
            now = event.at();
            switch (event.kind()) {
                case TICK -> tick();
                case REPORT -> report(event.host());
                case OUTCOME -> outcome(event.host());
                case EXPIRY -> witness.expired(event.host());
            }
        }
        return state;
    }

    List<Decision> log() {
        return log;
    }

    Witness witness() {
        return witness;
    }

    private EnumMap<HostStanding, Integer> counts(String ring) {
        return Objects.requireNonNull(counts.get(ring), ring);
    }

    private boolean isSettled() {
        return switch (state.phase()) {
            case Phase.Over _ -> true;
            case Phase.Done done -> !now.isBefore(done.since().plus(Duration.ofHours(4)));
            case Phase.Halted halted -> !now.isBefore(halted.since().plus(Duration.ofHours(12)));
            case Phase.Waiting _ -> false;
            case Phase.Running _ -> false;
            case Phase.Soaking _ -> false;
            case Phase.Paused _ -> false;
            case Phase.Reversing reversing ->
                    !now.isBefore(reversing.since().plus(Duration.ofDays(2)));
        };
    }

    private void tick() {
        schedule(now.plus(TICK), Kind.TICK, 0);
        for (int i = 0; i < hosts.length; i++) {
            update(i);
        }
        recount();
        take(RolloutEngine.decide(plan, state, facts(), now));
        if (clockGoesBack) {
            intervene();
            // Another server decides as well, and its clock is behind.
            Instant behind = now.minusSeconds(random.nextInt(180));
            take(RolloutEngine.decide(plan, state, facts(), behind));
        }
    }

    private void intervene() {
        Person operator = new Person("olga", Role.OPERATOR);
        Person approver = new Person("anna", Role.APPROVER);
        int dice = random.nextInt(1000);
        Optional<RolloutEvent> event =
                switch (state.phase()) {
                    case Phase.Going _ when dice < 6 ->
                            Optional.of(new RolloutEvent.Pause(operator, "lunch"));
                    case Phase.Going going when dice == 6 && going.begun(3) > 0 ->
                            Optional.of(new RolloutEvent.Reverse(approver, "slow"));
                    case Phase.Paused _ when dice < 60 ->
                            Optional.of(new RolloutEvent.Resume(operator, "lunch is over"));
                    case Phase.Halted _ when dice < 100 ->
                            Optional.of(new RolloutEvent.Resume(approver, "a broken switch"));
                    case Phase.Halted _ when dice == 100 ->
                            Optional.of(new RolloutEvent.Abort(operator, "it is bad"));
                    case Phase _ -> Optional.empty();
                };
        event.ifPresent(e -> take(RolloutEngine.apply(plan, state, e, facts(), now)));
    }

    private void take(Step step) {
        state = step.state();
        log.addAll(step.decisions());
        step.decisions().forEach(d -> witness.decided(d, now));
    }

    private void report(int host) {
        if (!now.isBefore(deaths[host])) {
            return;
        }
        hosts[host] = new HostProgress(now, hosts[host].attempt(), hosts[host].bootedAgain());
        update(host);
        String ring = rings[host];
        boolean out = RolloutEngine.toBeTakenOut(plan, state, ring).isPresent();
        // Who has it does not ask, though it might.
        boolean has = standings[host] == HostStanding.DONE || standings[host] == HostStanding.AWAY;
        boolean wants =
                out ? standings[host] == HostStanding.DONE : standings[host].mayLoad() && !has;
        // Whose attempt is open is busy.
        if (wants && !standings[host].isInTransition()) {
            switch (RolloutEngine.mayAct(plan, state, ring, facts(ring), now)) {
                case Answer.Granted granted -> begin(host, Action.LOAD, granted.limitSeconds());
                case Answer.Reverse reverse -> {
                    if (out) {
                        begin(host, Action.REVERSE, reverse.limitSeconds());
                    }
                }
                case Answer.Wait wait -> {
                    witness.waited(wait.code());
                    assertThat(wait.retryAfter()).isPositive();
                }
            }
        }
        // systemd spreads timers at random: here, three minutes to either side.
        schedule(
                now.plus(plan.pace().reportPeriod()).plusSeconds(random.nextInt(-180, 181)),
                Kind.REPORT,
                host);
    }

    private void begin(int host, Action action, long limitSeconds) {
        Instant limit = now.plusSeconds(limitSeconds);
        witness.granted(host, rings[host], action, now, limit, facts(rings[host]).eligible());
        hosts[host] =
                new HostProgress(
                        now,
                        Optional.of(new Attempt(action, now, Optional.empty())),
                        Optional.empty());
        update(host);
        schedule(limit.plusMillis(1), Kind.EXPIRY, host);
        if (fates[host] == Fate.HANGS && action == Action.LOAD) {
            deaths[host] = now;
        } else {
            schedule(now.plusSeconds(30 + random.nextInt(60)), Kind.OUTCOME, host);
        }
    }

    private void outcome(int host) {
        Attempt attempt = hosts[host].attempt().orElseThrow();
        Outcome outcome =
                switch (attempt.action()) {
                    case REVERSE -> Outcome.DONE;
                    case LOAD ->
                            switch (fates[host]) {
                                case WELL, HANGS -> Outcome.DONE;
                                case FAILS -> Outcome.FAILED;
                                case OOPSES -> Outcome.REVERSED;
                                case REFUSES -> Outcome.REFUSED;
                                case DIES -> Outcome.DONE;
                            };
                };
        if (fates[host] == Fate.DIES) {
            deaths[host] = now.plusSeconds(seconds(Duration.ofHours(4)));
        } else if (fates[host] == Fate.REFUSES) {
            fates[host] = Fate.WELL;
        }
        witness.ended(host, rings[host], now);
        hosts[host] =
                new HostProgress(
                        now,
                        Optional.of(
                                new Attempt(
                                        attempt.action(),
                                        attempt.granted(),
                                        Optional.of(new Ended(outcome, now)))),
                        Optional.empty());
        update(host);
    }

    /** The counts that are kept as things happen are those that counting gives. */
    private void recount() {
        Map<String, EnumMap<HostStanding, Integer>> again = new HashMap<>();
        for (int i = 0; i < hosts.length; i++) {
            again.computeIfAbsent(rings[i], _ -> new EnumMap<>(HostStanding.class))
                    .merge(standings[i], 1, Integer::sum);
        }
        int sum = 0;
        for (RingFacts ring : facts().rings()) {
            assertThat(ring.eligible()).isEqualTo(ring.hosts());
            for (HostStanding standing : HostStanding.values()) {
                assertThat(ring.count(standing))
                        .isEqualTo(
                                again.getOrDefault(ring.ring(), new EnumMap<>(HostStanding.class))
                                        .getOrDefault(standing, 0));
            }
            sum += ring.eligible();
        }
        assertThat(sum).isEqualTo(hosts.length);
    }

    private void update(int host) {
        HostStanding next = standing(host);
        if (next != standings[host]) {
            EnumMap<HostStanding, Integer> ring = counts(rings[host]);
            ring.merge(standings[host], -1, Integer::sum);
            ring.merge(next, 1, Integer::sum);
            standings[host] = next;
        }
    }

    private HostStanding standing(int host) {
        int index = plan.indexOf(rings[host]).orElseThrow();
        return hosts[host].standing(plan.pace(), plan.soakOf(index), now);
    }

    private RingFacts facts(String ring) {
        return new RingFacts(
                ring,
                sizes.getOrDefault(ring, 0),
                counts(ring),
                Optional.empty(),
                true,
                Optional.of(Plans.START.plus(Duration.ofDays(365))));
    }

    private Fate fate(Faults faults) {
        double dice = random.nextDouble();
        double[] shares = {
            faults.fails(), faults.hangs(), faults.oopses(), faults.dies(), faults.refuses()
        };
        Fate[] fates = {Fate.FAILS, Fate.HANGS, Fate.OOPSES, Fate.DIES, Fate.REFUSES};
        for (int i = 0; i < shares.length; i++) {
            if (dice < shares[i]) {
                return fates[i];
            }
            dice -= shares[i];
        }
        return Fate.WELL;
    }

    private void schedule(Instant at, Kind kind, int host) {
        queue.add(new Event(at, number++, kind, host));
    }

    private long seconds(Duration within) {
        return random.nextLong(within.toSeconds());
    }
}
