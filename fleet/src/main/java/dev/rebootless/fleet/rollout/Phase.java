package dev.rebootless.fleet.rollout;

import java.time.Instant;
import java.util.List;

/** Where a rollout is. Rings are numbered from 0, in the plan's order. */
public sealed interface Phase {
    /** Since when. */
    Instant since();

    /** It goes on by itself. */
    sealed interface Going extends Phase {
        /** How many rings have begun, of so many: hosts of these may act. */
        int begun(int rings);
    }

    /** It will not go on. */
    sealed interface Over extends Phase {}

    /** A ring is next, but may not begin yet. */
    record Waiting(int ring, Instant since) implements Going {
        @Override
        public int begun(int rings) {
            return ring;
        }
    }

    /** The hosts of a ring act. */
    record Running(int ring, Instant since) implements Going {
        @Override
        public int begun(int rings) {
            return ring + 1;
        }
    }

    /**
     * A ring has acted and is watched.
     *
     * @param until when the next one may begin
     */
    record Soaking(int ring, Instant since, Instant until) implements Going {
        @Override
        public int begun(int rings) {
            return ring + 1;
        }
    }

    /** All rings have soaked. Hosts that come late still act, and may still halt it. */
    record Done(Instant since) implements Going {
        @Override
        public int begun(int rings) {
            return rings;
        }
    }

    /**
     * A person has paused it. Soak times go on: the hosts that have acted are watched as before.
     *
     * @param before where it goes on
     */
    record Paused(Going before, Person by, String reason, Instant since) implements Phase {}

    /**
     * Too much went wrong.
     *
     * @param before where it goes on if an approver resumes it
     */
    record Halted(Going before, List<Evidence> evidence, Instant since) implements Phase {
        public Halted {
            evidence = List.copyOf(evidence);
        }
    }

    /**
     * The livepatch is being taken out of hosts.
     *
     * @param rings names of the rings whose hosts these are
     * @param evidence what halted it; none if a person ordered it
     */
    record Reversing(List<String> rings, List<Evidence> evidence, Instant since) implements Phase {
        public Reversing {
            rings = List.copyOf(rings);
            evidence = List.copyOf(evidence);
        }
    }

    /**
     * The livepatch is out of all hosts of some rings that could be reached. Those that come back
     * later are told, too, as long as the signed state allows it.
     *
     * @param rings their names
     * @param left hosts that may still have it
     */
    record Reversed(List<String> rings, int left, Instant since) implements Over {
        public Reversed {
            rings = List.copyOf(rings);
        }
    }

    /** A person has ended it; what is loaded stays. */
    record Aborted(Person by, String reason, Instant since) implements Over {}

    /**
     * Another rollout has taken its place.
     *
     * @param successor its name
     */
    record Superseded(Person by, String successor, Instant since) implements Over {}
}
