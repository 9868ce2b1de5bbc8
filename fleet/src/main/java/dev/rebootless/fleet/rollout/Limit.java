package dev.rebootless.fleet.rollout;

/** How many hosts of a ring may be in transition at once. */
public sealed interface Limit {
    /**
     * So many.
     *
     * @param hosts at least 1
     */
    record Hosts(int hosts) implements Limit {
        @Override
        public int of(int eligible) {
            return hosts;
        }
    }

    /**
     * So many of a hundred of those that the livepatch is for; at least one host.
     *
     * @param percent 1 to 100
     */
    record Percent(int percent) implements Limit {
        @Override
        public int of(int eligible) {
            return Math.max(1, Math.toIntExact((long) eligible * percent / 100));
        }
    }

    /** The number for a ring in which the livepatch is for so many hosts. */
    int of(int eligible);
}
