package dev.rebootless.host.agent;

import dev.rebootless.host.files.HostFiles;
import java.io.InputStream;
import java.time.Clock;
import java.time.Duration;
import java.util.function.Consumer;

/**
 * The machine that the agent is of, or what stands for one in a test.
 *
 * @param files of it
 * @param host what its other commands do
 * @param user as whom the network side runs
 * @param units of systemd's
 * @param pause waits
 * @param clock of this machine
 * @param in standard input
 */
public record AgentMachine(
        HostFiles files,
        LivepatchHost host,
        String user,
        AgentUnits units,
        Consumer<Duration> pause,
        Clock clock,
        InputStream in) {
    /** As whom the network side runs; the package brings this user (sysusers.d(5)). */
    public static final String USER = "rebootless";
}
