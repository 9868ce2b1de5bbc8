package dev.rebootless.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;

/** A Debian guest in which the host's package is installed. */
final class HostGuest implements AutoCloseable {
    /** What {@code /proc/version} says with the livepatches of {@link GuestFiles#twoVersions}. */
    static final String FIRST = "live patched by Rebootless\n";

    static final String SECOND = "live patched twice by Rebootless\n";

    /** How it begins in the kernel as shipped. */
    static final String SHIPPED = "Linux version ";

    private final String line;
    private final DebianGuest guest;

    HostGuest(String line, DebianGuest guest) {
        this.line = line;
        this.guest = guest;
    }

    DebianGuest guest() {
        return guest;
    }

    /** Runs a shell script as root. */
    DebianGuest.Result run(String script) throws Exception {
        return guest.run(script);
    }

    /** Runs the command, and shows in the test's log what it said. */
    DebianGuest.Result rebootless(String arguments) throws Exception {
        DebianGuest.Result result = guest.run("rebootless " + arguments);
        System.err.println(line + "$ rebootless " + arguments + "\n" + result.out() + result.err());
        return result;
    }

    /** The same with the builder of {@link GuestFiles#bootWithBuilder}. */
    DebianGuest.Result builder(String arguments) throws Exception {
        DebianGuest.Result result = guest.run("rebootless-builder " + arguments);
        System.err.println(line + "$ rebootless " + arguments + "\n" + result.out() + result.err());
        return result;
    }

    String version() throws Exception {
        return run("tail -n 1 /proc/version").out();
    }

    /** The kernel has not complained of anything since this was asked last. */
    void requireCleanLog() throws Exception {
        assertThat(run("dmesg; dmesg -C").out())
                .doesNotContain("Oops", "BUG:", "WARNING:", "Call Trace", "stalls on CPUs");
    }

    /** Takes all livepatches out, and forgets what is installed. */
    void cleanUp() throws Exception {
        run(
                """
                pkill perl
                for folder in /sys/kernel/livepatch/*/; do
                    rebootless unload $(basename $folder) --timeout 20
                done
                rm -rf /var/lib/rebootless
                """);
    }

    @Override
    public void close() throws IOException {
        guest.close();
    }
}
