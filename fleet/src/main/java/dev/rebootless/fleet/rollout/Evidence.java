package dev.rebootless.fleet.rollout;

/**
 * Why a rollout is halted.
 *
 * @param ring whose hosts show it
 * @param cause what went wrong
 * @param hosts on how many hosts, without those that an approver has accepted
 * @param accepted on how many more, which an approver has accepted
 * @param acted of how many that have acted
 * @param threshold that this meets
 */
public record Evidence(
        String ring, Cause cause, int hosts, int accepted, int acted, Threshold threshold) {
    /** In words. */
    public String sentence() {
        String more = accepted == 0 ? "" : " (and " + accepted + " that were accepted)";
        return "in ring %s %d of %d hosts %s%s; %s halt it"
                .formatted(ring, hosts, acted, cause.words(), more, threshold.sentence());
    }

    boolean isOfSame(Evidence other) {
        return ring.equals(other.ring) && cause == other.cause;
    }
}
