package dev.rebootless.host.agent;

import dev.rebootless.base.FileFaults;
import dev.rebootless.host.files.HostFiles;
import java.io.IOException;
import java.util.Optional;
import java.util.function.Consumer;

/** A kernel build that boots next and does not run. */
record NextKernel(String release, String buildId) {
    /**
     * Looks.
     *
     * @param said why it is not known, where it is not
     * @return empty also where the one that runs would boot again
     */
    static Optional<NextKernel> read(
            HostFiles files, LivepatchHost.Kernel running, NextBoot next, Consumer<String> said) {
        Optional<String> release = next.known().map(NextBoot.Known::release);
        if (release.isEmpty()) {
            return Optional.empty();
        }
        String image = "/boot/vmlinuz-" + release.get();
        try {
            String buildId = ImageBuildId.read(files.path(image));
            return running.buildId().filter(buildId::equals).isPresent()
                    ? Optional.empty()
                    : Optional.of(new NextKernel(release.get(), buildId));
        } catch (IOException e) {
            said.accept(
                    "the build of the kernel that boots next: "
                            + image
                            + ": "
                            + FileFaults.reason(e));
            return Optional.empty();
        }
    }
}
