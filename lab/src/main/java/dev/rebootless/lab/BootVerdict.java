package dev.rebootless.lab;

import dev.rebootless.lab.GuestMessage.Direction;
import dev.rebootless.manifest.ProofBoot;
import dev.rebootless.manifest.ProofCheck;
import dev.rebootless.manifest.ProofLogProblem;
import dev.rebootless.manifest.ProofTask;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;

/**
 * Turns what a guest reported into a boot of the proof. Whatever is not shown counts against it: a
 * step that was asked for and not reported fails the proof as surely as one that was reported to
 * fail.
 */
final class BootVerdict {
    private final ProofRequest request;
    private final Guest.Result result;
    private final List<String> reasons = new ArrayList<>();
    private final List<ProofCheck> checks = new ArrayList<>();
    private final List<ProofTask> lagging = new ArrayList<>();
    private final List<String> patched = new ArrayList<>();
    private final List<String> waiting = new ArrayList<>();
    private OptionalDouble loadSeconds = OptionalDouble.empty();
    private OptionalDouble transitionSeconds = OptionalDouble.empty();
    private OptionalDouble disableSeconds = OptionalDouble.empty();
    private OptionalDouble unloadSeconds = OptionalDouble.empty();
    private long taintedAtFirst;
    private boolean loadedAll = true;
    private boolean taintsSeen;
    private boolean reversed;
    private boolean unloaded;

    private BootVerdict(ProofRequest request, Guest.Result result) {
        this.request = request;
        this.result = result;
    }

    /** The boot of one profile; {@code result} is of a guest that came up. */
    static ProofBoot of(
            ProofRequest request,
            CpuProfile profile,
            Accelerator accelerator,
            Guest.Result result) {
        return new BootVerdict(request, result).boot(profile, accelerator);
    }

    private ProofBoot boot(CpuProfile profile, Accelerator accelerator) {
        result.messages().forEach(this::take);
        result.ended().ifPresent(why -> reasons.add(why + "; " + lastStep()));
        if (result.damagedLines() > 0) {
            reasons.add(
                    "the guest's report is damaged: "
                            + result.damagedLines()
                            + " lines made no sense");
        }
        requireChecks();
        requireLifeOfTheModule();
        List<ProofLogProblem> problems = result.log().problems();
        for (ProofLogProblem problem : problems) {
            reasons.add("kernel log, " + problem.kind() + ": " + problem.lines().getFirst());
        }
        return new ProofBoot(
                profile.model(),
                profile.kernelParameters(),
                accelerator.word(),
                result.bootSeconds().orElse(0.0),
                loadSeconds,
                transitionSeconds,
                unloadSeconds,
                patched,
                waiting,
                checks,
                lagging,
                problems,
                reasons,
                reasons.isEmpty());
    }

    private void take(GuestMessage message) {
        switch (message) {
            case GuestMessage.Ready ready -> taintedAtFirst = ready.tainted();
            case GuestMessage.Check check -> checks.add(check.result());
            case GuestMessage.Load load -> takeLoad(load);
            case GuestMessage.Livepatch livepatch -> {
                if (livepatch.name().isEmpty()) {
                    reasons.add("the module was loaded, but the kernel lists no new livepatch");
                }
            }
            case GuestMessage.Transition transition -> takeTransition(transition);
            case GuestMessage.Lagging task -> takeTask(task.task());
            case GuestMessage.Function function ->
                    (function.patched() ? patched : waiting)
                            .add(function.object() + ":" + function.name());
            case GuestMessage.Taints taints -> {
                taintsSeen = true;
                Taint.forbidden(taints.moduleLetters())
                        .forEach(taint -> reasons.add("the module is tainted: " + taint));
                takeTaints(taints.tainted());
            }
            case GuestMessage.Unload unload -> {
                unloaded = unload.status() == 0;
                unloadSeconds = OptionalDouble.of(disableSeconds.orElse(0) + unload.seconds());
                if (!unloaded) {
                    reasons.add("the module could not be removed: " + unload.error());
                }
            }
            case GuestMessage.End end -> takeTaints(end.tainted());
        }
    }

    private void takeLoad(GuestMessage.Load load) {
        boolean theModule =
                request.module().isPresent() && load.index() == request.earlierModules().size();
        if (theModule) {
            loadSeconds = OptionalDouble.of(load.seconds());
        }
        if (load.status() != 0) {
            loadedAll = false;
            String which =
                    theModule
                            ? "the module"
                            : "module " + (load.index() + 1) + " of those to be loaded first";
            reasons.add(
                    which
                            + " could not be loaded: "
                            + load.error()
                            + load.kernelLines().stream()
                                    .map(line -> "\n  " + line)
                                    .reduce("", String::concat));
        }
    }

