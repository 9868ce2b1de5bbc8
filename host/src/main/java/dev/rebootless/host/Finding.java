package dev.rebootless.host;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * One thing that was looked at before a livepatch is loaded.
 *
 * @param what was looked at, in a few words
 * @param verdict what came of it
 */
public record Finding(String what, Verdict verdict) {
    /** What came of looking. */
    public sealed interface Verdict {}

    /** Nothing stands in the way. */
    public record Fine(String how) implements Verdict {}

    /** It could not be read; the load goes on, and the kernel itself decides. */
    public record Unknown(String why) implements Verdict {}

    /** The load goes on, and somebody should know. */
    public record Warning(String message) implements Verdict {}

    /** The load does not begin. */
    public record Refusal(ExitStatus status, Problem problem) implements Verdict {}

    static Finding fine(String what, String how) {
        return new Finding(what, new Fine(how));
    }

    static Finding unknown(String what, String why) {
        return new Finding(what, new Unknown(why));
    }

    static Finding warning(String what, String message) {
        return new Finding(what, new Warning(message));
    }

    static Finding refusal(String what, String code, String place, String message, String remedy) {
        return new Finding(
                what, new Refusal(ExitStatus.REFUSED, new Problem(code, place, message, remedy)));
    }

    static Finding environment(
            String what, String code, String place, String message, String remedy) {
        return new Finding(
                what,
                new Refusal(ExitStatus.ENVIRONMENT, new Problem(code, place, message, remedy)));
    }

    /** The refusal, where it is one. */
    Optional<Refusal> refused() {
        return verdict instanceof Refusal refusal ? Optional.of(refusal) : Optional.empty();
    }

    /**
     * Stops where something speaks against going on.
     *
     * @throws RebootlessException with every refusal, and the most serious of their statuses
     */
    static void requireNoRefusal(List<Finding> findings) {
        List<Problem> problems = new ArrayList<>();
        ExitStatus status = ExitStatus.DONE;
        for (Finding finding : findings) {
            Optional<Finding.Refusal> refusal = finding.refused();
            if (refusal.isPresent()) {
                problems.add(refusal.get().problem());
                status = status.orWorse(refusal.get().status());
            }
        }
        if (!problems.isEmpty()) {
            throw new RebootlessException(status, problems);
        }
    }
}
