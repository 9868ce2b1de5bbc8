package dev.rebootless.host.agent;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.host.agent.LivepatchHost.Loaded;
import dev.rebootless.host.files.JsonObject;
import dev.rebootless.trust.tuf.TufClient;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The side with rights and without network: carries out what the network side has ordered, if the
 * signed state that it verifies itself says the same. All that it reads of the other side is
 * hostile. Whatever ends a call, the next one finds out what is in force and says that.
 */
final class Applying {
    private static final int MAX_ORDER = 16 << 10;

    private final AgentMachine machine;
    private final LivepatchHost host;
    private final AgentOutput output;
    private final AgentFolder apply;
    private final AgentFolder trusted;
    private final Journal journal;
    private final ForeignFolder agent;

    Applying(AgentMachine machine, AgentOutput output) {
        this.machine = machine;
        this.host = machine.host();
        this.output = output;
        this.apply = new AgentFolder(machine.files(), AgentFolder.APPLY);
        this.trusted = new AgentFolder(machine.files(), AgentFolder.TRUSTED);
        this.journal = new Journal(apply);
        this.agent = new ForeignFolder(machine.files().path(AgentFolder.AGENT));
    }

    /** Carries out the order that is there, once. */
    ExitStatus run() {
        if (!trusted.exists()) {
            throw Settings.notEnrolled();
        }
        trusted.requireOwn("run it as root: systemctl start rebootless-apply");
        apply.create(true);
        return apply.alone(() -> {
            Optional<Order> order = order();
            if (order.isEmpty()
                    || Outcome.in(apply)
                            .filter(o -> o.order().equals(order.get().id()))
                            .isPresent()) {
                output.say("there is no order");
                return ExitStatus.UNCHANGED;
            }
            Outcome outcome = carryOut(order.get());
            apply.write(Outcome.FILE, outcome.json());
            journal.forgetBegun();
            removeFiles();
            output.say(order.get().text() + ": " + outcome.result().word());
            if (!outcome.problems().isEmpty()) {
                throw new RebootlessException(status(outcome), outcome.problems());
            }
            return ExitStatus.DONE;
        });
    }

    private static ExitStatus status(Outcome outcome) {
        return switch (outcome.result()) {
            case DONE -> ExitStatus.ENVIRONMENT;
            case REFUSED -> ExitStatus.REFUSED;
            case FAILED, REVERSED -> ExitStatus.KERNEL_SAID_NO;
        };
    }

    private Optional<Order> order() {
        return agent.read(Order.FILE, MAX_ORDER)
                .map(bytes -> {
                    String place = AgentFolder.AGENT + "/" + Order.FILE;
                    String text = new String(bytes, StandardCharsets.UTF_8);
                    try {
                        return Order.of(
                                new Answer(
                                        place,
                                        bytes.length > MAX_ORDER
                                                ? java.util.Map.of()
                                                : JsonObject.parse(text),
                                        Answer.Origin.ORDER));
                    } catch (JsonObject.NoneException e) {
                        // Not what it says: it may be any file's content.
                        throw RebootlessException.refused(
                                "RBL-AGENT-ORDER",
                                place,
                                "is no order",
                                "the next report makes another");
                    }
                });
    }

    private Outcome carryOut(Order order) {
        boolean touched = false;
        try {
            Optional<Journal.Begun> begun = begun(order);
            if (begun.isEmpty()) {
                return verified(order);
            }
            if (!order.step().equals(Optional.of(begun.get().step()))) {
                throw refusal("it is not what it was when it was begun");
            }
            touched = true;
            return interrupted(order, begun.get());
        } catch (RebootlessException e) {
            if (e.status() == ExitStatus.INTERRUPTED) {
                throw e;
            }
            return Outcome.not(
                    order,
                    touched ? Outcome.Result.FAILED : Outcome.Result.REFUSED,
                    e.status(),
                    e.problems());
        }
    }

    /**
     * Whether this order was begun and has no outcome. What was begun of another is forgotten: an
     * order may be brought back by whoever writes it, and what the state allowed once it may not
     * allow now.
     */
    private Optional<Journal.Begun> begun(Order order) {
        Optional<Journal.Begun> begun = journal.begun();
        if (begun.isEmpty() || begun.get().order().equals(order.id())) {
            return begun;
        }
        journal.forgetBegun();
        return Optional.empty();
    }

