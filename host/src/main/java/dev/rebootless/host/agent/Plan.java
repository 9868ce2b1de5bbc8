package dev.rebootless.host.agent;

import dev.rebootless.host.agent.LivepatchHost.Kept;
import dev.rebootless.host.agent.LivepatchHost.Loaded;
import dev.rebootless.release.DesiredState;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What a signed state wants done to one kernel build on this host. Both sides of the agent make it
 * for themselves, of the same state.
 *
 * @param step the next thing to be done to the running kernel; one at a time
 * @param install whether what is to be loaded is to be installed as well
 * @param uninstall names to be left out of the next boots
 * @param mayLose whether what is loaded may lack functions of others: all those are to be taken out
 * @param why nothing more is done, for people; empty where all is as it should be
 */
record Plan(
        Optional<Step> step,
        boolean install,
        List<String> uninstall,
        boolean mayLose,
        Optional<String> why) {
    Plan {
        uninstall = List.copyOf(uninstall);
    }

    static final Plan NOTHING =
            new Plan(Optional.empty(), false, List.of(), false, Optional.empty());

    /** Whether the bytes of what is to be loaded are needed. */
    boolean needsModule() {
        return install || step.filter(s -> s.action() == Step.Action.LOAD).isPresent();
    }

    /** Whether files are to be seen to, without touching the kernel. */
    boolean hasUpkeep() {
        return install || !uninstall.isEmpty();
    }

    /**
     * For the running kernel.
     *
     * @param reverse SHA-256 of what the server wants out
     */
    static Plan running(DesiredState state, View view, Optional<String> reverse, Instant now) {
        if (reverse.isPresent()) {
            Optional<Plan> plan = reversal(state, view, reverse.get(), now);
            if (plan.isPresent()) {
                return plan.get();
            }
        }
        List<String> uninstall = uninstall(state, view);
        Optional<Step> out = unload(state, view);
        boolean mayLose = mayLose(state, view);
        if (state.load().isEmpty()) {
            return new Plan(out, false, uninstall, mayLose, Optional.empty());
        }
        DesiredState.Load wanted = state.load().get();
        Optional<String> against = against(state, view, wanted, reverse);
        if (against.isPresent()) {
            return new Plan(out, false, uninstall, mayLose, against);
        }
        Optional<Loaded> there = view.loaded(wanted.name());
        if (there.isEmpty()) {
            Step load = new Step(Step.Action.LOAD, wanted.name(), wanted.sha256());
            // What has to go goes with the load, so that no hole opens in between; if it could not
            // be loaded, it goes without.
            return new Plan(
                    hasFailed(view, load) ? out.or(() -> Optional.of(load)) : Optional.of(load),
                    false,
                    uninstall,
                    mayLose,
                    Optional.empty());
        }
        if (!view.isLoaded(wanted.name(), wanted.sha256())) {
            return new Plan(
                    out,
                    false,
                    uninstall,
                    mayLose,
                    Optional.of(
                            wanted.name()
                                    + " is loaded already, from other bytes or by somebody else, and the state does not say that these go"));
        }
        if (!there.get().enabled() || there.get().transition()) {
            return new Plan(
                    Optional.empty(),
                    false,
                    List.of(),
                    mayLose,
                    Optional.of("a transition of " + wanted.name() + " is running"));
        }
        return new Plan(out, !isKept(view, wanted), uninstall, mayLose, Optional.empty());
    }

    /**
     * For a kernel that boots next: what is withdrawn is left out. Nothing is installed for it: no
     * rollout has said that it is this host's turn, and the next boot would not ask.
     */
    static Plan next(DesiredState state, View view) {
        return new Plan(
                Optional.empty(),
                false,
                uninstall(state, view),
                mayLose(state, view),
                Optional.empty());
    }

    private static Optional<Plan> reversal(
            DesiredState state, View view, String sha256, Instant now) {
        Optional<String> name =
                view.loaded().stream()
                        .map(Loaded::name)
                        .filter(n -> view.isLoaded(n, sha256))
                        .findFirst();
        if (name.isEmpty()) {
            return Optional.empty();
        }
        Step step = new Step(Step.Action.REVERSE, name.get(), sha256);
        boolean allowed =
                state.reversible().stream()
                        .anyMatch(r -> r.sha256().equals(sha256) && now.isBefore(r.until()));
        return Optional.of(
                allowed
                        ? new Plan(Optional.of(step), false, List.of(), false, Optional.empty())
                        : new Plan(
                                Optional.empty(),
                                false,
                                List.of(),
                                false,
                                Optional.of(
                                        "the server wants "
                                                + name.get()
                                                + " out, and the signed state does not allow that (any more)")));
    }

    /** The first that is to go and is loaded with exactly these bytes. */
    private static Optional<Step> unload(DesiredState state, View view) {
        return state.unload().stream()
                .filter(u -> view.isLoaded(u.name(), u.sha256()))
                .map(u -> new Step(Step.Action.UNLOAD, u.name(), u.sha256()))
                .findFirst();
    }

    /** What is loaded is left out of the boots when it is taken out. */
    private static List<String> uninstall(DesiredState state, View view) {
        return state.unload().stream()
                .filter(u -> !view.isLoaded(u.name(), u.sha256()))
                .filter(u ->
                        view.kept(u.name()).filter(k -> k.sha256().equals(u.sha256())).isPresent())
                .map(DesiredState.Unload::name)
                .toList();
    }

    private static boolean mayLose(DesiredState state, View view) {
        Set<String> going =
                state.unload().stream()
                        .map(u -> u.name() + " " + u.sha256())
                        .collect(Collectors.toSet());
        String own = state.load().map(DesiredState.Load::name).orElse("");
        List<String> others =
                Stream.concat(
                                view.loaded().stream()
                                        .map(Loaded::name)
                                        .map(n -> n + " " + view.hashes().getOrDefault(n, "")),
                                view.kept().stream()
                                        .flatMap(List::stream)
                                        .map(k -> k.name() + " " + k.sha256()))
                        .filter(each -> !each.startsWith(own + " "))
                        .toList();
        return !others.isEmpty() && going.containsAll(others);
    }

    /** What speaks against loading it here. */
    private static Optional<String> against(
            DesiredState state, View view, DesiredState.Load wanted, Optional<String> reverse) {
        List<String> reasons = new ArrayList<>();
        if (state.unload().stream().anyMatch(u -> u.sha256().equals(wanted.sha256()))) {
            reasons.add("the state wants " + wanted.name() + " both loaded and taken out");
        }
        if (reverse.filter(wanted.sha256()::equals).isPresent()) {
            reasons.add("the server has " + wanted.name() + " taken out");
        }
        Optional.ofNullable(view.distrusted().get(wanted.sha256()))
                .ifPresent(w -> reasons.add(wanted.name() + " is not loaded here again: " + w));
        view.kept(wanted.name())
                .filter(k -> k.sha256().equals(wanted.sha256()))
                .flatMap(Kept::skipped)
                .ifPresent(w -> reasons.add(wanted.name() + " is skipped here: " + w));
        return reasons.stream().findFirst();
    }

    private static boolean isKept(View view, DesiredState.Load wanted) {
        // Where it cannot be read, installing would not help.
        return view.kept().isEmpty()
                || view.kept(wanted.name())
                        .filter(k -> k.sha256().equals(wanted.sha256()))
                        .isPresent();
    }

    private static boolean hasFailed(View view, Step load) {
        return view.last()
                .filter(o -> o.step().equals(Optional.of(load)))
                .filter(o -> o.result() != Outcome.Result.DONE)
                .isPresent();
    }
}
