package dev.rebootless.build;

import dev.rebootless.base.Progress;
import dev.rebootless.source.kit.Kit;
import dev.rebootless.source.kit.Kits;

/**
 * The kit of the newest cloud kernel of the 6.1 line that apt serves, from this user's cache; made
 * there by the first test that asks. No version is pinned.
 */
final class StockKernelKit {
    private static final String LINE = "6.1";

    private StockKernelKit() {}

    /** Made once for each run; the others wait for it. */
    private static final class Once {
        static final Kit KIT = find();

        private static Kit find() {
            Progress progress = step -> System.err.println("[kit] " + step);
            Kits kits = new Kits(Kits.userCache(), progress);
            return kits.add(kits.newestCloudRelease(LINE));
        }
    }

    static Kit get() {
        return Once.KIT;
    }
}
