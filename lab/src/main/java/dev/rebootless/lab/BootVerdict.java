package dev.rebootless.lab;

import dev.rebootless.lab.GuestMessage.Direction;
import dev.rebootless.manifest.ProofBoot;
import dev.rebootless.manifest.ProofCheck;
import dev.rebootless.manifest.ProofLogProblem;
import dev.rebootless.manifest.ProofStep;
import dev.rebootless.manifest.ProofTask;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
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
    private final List<ProofStep> steps = new ArrayList<>();
    private final TargetVerdict targets;
    private final EarlierVerdict earlier;
    private final Life first = new Life();
    private Life life = first;
    private long taintedAtFirst;

    /** From loading the livepatch to its removal. */
    private static final class Life {
        OptionalDouble loadSeconds = OptionalDouble.empty();
        OptionalDouble transitionSeconds = OptionalDouble.empty();
        OptionalDouble disableSeconds = OptionalDouble.empty();
        OptionalDouble unloadSeconds = OptionalDouble.empty();
        boolean taintsSeen;
        boolean reversed;
        boolean unloaded;

        boolean isWhole() {
            return loadSeconds.isPresent()
                    && transitionSeconds.isPresent()
                    && disableSeconds.isPresent()
                    && taintsSeen
                    && unloaded
                    && !reversed;
        }
    }

    private BootVerdict(ProofRequest request, Guest.Result result) {
        this.request = request;
        this.result = result;
        this.targets = new TargetVerdict(request, reasons);
        this.earlier = new EarlierVerdict(request, reasons);
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
        List<ProofLogProblem> problems = result.problems();
        for (ProofLogProblem problem : problems) {
            reasons.add("kernel log, " + problem.kind() + ": " + problem.lines().getFirst());
        }
        return new ProofBoot(
                profile.model(),
                profile.kernelParameters(),
                accelerator.word(),
                result.bootSeconds().orElse(0.0),
                first.loadSeconds,
                first.transitionSeconds,
                first.unloadSeconds,
                patched,
                waiting,
                targets.targets(),
                earlier.earlier(),
                steps,
                checks,
                lagging,
                problems,
                reasons,
                reasons.isEmpty());
    }

    private void take(GuestMessage message) {
        ProofSteps.of(message, request).ifPresent(steps::add);
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
            case GuestMessage.Function function -> takeFunction(function);
            case GuestMessage.Taints taints -> {
                life.taintsSeen = true;
                Taint.forbidden(taints.moduleLetters())
                        .forEach(taint -> reasons.add("the module is tainted: " + taint));
                takeTaints(taints.tainted());
            }
            case GuestMessage.StageBegins begins -> takeStage(begins);
            case GuestMessage.Insert insert -> targets.take(insert);
            case GuestMessage.Remove remove -> targets.take(remove);
            case GuestMessage.Earlier one -> earlier.take(one);
            case GuestMessage.Release release -> earlier.take(release);
            case GuestMessage.Unload unload -> {
                life.unloaded = unload.status() == 0;
                life.unloadSeconds =
                        OptionalDouble.of(life.disableSeconds.orElse(0) + unload.seconds());
                if (!life.unloaded) {
                    reasons.add("the module could not be removed: " + unload.error());
                }
            }
            case GuestMessage.End end -> takeTaints(end.tainted());
        }
    }

    private void takeStage(GuestMessage.StageBegins begins) {
        targets.begin(begins.stage());
        switch (begins.stage()) {
            // No livepatch has been there yet: what taints there are, the kernel's own modules
            // brought.
            case PRESENT -> taintedAtFirst |= begins.tainted();
            case ABSENT -> life = new Life();
            case LATE, AGAIN -> takeTaints(begins.tainted());
        }
    }

    private void takeFunction(GuestMessage.Function function) {
        targets.take(function);
        if (life == first) {
            (function.patched() ? patched : waiting).add(function.object() + ":" + function.name());
        }
    }

    private void takeLoad(GuestMessage.Load load) {
        boolean theModule = ProofSteps.isTheModule(load, request);
        if (!theModule) {
            earlier.take(load);
        }
        if (load.status() == 0) {
            if (theModule) {
                life.loadSeconds = OptionalDouble.of(load.seconds());
            }
            return;
        }
        String which =
                theModule
                        ? "the module"
                        : "module " + (load.index() + 1) + " of those to be loaded first";
        reasons.add(
                which
                        + " could not be loaded"
                        + inSecondLife()
                        + ": "
                        + load.error()
                        + load.kernelLines().stream()
                                .map(line -> "\n  " + line)
                                .reduce("", String::concat));
    }

    private void takeTransition(GuestMessage.Transition transition) {
        String seconds = String.format(Locale.ROOT, "%.1f s", transition.seconds());
        switch (transition.direction()) {
            case EARLIER -> {}
            case ENABLE -> life.transitionSeconds = OptionalDouble.of(transition.seconds());
            case DISABLE, REVERSE -> life.disableSeconds = OptionalDouble.of(transition.seconds());
        }
        life.reversed |= transition.direction() == Direction.REVERSE && transition.done();
        if (!transition.done()) {
            reasons.add(
                    switch (transition.direction()) {
                                case EARLIER ->
                                        "the transition to a livepatch that was loaded first did not end within "
                                                + seconds;
                                case ENABLE ->
                                        "the transition did not end within "
                                                + seconds
                                                + " and was cancelled";
                                case DISABLE -> "the transition back did not end within " + seconds;
                                case REVERSE ->
                                        "the cancelled transition could not be reversed within "
                                                + seconds;
                            }
                            + inSecondLife());
        }
    }

    private String inSecondLife() {
        return life == first ? "" : " (loaded before its targets)";
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
                continue;
            }
            fault(check)
                    .ifPresent(fault -> {
                        if (targets.unavailable().isEmpty()) {
                            reasons.add(fault);
                        } else {
                            targets.excuse(fault);
                        }
                    });
        }
    }

    private Optional<String> fault(ProofCheck check) {
        return switch (check.phase()) {
            case "before" ->
                    check.succeeded()
                            ? Optional.of(
                                    "the check passes already before the module is loaded, so it shows nothing")
                            : Optional.empty();
            case "during" -> mustPass(check, "");
            case "late" -> mustPass(check, " and its targets came after it");
            case "again" -> mustPass(check, " and its targets came again");
            case "after" ->
                    earlier.stacked()
                            ? mustBeAsWithTheEarlier(check)
                            : check.succeeded()
                                    ? Optional.of(
                                            "the check still passes after the module was removed: what it sees is not the"
                                                    + " module's doing")
                                    : Optional.empty();
            default -> Optional.empty();
        };
    }

    /** What was below the module is in force again, and nothing else. */
    private Optional<String> mustBeAsWithTheEarlier(ProofCheck after) {
        return checks.stream()
                .filter(check -> check.phase().equals("earlier"))
                .filter(check -> check.succeeded() != after.succeeded())
                .findFirst()
                .map(check ->
                        "the check "
                                + (after.succeeded() ? "passes" : "fails")
                                + " after the module was removed, but with the earlier livepatches"
                                + " alone it "
                                + (check.succeeded() ? "passed" : "failed")
                                + " before");
    }

    private static Optional<String> mustPass(ProofCheck check, String when) {
        return check.succeeded()
                ? Optional.empty()
                : Optional.of(
                        "the check fails while the module is in force"
                                + when
                                + ": exit status "
                                + check.exitCode()
                                + lastLineOf(check));
    }

    /** Every step must have been seen, also when nothing says that one failed. */
    private void requireLifeOfTheModule() {
        if (!reasons.isEmpty()) {
            return;
        }
        if (request.check().isPresent()) {
            List<String> phases = new ArrayList<>(List.of("before"));
            if (request.module().isPresent()) {
                if (!request.earlierModules().isEmpty()) {
                    phases.add("earlier");
                }
                phases.addAll(List.of("during", "after"));
            }
            if (targets.secondLifeExpected()) {
                phases.add("late");
            }
            if (targets.reloadExpected()) {
                phases.add("again");
            }
            if (!checks.stream().map(ProofCheck::phase).toList().equals(phases)) {
                reasons.add("the check did not run in each phase");
            }
        }
        earlier.requireFates();
        if (request.module().isPresent()) {
            if (!first.isWhole()) {
                reasons.add("the guest did not report the whole life of the module");
            }
            if (targets.secondLifeExpected() && (life == first || !life.isWhole())) {
                reasons.add(
                        "the guest did not report the whole life of the module"
                                + " that was loaded before its targets");
            }
            if (patched.isEmpty() && targets.unavailable().isEmpty()) {
                reasons.add("the livepatch patches no function of what is loaded in the guest");
            }
            targets.requireLives();
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
            case GuestMessage.StageBegins begins ->
                    switch (begins.stage()) {
                        case PRESENT -> "the targets are there as far as they can be";
                        case ABSENT -> "the livepatch once more, before its targets";
                        case LATE -> "the targets come under the livepatch";
                        case AGAIN -> "the targets come again";
                    };
            case GuestMessage.Insert insert ->
                    insert.status() == 0
                            ? String.format(
                                    Locale.ROOT,
                                    "%s inserted in %.2f s",
                                    insert.target(),
                                    insert.seconds())
                            : insert.target() + " not inserted: " + insert.error();
            case GuestMessage.Remove remove ->
                    remove.module() + (remove.status() == 0 ? " removed" : " not removed");
            case GuestMessage.Earlier one ->
                    (one.name().isEmpty() ? "module " + one.index() : one.name())
                            + switch (one.fate()) {
                                case STAYS -> " is in force ";
                                case GONE -> " is gone ";
                                case DISABLED -> " is disabled and does not go ";
                                case NONE -> " is no livepatch ";
                            }
                            + switch (one.when()) {
                                case BEFORE -> "before the livepatch";
                                case DURING -> "with the livepatch";
                                case AFTER -> "after the livepatch";
                            };
            case GuestMessage.Release release ->
                    release.name() + (release.status() == 0 ? " removed" : " not removed");
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
