package dev.rebootless.lab;

import dev.rebootless.manifest.ProofCheck;
import dev.rebootless.manifest.ProofLogProblem;
import java.util.List;

/**
 * What a script left that was run on a stock kernel.
 *
 * @param kernelRelease as {@code uname -r} printed it in the guest
 * @param bootSeconds from the start of QEMU to the guest's first report
 * @param run its exit status and what it printed
 * @param logProblems what the kernel complained of meanwhile
 */
public record ScriptResult(
        String kernelRelease,
        double bootSeconds,
        ProofCheck run,
        List<ProofLogProblem> logProblems) {
    public ScriptResult {
        logProblems = List.copyOf(logProblems);
    }
}