    // ---- what a call that was killed has left ----

    /** The kernel may have been touched: what is in force says what came of it. */
    private Outcome interrupted(Order order, Journal.Begun begun) {
        Step step = begun.step();
        if (begun.bootId().equals(host.bootId())) {
            boolean settled = host.settle();
            Optional<Loaded> there =
                    host.loaded().stream()
                            .filter(l -> l.name().equals(step.livepatch()))
                            .findFirst();
            boolean wanted =
                    step.action() == Step.Action.LOAD
                            && there.filter(Loaded::enabled).isPresent()
                            && settled;
            if (there.isPresent() && !wanted) {
                // On its way in and held up, or on its way out.
                host.unload(step.livepatch());
            }
        }
        LivepatchHost.Kernel kernel = host.kernel();
        View view = View.running(host, apply, kernel);
        boolean loaded = view.isLoaded(step.livepatch(), step.sha256());
        if (loaded == (step.action() == Step.Action.LOAD)) {
            return Outcome.done(
                    order, Optional.empty(), loaded ? List.of() : leftOut(kernel, view, step));
        }
        return Outcome.not(
                order,
                Outcome.Result.FAILED,
                ExitStatus.KERNEL_SAID_NO,
                List.of(
                        new Problem(
                                "RBL-AGENT-CUT-OFF",
                                step.livepatch(),
                                "the call that was to "
                                        + step.action().word()
                                        + " it was ended in the middle"
                                        + (begun.bootId().equals(host.bootId())
                                                ? ""
                                                : ", with the machine")
                                        + ", and it is "
                                        + (loaded ? "in force" : "not in force"),
                                "see why in the journal: journalctl -u rebootless-apply")));
    }

    private List<Problem> leftOut(LivepatchHost.Kernel kernel, View view, Step step) {
        return kernel.buildId()
                .map(build ->
                        new Upkeep(host).leaveOut(kernel.release(), build, view, step).problems())
                .orElse(List.of());
    }

    // ---- what the signed state says ----

    private Outcome verified(Order order) {
        LivepatchHost.Kernel kernel = host.kernel();
        String build =
                kernel.buildId()
                        .orElseThrow(() -> refusal("the build of the running kernel is not known"));
        if (!order.buildId().equals(build)) {
            throw refusal("it is for another kernel than the one that runs");
        }
        Optional<String> reverse =
                order.step().filter(s -> s.action() == Step.Action.REVERSE).map(Step::sha256);
        // From the folder whose parent is root's on: a link in place of this one is seen as well.
        TufClient client =
                new TufClient(
                        trusted.path(""),
                        (name, most) -> agent.read(Mirror.FOLDER + "/" + name, most),
                        machine.clock());
        Verified verified =
                client.with(session ->
                        new Verified.Reader(session, machine, apply, order.ring(), output::say)
                                .read(kernel, build, reverse));
        verified.plan().why().ifPresent(output::say);
        Outcome outcome =
                order.step()
                        .map(step -> decide(order, step, verified))
                        .orElseGet(() -> Outcome.done(order, Optional.empty(), upkeep(verified)));
        Upkeep later = new Upkeep(host);
        verified.next().ifPresent(later::all);
        if (order.step().isPresent()) {
            later.problems().forEach(p -> output.say(p.text()));
            return outcome;
        }
        List<Problem> all = new ArrayList<>(outcome.problems());
        all.addAll(later.problems());
        return Outcome.done(order, Optional.empty(), all);
    }

    private List<Problem> upkeep(Verified verified) {
        Upkeep upkeep = new Upkeep(host);
        verified.running().ifPresent(upkeep::all);
        return upkeep.problems();
    }

    private void removeFiles() {
        if (Files.exists(apply.path(Verified.Reader.FILES), LinkOption.NOFOLLOW_LINKS)) {
            AtomicFiles.removeTreeQuietly(apply.path(Verified.Reader.FILES));
        }
    }

    private static RebootlessException refusal(String why) {
        return RebootlessException.refused(
                "RBL-AGENT-ORDER",
                AgentFolder.AGENT + "/" + Order.FILE,
                why,
                "nothing was touched; the next report finds out anew what is to be done");
    }

