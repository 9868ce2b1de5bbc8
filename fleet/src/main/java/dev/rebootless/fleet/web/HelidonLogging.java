package dev.rebootless.fleet.web;

import io.helidon.logging.common.spi.LoggingProvider;
import java.util.logging.Level;
import java.util.logging.Logger;

/** Tells Helidon that its logging is set up: without one it complains on standard error. */
public final class HelidonLogging implements LoggingProvider {
    /** Kept, for the level of a logger that nobody holds is forgotten. */
    private static final Logger HELIDON = Logger.getLogger("io.helidon");

    @Override
    public void initialization() {
        HELIDON.setLevel(Level.WARNING);
    }

    @Override
    public void runTime() {
        HELIDON.setLevel(Level.WARNING);
    }
}
