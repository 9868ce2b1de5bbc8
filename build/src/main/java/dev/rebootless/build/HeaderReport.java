package dev.rebootless.build;

import dev.rebootless.source.compile.HeaderUnits;
import java.util.Locale;

/** What a changed header reached, in one line. */
final class HeaderReport {
    private HeaderReport() {}

    /**
     * The line.
     *
     * @param compiled the units that were compiled before and after
     * @param changed those of them that go into the livepatch
     */
    static String of(HeaderUnits.Reach reach, int compiled, int changed) {
        return String.format(
                Locale.ROOT,
                "headers: %d considered, %d include them, %d compiled, %d changed (found in %.1f s)",
                reach.considered(),
                reach.including(),
                compiled,
                changed,
                reach.time().toMillis() / 1000.0);
    }
}
