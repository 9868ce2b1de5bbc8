package dev.rebootless.host;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.host.files.HostFiles;
import dev.rebootless.kernel.Notes;
import java.io.IOException;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The kernel that runs here.
 *
 * @param release what {@code uname -r} prints
 * @param buildId hexadecimal, from {@code /sys/kernel/notes}; empty where that cannot be read
 */
public record RunningKernel(String release, Optional<String> buildId) {
    static final String LIVEPATCHES = "/sys/kernel/livepatch";

    /**
     * The version in Debian's /proc/version: {@code #1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2
     * (2026-11-16)}.
     */
    private static final Pattern DEBIAN = Pattern.compile(" Debian ([0-9][A-Za-z0-9.+~:-]{1,60})");

    /**
     * The package version of a kernel of Debian's.
     *
     * @param version the content of /proc/version
     */
    public static Optional<String> debianVersion(String version) {
        Matcher debian = DEBIAN.matcher(version);
        return debian.find() ? Optional.of(debian.group(1)) : Optional.empty();
    }

    /**
     * Asks the kernel.
     *
     * @throws RebootlessException exit status 5, {@code RBL-HOST-UNREADABLE}, where there is no
     *     /proc
     */
    static RunningKernel read(HostFiles files) {
        String release =
                files.read("/proc/sys/kernel/osrelease")
                        .known()
                        .orElseThrow(() ->
                                RebootlessException.environment(
                                        "RBL-HOST-UNREADABLE",
                                        "/proc/sys/kernel/osrelease",
                                        "cannot be read, so that nothing can be told of this kernel",
                                        "mount /proc, and call this on the host itself, not in a container"));
        return new RunningKernel(release, buildId(files));
    }

    private static Optional<String> buildId(HostFiles files) {
        try {
            return Notes.buildId(files.bytes("/sys/kernel/notes"));
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    /**
     * Whether the kernel has livepatching at all.
     *
     * @throws RebootlessException exit status 5, {@code RBL-HOST-NO-LIVEPATCH}, if not
     */
    static void requireLivepatching(HostFiles files) {
        if (!files.exists(LIVEPATCHES)) {
            throw RebootlessException.environment(
                    "RBL-HOST-NO-LIVEPATCH",
                    LIVEPATCHES,
                    "is not there: the running kernel has no livepatching, or this is a container",
                    "run a kernel with CONFIG_LIVEPATCH, as Debian's are, and call this on the host itself");
        }
    }
}
