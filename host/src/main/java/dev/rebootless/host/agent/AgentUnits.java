package dev.rebootless.host.agent;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.base.Subprocess;
import java.time.Duration;

/** The timer that calls the agent. */
@FunctionalInterface
public interface AgentUnits {
    /**
     * Begins, now and at each boot.
     *
     * @throws RebootlessException exit status 5 {@code RBL-AGENT-UNITS}
     */
    void enable();

    /** systemd's. */
    AgentUnits SYSTEMD =
            () -> {
                Subprocess.Result result =
                        Subprocess.of(
                                        "systemctl",
                                        "--quiet",
                                        "enable",
                                        "--now",
                                        "rebootless-agent.timer")
                                .deadline(Duration.ofMinutes(1))
                                .run();
                if (!result.ok()) {
                    throw RebootlessException.environment(
                            "RBL-AGENT-UNITS",
                            "rebootless-agent.timer",
                            "this host is enrolled, but systemctl could not enable it: "
                                    + result.err().strip(),
                            "install the host's package whole, then: systemctl enable --now rebootless-agent.timer");
                }
            };
}
