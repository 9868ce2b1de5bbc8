package dev.rebootless.host;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.base.Subprocess;
import java.time.Duration;
import java.util.Optional;

/** Arranges that a livepatch which tasks still hold is removed when they have left it. */
@FunctionalInterface
interface LaterRemoval {
    /**
     * Arranges it; nothing stays resident.
     *
     * @return what was arranged, in words; empty where nothing could be
     */
    Optional<String> arrange(String livepatch);

    /** The property by which the launcher says how the command is called. */
    String PROGRAM = "rebootless.program";

    /** By a transient timer of systemd (systemd-run(1)), which arranges itself anew if it must. */
    LaterRemoval SYSTEMD =
            livepatch -> {
                String program = System.getProperty(PROGRAM, "");
                if (program.isEmpty()) {
                    return Optional.empty();
                }
                // A name of its own each time: it may be arranged from within the one before.
                String unit =
                        "rebootless-unload-" + livepatch + "-" + ProcessHandle.current().pid();
                try {
                    Subprocess.Result result =
                            Subprocess.of(
                                            "systemd-run",
                                            "--quiet",
                                            "--collect",
                                            "--unit=" + unit,
                                            "--on-active=10",
                                            "--timer-property=AccuracySec=1",
                                            program,
                                            "unload",
                                            "--left-over",
                                            livepatch)
                                    .deadline(Duration.ofSeconds(20))
                                    .run();
                    return result.ok()
                            ? Optional.of("the timer " + unit + ".timer removes it")
                            : Optional.empty();
                } catch (RebootlessException e) {
                    // No systemd: the administrator is told what to do.
                    return Optional.empty();
                }
            };
}