    private Outcome decide(Order order, Step step, Verified verified) {
        if (!verified.plan().step().equals(Optional.of(step))) {
            if (isReached(step, verified)) {
                return Outcome.done(order, Optional.empty(), upkeep(verified));
            }
            throw refusal(
                    "it says to "
                            + step.text()
                            + ", and the signed state "
                            + verified.plan()
                                    .step()
                                    .map(s -> "wants to " + s.text() + " here")
                                    .orElse("wants nothing of the kind here")
                            + verified.plan().why().map(w -> ": " + w).orElse(""));
        }
        if (!machine.clock().instant().isBefore(order.until())) {
            throw RebootlessException.refused(
                    "RBL-AGENT-ORDER-LATE",
                    step.livepatch(),
                    "the server allowed this until " + order.until() + ", which is over",
                    "nothing was touched; see why rebootless-apply did not run before");
        }
        return switch (step.action()) {
            case LOAD -> load(order, step, verified);
            case UNLOAD, REVERSE -> takeOut(order, step, verified);
        };
    }

    /** Whether it is already as the order would have it, and the state says so too. */
    private static boolean isReached(Step step, Verified verified) {
        return step.action() == Step.Action.LOAD
                && verified.running()
                        .flatMap(r -> r.state().load())
                        .filter(l ->
                                l.name().equals(step.livepatch())
                                        && l.sha256().equals(step.sha256()))
                        .isPresent()
                && verified.view().isLoaded(step.livepatch(), step.sha256())
                && verified.view()
                        .loaded(step.livepatch())
                        .filter(l -> l.enabled() && !l.transition())
                        .isPresent();
    }

    // ---- what is done ----

    /** What happened while the kernel got it. */
    private final class Watcher implements LivepatchHost.Progress {
        private final Order order;
        private final Step step;
        private boolean touched;
        private Optional<Double> seconds = Optional.empty();

        Watcher(Order order, Step step) {
            this.order = order;
            this.step = step;
        }

        @Override
        public void cleared() {
            String boot = host.bootId();
            journal.loading(step.livepatch(), step.sha256(), order.buildId(), boot);
            journal.begin(new Journal.Begun(order.id(), boot, step));
            touched = true;
        }

        @Override
        public void inForce(double took) {
            seconds = Optional.of(took);
        }
    }

    private Outcome load(Order order, Step step, Verified verified) {
        Verified.ForKernel here = verified.running().orElseThrow();
        Watcher watcher = new Watcher(order, step);
        try {
            host.load(
                    here.module().orElseThrow(), step.livepatch(), here.plan().mayLose(), watcher);
        } catch (RebootlessException e) {
            if (e.status() == ExitStatus.INTERRUPTED) {
                throw e;
            }
            return notLoaded(order, step, watcher, e);
        }
        Upkeep upkeep = new Upkeep(host).install(here).leaveOut(here);
        return Outcome.done(order, watcher.seconds, upkeep.problems());
    }

    private Outcome notLoaded(Order order, Step step, Watcher watcher, RebootlessException e) {
        Problem first = e.problems().getFirst();
        boolean oops = first.code().equals("RBL-HOST-OOPS");
        if (oops) {
            journal.distrust(
                    step.livepatch(), step.sha256(), first.message(), machine.clock().instant());
        }
        boolean gone = host.loaded().stream().noneMatch(l -> l.name().equals(step.livepatch()));
        Outcome.Result result =
                oops && gone
                        ? Outcome.Result.REVERSED
                        : watcher.touched ? Outcome.Result.FAILED : Outcome.Result.REFUSED;
        return Outcome.not(order, result, e.status(), e.problems());
    }

    private Outcome takeOut(Order order, Step step, Verified verified) {
        journal.begin(new Journal.Begun(order.id(), host.bootId(), step));
        try {
            host.unload(step.livepatch());
        } catch (RebootlessException e) {
            if (e.status() == ExitStatus.INTERRUPTED) {
                throw e;
            }
            return Outcome.not(order, Outcome.Result.FAILED, e.status(), e.problems());
        }
        Verified.ForKernel here = verified.running().orElseThrow();
        Upkeep upkeep =
                new Upkeep(host)
                        .leaveOut(here.release(), here.buildId(), verified.view(), step)
                        .leaveOut(here);
        return Outcome.done(order, Optional.empty(), upkeep.problems());
    }
}
