package dev.rebootless.fleet.rollout;

/**
 * From where on a ring is halted, whichever comes first.
 *
 * @param hosts so many hosts, at least 1
 * @param percent so many of a hundred of the hosts that have acted, 1 to 100
 * @param minimumSample percents count once so many have acted, at least 1
 */
public record Threshold(int hosts, int percent, int minimumSample) {
    boolean isMet(int count, int acted) {
        return count >= hosts || (acted >= minimumSample && count * 100L >= (long) percent * acted);
    }

    /** In words. */
    public String sentence() {
        return "%d hosts, or %d %% once %d have acted".formatted(hosts, percent, minimumSample);
    }
}
