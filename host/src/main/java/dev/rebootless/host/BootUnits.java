package dev.rebootless.host;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.base.Subprocess;
import java.time.Duration;

/** The units that load what is installed at boot; the package brings them. */
interface BootUnits {
    /**
     * From the next boot on.
     *
     * @throws RebootlessException exit status 5 {@code RBL-HOST-UNITS}
     */
    void enable();

    /**
     * Looks whether the package's units are there.
     *
     * @throws RebootlessException exit status 5 {@code RBL-HOST-UNITS} if not
     */
    void requireThere();

    /** No longer; nothing is installed for any kernel. */
    void disable();

    /** systemd's. */
    BootUnits SYSTEMD =
            new BootUnits() {
                @Override
                public void enable() {
                    systemctl("enable");
                }

                @Override
                public void disable() {
                    systemctl("disable");
                }

                @Override
                public void requireThere() {
                    systemctl("cat");
                }

                private void systemctl(String verb) {
                    Subprocess.Result result =
                            Subprocess.of(
                                            "systemctl",
                                            "--quiet",
                                            verb,
                                            "rebootless.service",
                                            "rebootless-complete.timer")
                                    .deadline(Duration.ofMinutes(1))
                                    .run();
                    if (!result.ok()) {
                        throw RebootlessException.environment(
                                "RBL-HOST-UNITS",
                                "rebootless.service",
                                "systemctl could not " + verb + " it: " + result.err().strip(),
                                "install the host's package whole, on a system with systemd");
                    }
                }
            };
}
