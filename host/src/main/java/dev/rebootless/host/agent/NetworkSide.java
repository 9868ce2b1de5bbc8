package dev.rebootless.host.agent;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Hashes;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.release.DesiredState;
import dev.rebootless.trust.tuf.TufClient;
import dev.rebootless.trust.tuf.TufFault;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What talks to the server, without any rights: {@code report} tells facts, gets what this host
 * should run and asks whether it may be done; {@code outcome} tells what came of it.
 */
final class NetworkSide {
    private static final String TRUSTED = "trusted";
    private static final int MAX_REPORT = 512 << 10;
    private static final int CONFLICT = 409;

    /** As the specification bounds a root (TufClient). */
    private static final long MAX_ROOT = 512 << 10;

    /** An order without an attempt touches files only; it goes with the next report. */
    private static final Duration UPKEEP_LIMIT = Duration.ofHours(1);

    private static final long MAX_LIMIT_SECONDS = 24 * 60 * 60;

    /** Not before three quarters of what the server wants between two reports. */
    private static final double DUE = 0.75;

    private static final Pattern UUID_FORM = Answer.UUID;

    private final AgentMachine machine;
    private final AgentOutput output;
    private final String version;
    private final AgentFolder folder;
    private final AgentFolder apply;

    NetworkSide(AgentMachine machine, AgentOutput output, String version) {
        this.machine = machine;
        this.output = output;
        this.version = version;
        this.folder = new AgentFolder(machine.files(), AgentFolder.AGENT);
        this.apply = new AgentFolder(machine.files(), AgentFolder.APPLY);
    }

    /** What a report was answered with. */
    private record Acknowledged(String ring, Optional<String> reverse) {}

    /** A call: what all of it needs. */
    private record Call(Settings settings, FleetServer server, FleetSession session)
            implements AutoCloseable {
        @Override
        public void close() {
            server.close();
        }
    }

    private Call call() {
        Settings settings = Settings.in(folder);
        FleetServer server =
                new FleetServer(settings.server(), settings.fingerprint(), machine.pause());
        return new Call(
                settings, server, new FleetSession(folder, settings, server, machine.clock()));
    }

    private void requireUser() {
        if (!folder.exists()) {
            throw Settings.notEnrolled();
        }
        folder.requireOwn(
                "run it as that user: systemctl start rebootless-agent, or runuser -u "
                        + machine.user()
                        + " -- rebootless agent report");
    }

    /**
     * Tells facts, and finds out what is to be done.
     *
     * @param ifDue whether to do nothing where the server does not want a report yet
     */
    ExitStatus report(boolean ifDue) {
        requireUser();
        return folder.alone(() -> {
            if (ifDue && !isDue() && order().isEmpty()) {
                output.say("the server wants no report yet");
                return ExitStatus.UNCHANGED;
            }
            try (Call call = call()) {
                boolean _ = tell(call);
                NextBoot next = NextBoot.read(machine.files());
                Optional<NextKernel> nextKernel = nextKernel(next);
                Acknowledged answer = send(call, next, nextKernel);
                if (order().isPresent()) {
                    output.say("an order is not carried out yet; no other is asked for");
                } else {
                    decide(call, answer, nextKernel);
                }
                return ExitStatus.DONE;
            }
        });
    }

    /** Tells what came of the last order, if that is still to be told. */
    ExitStatus outcome() {
        requireUser();
        return folder.alone(() -> {
            if (order().isEmpty() || outcomeOf(order().get()).isEmpty()) {
                return ExitStatus.UNCHANGED;
            }
            try (Call call = call()) {
                if (tell(call)) {
                    NextBoot next = NextBoot.read(machine.files());
                    Acknowledged _ = send(call, next, nextKernel(next));
                }
                return ExitStatus.DONE;
            }
        });
    }

    private boolean isDue() {
        Standing standing = Standing.in(folder);
        long seconds = (long) (standing.intervalSeconds() * DUE);
        return standing.reported()
                .map(at -> {
                    // A time to come is of a clock that was wrong.
                    Instant now = machine.clock().instant();
                    return now.isBefore(at) || !now.isBefore(at.plusSeconds(seconds));
                })
                .orElse(true);
    }

    private Optional<NextKernel> nextKernel(NextBoot next) {
        return NextKernel.read(machine.files(), next, this::sayUnknown);
    }

