package dev.rebootless.host;

import java.nio.file.Path;
import java.time.Duration;

/**
 * What is to be loaded, and what may come of it.
 *
 * @param timeout for the transition; then it is cancelled, which may take as long again
 * @param unproven whether a module may be loaded that no boot has proven
 * @param allowRegression whether functions and CVEs of livepatches that it replaces may be lost
 * @param replaceForeign whether it may take over from livepatches that are not ours
 */
public record LoadRequest(
        Path module,
        Duration timeout,
        boolean unproven,
        boolean allowRegression,
        boolean replaceForeign) {}
