package dev.rebootless.host;

import dev.rebootless.host.files.HostFiles;

/**
 * The machine whose livepatches are changed, or what stands for one in a test.
 *
 * @param files by which its kernel shows itself, and in which things are kept
 * @param calls into its kernel
 * @param ticker its time
 * @param later who removes what tasks still hold
 * @param units that load what is installed at boot
 */
record Machine(
        HostFiles files, KernelCalls calls, Ticker ticker, LaterRemoval later, BootUnits units) {
    /** The one that this runs on. */
    static Machine thisOne() {
        return new Machine(
                HostFiles.ofThisMachine(),
                new LinuxKernelCalls(),
                Ticker.SYSTEM,
                LaterRemoval.SYSTEMD,
                BootUnits.SYSTEMD);
    }
}