    private void sayUnknown(String line) {
        output.say("unknown: " + line);
    }

    // ---- orders and outcomes ----

    private Optional<Order> order() {
        try {
            return folder.document(Order.FILE).map(Order::of);
        } catch (RebootlessException e) {
            // Nobody can carry it out; the server sees an attempt without an outcome.
            output.say(e.problems().getFirst().text());
            folder.remove(Order.FILE);
            return Optional.empty();
        }
    }

    private Optional<Outcome> outcomeOf(Order order) {
        return Outcome.in(apply).filter(o -> o.order().equals(order.id()));
    }

    /** Whether something came of the last order, which is now told. */
    private boolean tell(Call call) {
        Optional<Order> order = order();
        Optional<Outcome> outcome = order.flatMap(this::outcomeOf);
        if (order.isEmpty() || outcome.isEmpty()) {
            return false;
        }
        if (order.get().step().isPresent()) {
            try {
                Answer _ =
                        call.session()
                                .post(
                                        "/agent/v1/attempts/" + order.get().id() + "/outcome",
                                        outcome.get().message());
                output.say(
                        "told the server: "
                                + order.get().text()
                                + ": "
                                + outcome.get().result().word());
            } catch (ServerRefusal e) {
                // It knows of no such attempt, or holds it for failed: then it has its answer.
                boolean settled =
                        e.httpStatus() >= 400
                                && e.httpStatus() < 500
                                && e.httpStatus() != 401
                                && e.httpStatus() != 429
                                && !e.has("RBL-FLEET-REPLAY");
                if (!settled) {
                    throw e;
                }
                e.problems().forEach(p -> output.say(p.text()));
            }
        }
        if (outcome.get().problems().stream().anyMatch(p -> p.code().startsWith("RBL-TUF-"))) {
            // Root does not believe what lies here, roots included, and nothing else would get it
            // anew.
            Mirror.drop(folder);
        }
        folder.remove(Order.FILE);
        return true;
    }

    // ---- facts ----

    private Acknowledged send(Call call, NextBoot next, Optional<NextKernel> nextKernel) {
        Facts facts = new Facts(machine.files(), machine.host());
        Standing standing =
                Standing.in(folder)
                        .inBoot(Facts.bootId(machine.files()), Facts.bootTime(machine.files()));
        Map<String, @Nullable Object> all =
                facts.all(version, standing.bootTime(), next, nextKernel.map(NextKernel::buildId));
        byte[] body =
                facts.fitting(
                        all,
                        MAX_REPORT,
                        some ->
                                AgentJson.document()
                                        .put("facts", some)
                                        .text()
                                        .getBytes(StandardCharsets.UTF_8));
        facts.unknown().forEach(this::sayUnknown);
        String hash = Hashes.sha256(body);
        String path = "/agent/v1/report";
        boolean unchanged = standing.facts().filter(hash::equals).isPresent();
        Answer answer =
                unchanged
                        ? call.session().post(path, AgentJson.document().put("unchanged", hash))
                        : call.session().post(path, body);
        if (unchanged && answer.flag("whole")) {
            unchanged = false;
            answer = call.session().post(path, body);
        }
        String ring = answer.text("ring", Standing.RING);
        standing.acknowledged(
                        ring, answer.number("intervalSeconds"), hash, machine.clock().instant())
                .keep(folder);
        output.say(
                "reported to "
                        + call.settings().server()
                        + (unchanged ? ", nothing has changed" : "")
                        + "; ring "
                        + ring);
        return new Acknowledged(ring, answer.optional("reverse", Answer.SHA256));
    }

    // ---- what is to be done ----

    /** A state, and what it wants done here. */
    private record Decided(Optional<DesiredState> state, Plan plan, boolean upkeepOfNext) {}

