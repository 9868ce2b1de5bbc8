package dev.rebootless.build;

import dev.rebootless.source.kit.DebianSuite;
import dev.rebootless.source.kit.Kit;
import dev.rebootless.source.kit.Kits;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.stream.Stream;

/**
 * The kit of the newest cloud kernel of a line that apt serves, from this user's cache; made there
 * by the first test that asks. No version is pinned.
 */
public final class StockKernelKit {
    /** Debian 12's own. */
    static final String LINE = "6.1";

    /** With IBT, call padding, constants written at boot, and objtool on the linked whole. */
    static final String IBT_LINE = "6.12";

    /** The suite that is another than this machine's; its line is {@link #IBT_LINE}, too. */
    static final String OTHER_SUITE = "trixie";

    private static final ConcurrentMap<String, Kit> BY_LINE = new ConcurrentHashMap<>();

    private StockKernelKit() {}

    public static Kit get() {
        return get(LINE);
    }

    /** Of both lines, for tests that show the same on each. */
    public static Stream<Kit> ofBothLines() {
        return Stream.of(LINE, IBT_LINE).map(StockKernelKit::get);
    }

    /** Made once for each run; the others wait for it. */
    public static Kit get(String line) {
        return BY_LINE.computeIfAbsent(line, StockKernelKit::find);
    }

    /** Of what another suite serves, with the toolchain of that suite. */
    static Kit ofSuite(String line, String suite) {
        return BY_LINE.computeIfAbsent(
                line + " " + suite,
                _ -> kits().add(kits().newestCloudRelease(line, new DebianSuite(suite))));
    }

    private static Kit find(String line) {
        return kits().add(kits().newestCloudRelease(line));
    }

    private static Kits kits() {
        return new Kits(Kits.userCache(), step -> System.err.println("[kit] " + step));
    }
}
