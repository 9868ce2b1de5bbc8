package dev.rebootless.host.agent;

import dev.rebootless.base.FileFaults;
import dev.rebootless.host.files.HostFiles;
import java.io.IOException;
import java.util.Optional;
import java.util.function.Consumer;

/** The kernel build that boots next; mostly the one that runs. */
record NextKernel(String release, String buildId) {
    /**
     * Looks into the image, for a release can be built anew under the same name.
     *
     * @param said why it is not known, where it is not
     */
    static Optional<NextKernel> read(HostFiles files, NextBoot next, Consumer<String> said) {
        Optional<String> release = next.known().map(NextBoot.Known::release);
        if (release.isEmpty()) {
            return Optional.empty();
        }
        String image = "/boot/vmlinuz-" + release.get();
        try {
            return Optional.of(new NextKernel(release.get(), ImageBuildId.read(files.path(image))));
        } catch (IOException e) {
            said.accept(
                    "the build of the kernel that boots next: "
                            + image
                            + ": "
                            + FileFaults.reason(e));
            return Optional.empty();
        }
    }

    /** Whether it runs already. */
    boolean runs(LivepatchHost.Kernel kernel) {
        return kernel.buildId().filter(buildId::equals).isPresent();
    }
}
