package dev.rebootless.fleet.rollout;

import dev.rebootless.base.Printable;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/** Something that was decided, for the audit log. */
public sealed interface Decision {
    /** When. */
    Instant at();

    /** What, in a sentence without line ends. */
    String sentence();

    /** As a line: when, and what. */
    default String line() {
        return at() + " " + sentence();
    }

    /** The hosts of a ring may act from now on. */
    record RingBegins(Instant at, String ring, int eligible, int hosts, int limit)
            implements Decision {
        @Override
        public String sentence() {
            return ("ring %s begins: the livepatch is for %d of its %d hosts, of which %d may be in"
                            + " transition at once")
                    .formatted(ring, eligible, hosts, limit);
        }
    }

    /** The livepatch is for no host of a ring. */
    record RingPassedOver(Instant at, String ring, int hosts) implements Decision {
        @Override
        public String sentence() {
            return "ring %s is passed over: the livepatch is for none of its %d hosts"
                    .formatted(ring, hosts);
        }
    }

    /**
     * A ring has acted and is watched.
     *
     * @param done on how many hosts the livepatch is in force
     * @param acted of how many
     * @param offline hosts that are not waited for
     * @param refused hosts that refused by themselves
     */
    record SoakBegins(
            Instant at,
            String ring,
            int done,
            int acted,
            int offline,
            Optional<Instant> offlineSince,
            int refused,
            Instant until)
            implements Decision {
        @Override
        public String sentence() {
            return "ring %s has acted and soaks until %s: in force on %d of %d hosts%s%s"
                    .formatted(
                            ring,
                            until,
                            done,
                            acted,
                            offline == 0
                                    ? ""
                                    : ", %d offline%s"
                                            .formatted(
                                                    offline,
                                                    offlineSince
                                                            .map(s -> " (since " + s + ")")
                                                            .orElse("")),
                            refused == 0 ? "" : ", %d refused".formatted(refused));
        }
    }

    /** A ring was watched long enough. */
    record RingSoaked(Instant at, String ring, int done, int acted) implements Decision {
        @Override
        public String sentence() {
            return "ring %s has soaked: in force on %d of %d hosts".formatted(ring, done, acted);
        }
    }

    /** All rings have soaked. */
    record Finished(Instant at) implements Decision {
        @Override
        public String sentence() {
            return "the rollout is done: all rings have soaked, and hosts that come late still act";
        }
    }

    /** Too much went wrong: nobody is allowed anything from now on. */
    record Halts(Instant at, List<Evidence> evidence) implements Decision {
        public Halts {
            evidence = List.copyOf(evidence);
        }

        @Override
        public String sentence() {
            return "halted: "
                    + evidence.stream().map(Evidence::sentence).collect(Collectors.joining(", "));
        }
    }

    /** The livepatch is to be taken out of hosts. */
    record ReversalBegins(Instant at, List<String> rings, int hosts) implements Decision {
        public ReversalBegins {
            rings = List.copyOf(rings);
        }

        @Override
        public String sentence() {
            return "the livepatch is taken out of ring %s: %d hosts have it, or may have it soon"
                    .formatted(String.join(", ", rings), hosts);
        }
    }

    /** The livepatch would be taken out of a ring, but no signature allows it. */
    record ReversalNotAllowed(Instant at, String ring, Optional<Instant> until)
            implements Decision {
        @Override
        public String sentence() {
            return "the livepatch stays on ring %s: %s"
                    .formatted(
                            ring,
                            until.map(u -> "the signed consent to take it out ended at " + u)
                                    .orElse("there is no signed consent to take it out"));
        }
    }

    /** The livepatch was taken out. */
    record ReversalEnds(Instant at, List<String> rings, int left) implements Decision {
        public ReversalEnds {
            rings = List.copyOf(rings);
        }

        @Override
        public String sentence() {
            return "the livepatch is out of ring %s; %d hosts may still have it"
                    .formatted(String.join(", ", rings), left);
        }
    }

    /** By a person. */
    record Pauses(Instant at, Person by, String reason) implements Decision {
        @Override
        public String sentence() {
            return "paused by " + by + ": " + Printable.text(reason);
        }
    }

    /**
     * By a person.
     *
     * @param accepted what went wrong and halts it no more; none after a pause
     */
    record Resumes(Instant at, Person by, String reason, List<Accepted> accepted)
            implements Decision {
        public Resumes {
            accepted = List.copyOf(accepted);
        }

        @Override
        public String sentence() {
            String what =
                    accepted.stream()
                            .map(a ->
                                    "%d hosts of ring %s that %s"
                                            .formatted(a.hosts(), a.ring(), a.cause().words()))
                            .collect(Collectors.joining(", "));
            return "resumed by "
                    + by
                    + ": "
                    + Printable.text(reason)
                    + (what.isEmpty() ? "" : "; accepted: " + what);
        }
    }

    /** By a person. */
    record Aborts(Instant at, Person by, String reason) implements Decision {
        @Override
        public String sentence() {
            return "aborted by " + by + ": " + Printable.text(reason);
        }
    }

    /** By a person. */
    record GivesWay(Instant at, Person by, String successor) implements Decision {
        @Override
        public String sentence() {
            return "superseded by the rollout " + Printable.text(successor) + ", ordered by " + by;
        }
    }
}
