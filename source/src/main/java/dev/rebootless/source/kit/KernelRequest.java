package dev.rebootless.source.kit;

import dev.rebootless.kernel.DebianVersion;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Which kernel build a kit is wanted for.
 *
 * @param release what {@code uname -r} prints
 * @param version of the image package; the newest that is served when empty
 * @param fromFolder a folder of .deb files to take instead of what apt serves
 * @param suite of Debian to take the toolchain from, and, without a folder, the kernel; empty: what
 *     this machine has and its apt serves
 */
public record KernelRequest(
        KernelRelease release,
        Optional<DebianVersion> version,
        Optional<Path> fromFolder,
        Optional<DebianSuite> suite) {
    /** One for this machine's own suite. */
    public KernelRequest(
            KernelRelease release, Optional<DebianVersion> version, Optional<Path> fromFolder) {
        this(release, version, fromFolder, Optional.empty());
    }

    /** The newest build of a release that apt serves. */
    public static KernelRequest newest(String release) {
        return new KernelRequest(new KernelRelease(release), Optional.empty(), Optional.empty());
    }

    /**
     * As on the command line: {@code RELEASE} or {@code RELEASE=VERSION}.
     *
     * @throws dev.rebootless.base.RebootlessException exit status 2 when it is neither
     */
    public static KernelRequest parse(String text) {
        int equals = text.indexOf('=');
        return equals < 0
                ? newest(text)
                : new KernelRequest(
                        new KernelRelease(text.substring(0, equals)),
                        Optional.of(new DebianVersion(text.substring(equals + 1))),
                        Optional.empty());
    }

    /** The same, with packages from a folder. */
    public KernelRequest from(Path folder) {
        return new KernelRequest(release, version, Optional.of(folder), suite);
    }

    /** The same, with the toolchain of a suite, and its packages unless they are from a folder. */
    public KernelRequest of(Optional<DebianSuite> other) {
        return new KernelRequest(release, version, fromFolder, other);
    }

    /** As {@link #parse} takes it. */
    @Override
    public String toString() {
        return release + version.map(v -> "=" + v).orElse("");
    }
}
