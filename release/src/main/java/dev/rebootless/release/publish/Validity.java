package dev.rebootless.release.publish;

import dev.rebootless.trust.tuf.TufRole;
import java.time.Duration;
import java.time.Instant;

/**
 * How long metadata last (docs/contract-releases.md): the less a signature costs, the sooner it
 * ends, since a captured server can keep hosts from news for as long.
 */
enum Validity {
    ROOT(Duration.ofDays(365)),
    TARGETS(Duration.ofDays(90)),
    STATE(Duration.ofDays(14)),
    SNAPSHOT(Duration.ofDays(7)),
    TIMESTAMP(Duration.ofDays(1));

    private final Duration lasts;

    Validity(Duration lasts) {
        this.lasts = lasts;
    }

    /** Of the metadata of targets. */
    static Validity ofTargets(String role) {
        return role.equals(TufRole.TARGETS.word()) ? TARGETS : STATE;
    }

    /** When what is signed now ends; whole seconds, as metadata have them. */
    Instant end(Instant now) {
        return Instant.ofEpochSecond(now.plus(lasts).getEpochSecond());
    }

    /** Whether it is time to sign anew: half of it is over. */
    boolean isHalfOver(Instant expires, Instant now) {
        return now.isAfter(expires.minus(lasts.dividedBy(2)));
    }
}
