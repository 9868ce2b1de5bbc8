package dev.rebootless.source.kit;

import java.time.Duration;

/**
 * The kit of the newest 6.1 cloud kernel in this user's cache, made when it is not there yet: tests
 * that only read share it, so that it is paid for once a machine.
 */
final class UserKit {
    private UserKit() {}

    static Kit newest() {
        return Once.KIT;
    }

    private static final class Once {
        static final Kit KIT = add();
    }

    private static Kit add() {
        Kits kits = new Kits(Kits.userCache(), System.err::println);
        return kits.add(kits.newestCloudRelease("6.1"));
    }

    /** How long a kit may take on a machine that does much else. */
    static final Duration PATIENCE = Duration.ofMinutes(8);
}
