package dev.rebootless.host;

import java.nio.file.Path;
import java.time.Duration;

/**
 * What is to be loaded, and what may come of it.
 *
 * @param timeout for the transition; then it is cancelled, which may take as long again
 * @param watch how long the kernel's log is followed afterwards; zero for not at all
 * @param reverseOnWarn whether a WARN or hung task in the livepatch's code takes it out again, as
 *     an oops does
 * @param unproven whether a module may be loaded that no boot has proven
 * @param allowRegression whether functions and CVEs of livepatches that it replaces may be lost
 * @param replaceForeign whether it may take over from livepatches that are not ours
 */
public record LoadRequest(
        Path module,
        Duration timeout,
        Duration watch,
        boolean reverseOnWarn,
        boolean unproven,
        boolean allowRegression,
        boolean replaceForeign) {
    /** Seconds for a transition, where nothing is said. */
    public static final int TIMEOUT = 60;

    /** Seconds for which the kernel's log is followed, where nothing is said. */
    public static final int WATCH = 30;

    /** The most seconds that either may be. */
    public static final int MAX_SECONDS = 24 * 60 * 60;
}