    private void decide(Call call, Acknowledged answer, Optional<NextKernel> boots) {
        Mirror mirror = new Mirror(folder, call.server());
        LivepatchHost.Kernel kernel = machine.host().kernel();
        Optional<NextKernel> nextKernel = boots.filter(n -> !n.runs(kernel));
        Decided decided;
        try {
            decided = update(mirror, kernel, answer, nextKernel);
        } catch (TufFault e) {
            if (!mirror.usedOlder()) {
                throw e;
            }
            // A file that was damaged here would be believed to be there for ever.
            mirror.forget();
            decided = update(mirror, kernel, answer, nextKernel);
        }
        mirror.commit(newerRoots(call.settings()), MAX_ROOT);
        Plan plan = decided.plan();
        plan.why().ifPresent(output::say);
        if (plan.step().isPresent()) {
            ask(call, answer.ring(), decided.state().orElseThrow(), plan.step().get());
        } else if (plan.hasUpkeep() || decided.upkeepOfNext()) {
            leave(
                    new Order(
                            UUID.randomUUID().toString(),
                            answer.ring(),
                            Optional.empty(),
                            kernel.buildId().orElseThrow(),
                            machine.clock().instant().plus(UPKEEP_LIMIT)));
        } else {
            output.say("nothing is to be done");
        }
    }

    private Decided update(
            Mirror mirror,
            LivepatchHost.Kernel kernel,
            Acknowledged answer,
            Optional<NextKernel> nextKernel) {
        mirror.begin();
        Instant now = machine.clock().instant();
        TufClient client = new TufClient(folder.path(TRUSTED), mirror, machine.clock());
        return client.with(session -> {
            Optional<DesiredState> state =
                    kernel.buildId()
                            .flatMap(build ->
                                    Wanted.state(session, kernel.release(), build, answer.ring()));
            Plan plan =
                    state.map(s ->
                                    Plan.running(
                                            s,
                                            View.running(machine.host(), apply, kernel),
                                            answer.reverse(),
                                            now))
                            .orElse(Plan.NOTHING);
            if (plan.needsModule()) {
                Wanted.Released _ =
                        Wanted.released(session, state.orElseThrow().load().orElseThrow());
            }
            boolean upkeepOfNext = next(session, answer.ring(), nextKernel);
            return new Decided(state, plan, upkeepOfNext);
        });
    }

    /** Gets what the next kernel should run, and says whether something is to be seen to. */
    private boolean next(TufClient.Session session, String ring, Optional<NextKernel> kernel) {
        try {
            Optional<DesiredState> state =
                    kernel.flatMap(n -> Wanted.state(session, n.release(), n.buildId(), ring));
            if (state.isEmpty()) {
                return false;
            }
            Plan plan =
                    Plan.next(state.get(), View.other(machine.host(), apply, kernel.orElseThrow()));
            if (plan.needsModule()) {
                Wanted.Released _ = Wanted.released(session, state.get().load().orElseThrow());
            }
            plan.why().ifPresent(output::say);
            return plan.hasUpkeep();
        } catch (TufFault e) {
            throw e;
        } catch (RebootlessException e) {
            // What was signed wrongly for another kernel is no reason to leave this one open.
            output.say(e.problems().getFirst().text());
            return false;
        }
    }

    /** What came after the root of the enrolment, up to the one that is trusted now. */
    private List<Long> newerRoots(Settings settings) {
        long now =
                new AgentFolder(machine.files(), AgentFolder.AGENT + "/" + TRUSTED)
                        .document("root.json")
                        .map(RootVersion::of)
                        .orElse(settings.rootVersion());
        List<Long> versions = new ArrayList<>();
        for (long version = settings.rootVersion() + 1; version <= now; version++) {
            versions.add(version);
        }
        return versions;
    }

    private void ask(Call call, String ring, DesiredState state, Step step) {
        AgentJson message =
                AgentJson.document()
                        .put("action", step.action().word())
                        .put("livepatch", step.livepatch())
                        .put("sha256", step.sha256())
                        .put("buildId", state.buildId())
                        .put("stateVersion", state.version());
        try {
            Answer answer = call.session().post("/agent/v1/attempts", message);
            long limit = Math.min(answer.number("limitSeconds"), MAX_LIMIT_SECONDS);
            leave(
                    new Order(
                            answer.text("attempt", UUID_FORM),
                            ring,
                            Optional.of(step),
                            state.buildId(),
                            machine.clock().instant().plusSeconds(limit)));
        } catch (ServerRefusal e) {
            if (e.httpStatus() != CONFLICT || !e.has("RBL-FLEET-WAIT")) {
                throw e;
            }
            output.say(step.text() + " has to wait: " + e.problems().getFirst().message());
        }
    }

    private void leave(Order order) {
        folder.write(Order.FILE, order.json());
        output.say("ordered: " + order.text());
    }
}
