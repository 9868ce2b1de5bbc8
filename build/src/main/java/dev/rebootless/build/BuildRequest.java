package dev.rebootless.build;

import dev.rebootless.manifest.Manifest;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * What is to be built.
 *
 * @param patches source patches, applied in this order
 * @param folder where the module and its JSON go; made when it is not there
 * @param name of the livepatch; by default made from the first patch's file name
 * @param replace whether the module takes over from all earlier livepatches
 * @param cves CVE ids that it closes
 * @param test whether it is proven by boot
 * @param check a script that must fail without the livepatch and pass with it
 * @param level how far it brings a kernel, if it was made of a backlog
 */
public record BuildRequest(
        List<Path> patches,
        Path folder,
        Optional<String> name,
        boolean replace,
        List<String> cves,
        boolean test,
        Optional<Path> check,
        Optional<Manifest.Level> level) {
    public BuildRequest {
        patches = List.copyOf(patches);
        cves = List.copyOf(cves);
    }

    /** One of patches, and not of a backlog. */
    public BuildRequest(
            List<Path> patches,
            Path folder,
            Optional<String> name,
            boolean replace,
            List<String> cves,
            boolean test,
            Optional<Path> check) {
        this(patches, folder, name, replace, cves, test, check, Optional.empty());
    }
}