    private void takeTransition(GuestMessage.Transition transition) {
        String seconds = String.format(Locale.ROOT, "%.1f s", transition.seconds());
        if (transition.direction() == Direction.ENABLE) {
            transitionSeconds = OptionalDouble.of(transition.seconds());
        } else {
            disableSeconds = OptionalDouble.of(transition.seconds());
        }
        reversed |= transition.direction() == Direction.REVERSE && transition.done();
        if (!transition.done()) {
            reasons.add(
                    switch (transition.direction()) {
                        case ENABLE ->
                                "the transition did not end within "
                                        + seconds
                                        + " and was cancelled";
                        case DISABLE -> "the transition back did not end within " + seconds;
                        case REVERSE ->
                                "the cancelled transition could not be reversed within " + seconds;
                    });
        }
    }

    private void takeTask(ProofTask task) {
        lagging.add(task);
        String where = task.stack().isEmpty() ? "" : ", in " + String.join(" < ", task.stack());
        reasons.add("lagging task: " + task.comm() + " (" + task.pid() + ")" + where);
    }

    /** Taints that this boot brought; each is named once. */
    private void takeTaints(long tainted) {
        for (String taint : Taint.forbidden(tainted & ~taintedAtFirst)) {
            String reason = "the kernel is tainted: " + taint;
            if (!reasons.contains(reason)) {
                reasons.add(reason);
            }
        }
    }

    private void requireChecks() {
        for (ProofCheck check : checks) {
            if (check.timedOut()) {
                reasons.add(
                        "the check "
                                + check.phase()
                                + " did not end within "
                                + request.checkTimeout().toSeconds()
                                + " s");
            } else if (check.phase().equals("before") && check.succeeded()) {
                reasons.add(
                        "the check passes already before the module is loaded, so it shows nothing");
            } else if (check.phase().equals("during") && !check.succeeded()) {
                reasons.add(
                        "the check fails while the module is in force: exit status "
                                + check.exitCode()
                                + lastLineOf(check));
            } else if (check.phase().equals("after") && check.succeeded()) {
                reasons.add(
                        "the check still passes after the module was removed: what it sees is not the"
                                + " module's doing");
            }
        }
    }

    /** Every step must have been seen, also when nothing says that one failed. */
    private void requireLifeOfTheModule() {
        if (!reasons.isEmpty()) {
            return;
        }
        if (request.check().isPresent()) {
            List<String> phases =
                    request.module().isPresent()
                            ? List.of("before", "during", "after")
                            : List.of("before");
            if (!checks.stream().map(ProofCheck::phase).toList().equals(phases)) {
                reasons.add("the check did not run in each phase");
            }
        }
        if (request.module().isPresent()) {
            boolean whole =
                    loadedAll && loadSeconds.isPresent() && taintsSeen && unloaded && !reversed;
            if (!whole || transitionSeconds.isEmpty() || disableSeconds.isEmpty()) {
                reasons.add("the guest did not report the whole life of the module");
            }
            if (patched.isEmpty()) {
                reasons.add("the livepatch patches no function of what is loaded in the guest");
            }
        }
    }

    private String lastStep() {
        return result.messages().isEmpty()
                ? "it reported nothing"
                : "its last report was: " + describe(result.messages().getLast());
    }

    /** A report in a few words, for progress and messages. */
    static String describe(GuestMessage message) {
        return switch (message) {
            case GuestMessage.Ready ready -> "up: " + ready.release();
            case GuestMessage.Check check ->
                    "check "
                            + check.result().phase()
                            + ": exit status "
                            + check.result().exitCode();
            case GuestMessage.Load load ->
                    load.status() == 0
                            ? String.format(Locale.ROOT, "loaded in %.2f s", load.seconds())
                            : "not loaded: " + load.error();
            case GuestMessage.Livepatch livepatch -> "livepatch " + livepatch.name();
            case GuestMessage.Transition transition ->
                    String.format(
                            Locale.ROOT,
                            "transition (%s) %s %.1f s",
                            transition.direction().name().toLowerCase(Locale.ROOT),
                            transition.done() ? "done in" : "not done after",
                            transition.seconds());
            case GuestMessage.Lagging lagging -> "lagging task " + lagging.task().comm();
            case GuestMessage.Function function ->
                    "function " + function.object() + ":" + function.name();
            case GuestMessage.Taints taints -> "taints " + taints.moduleLetters();
            case GuestMessage.Unload unload -> unload.status() == 0 ? "removed" : "not removed";
            case GuestMessage.End end -> "done";
        };
    }

    private static String lastLineOf(ProofCheck check) {
        return check.output()
                .lines()
                .filter(line -> !line.isBlank())
                .reduce((first, second) -> second)
                .map(line -> ", " + line.substring(0, Math.min(200, line.length())))
                .orElse("");
    }
}
