package dev.rebootless.fleet.rollout;

import java.time.Instant;
import java.util.List;

/** What would happen to a ring. */
public sealed interface Forecast {
    /** Its name. */
    String ring();

    /** In a sentence. */
    String sentence();

    /**
     * Its hosts act.
     *
     * @param waiting hosts that would
     * @param offline hosts that would not be waited for
     * @param limit of hosts in transition at once
     * @param spans when they would, by the windows
     * @param soakUntil when the next ring may begin
     * @param allowed whether its state is signed already; if not, it is assumed to be in time
     */
    record Acts(
            String ring,
            int waiting,
            int offline,
            int limit,
            List<TimeSpan> spans,
            Instant soakUntil,
            boolean allowed)
            implements Forecast {
        public Acts {
            spans = List.copyOf(spans);
        }

        /** When the first hosts may act. */
        public Instant begins() {
            return spans.getFirst().from();
        }

        /** When enough have acted. */
        public Instant acted() {
            return spans.getLast().to();
        }

        @Override
        public String sentence() {
            return "ring %s: %d hosts, at most %d at once%s, from %s to %s%s, soaks until %s%s"
                    .formatted(
                            ring,
                            waiting,
                            limit,
                            offline == 0 ? "" : ", and %d offline".formatted(offline),
                            begins(),
                            acted(),
                            spans.size() == 1 ? "" : " in %d windows".formatted(spans.size()),
                            soakUntil,
                            allowed ? "" : ", if its state is signed by then");
        }
    }

    /**
     * The livepatch is for none of its hosts.
     *
     * @param hosts that are in it
     */
    record PassedOver(String ring, int hosts) implements Forecast {
        @Override
        public String sentence() {
            return "ring %s: the livepatch is for none of its %d hosts; it shows nothing"
                    .formatted(ring, hosts);
        }
    }

    /** It would not come to an end, so no ring after it begins. */
    record Stuck(String ring, String why) implements Forecast {
        @Override
        public String sentence() {
            return "ring %s: it does not come to an end: %s".formatted(ring, why);
        }
    }

    /** A ring before it does not come to an end. */
    record NotReached(String ring) implements Forecast {
        @Override
        public String sentence() {
            return "ring %s: it does not begin".formatted(ring);
        }
    }
}
