package dev.rebootless.manifest;

import java.util.List;
import java.util.OptionalDouble;

/**
 * One boot of the stock kernel on one CPU model. Times are seconds; what was not reached has none.
 *
 * @param cpuModel as QEMU names it
 * @param kernelParameters added to the kernel's command line for this model
 * @param accelerator {@code tcg} or {@code kvm}
 * @param bootSeconds from the start of QEMU to the guest's first report, on the host's clock
 * @param loadSeconds of the module's insmod, on the guest's clock, in hundredths
 * @param transitionSeconds from the end of insmod until no task was left in the old code, or until
 *     it was given up
 * @param unloadSeconds from disabling until the module was removed
 * @param functionsPatched of the livepatch's first life, {@code OBJECT:FUNCTION,SYMPOS}, as the
 *     kernel lists them in /sys/kernel/livepatch
 * @param functionsWaiting the same, for objects that are not loaded in the guest
 * @param targets what was shown of each module that the livepatch patches; empty when no target was
 *     given, and then none is inserted
 * @param earlier what became of the livepatches that were loaded before it, in the order of loading
 * @param steps all that was done in the guest, in order
 * @param checks what the check script printed in each phase
 * @param laggingTasks tasks that kept a transition from ending
 * @param logProblems what the kernel complained of, in the order of its log
 * @param reasons why this boot failed; empty when it passed
 * @param passed whether there is no such reason
 */
public record ProofBoot(
        String cpuModel,
        List<String> kernelParameters,
        String accelerator,
        double bootSeconds,
        OptionalDouble loadSeconds,
        OptionalDouble transitionSeconds,
        OptionalDouble unloadSeconds,
        List<String> functionsPatched,
        List<String> functionsWaiting,
        List<ProofTarget> targets,
        List<ProofEarlier> earlier,
        List<ProofStep> steps,
        List<ProofCheck> checks,
        List<ProofTask> laggingTasks,
        List<ProofLogProblem> logProblems,
        List<String> reasons,
        boolean passed) {
    public ProofBoot {
        kernelParameters = List.copyOf(kernelParameters);
        functionsPatched = List.copyOf(functionsPatched);
        functionsWaiting = List.copyOf(functionsWaiting);
        targets = List.copyOf(targets);
        earlier = List.copyOf(earlier);
        steps = List.copyOf(steps);
        checks = List.copyOf(checks);
        laggingTasks = List.copyOf(laggingTasks);
        logProblems = List.copyOf(logProblems);
        reasons = List.copyOf(reasons);
        if (passed != reasons.isEmpty()) {
            throw new IllegalArgumentException(
                    "a boot passes if and only if nothing speaks against it");
        }
    }
}
