package dev.rebootless.fleet.rollout;

/**
 * What halts a rollout, by what went wrong on hosts of a ring.
 *
 * @param failures attempts that failed, or had no outcome in time
 * @param oopses livepatches that were taken out again because the kernel had an oops
 * @param silent hosts that have acted and were not heard of since
 */
public record HaltRules(Threshold failures, Threshold oopses, Threshold silent) {
    Threshold of(Cause cause) {
        return switch (cause) {
            case FAILURES -> failures;
            case OOPSES -> oopses;
            case SILENT -> silent;
        };
    }
}
