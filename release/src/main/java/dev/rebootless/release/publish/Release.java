package dev.rebootless.release.publish;

import dev.rebootless.manifest.Manifest;
import dev.rebootless.release.DesiredState;
import dev.rebootless.trust.tuf.FileFacts;
import dev.rebootless.trust.tuf.TargetPath;

/**
 * A livepatch that is released for a kernel build.
 *
 * @param manifest from the file beside the module, whose bytes are signed as the module's are
 * @param module its length and hash
 */
public record Release(Manifest manifest, FileFacts module) {
    static final String FOLDER = "releases";
    static final String MODULE = "livepatch.ko";
    static final String BESIDE = "livepatch.json";

    /** The name of the livepatch, as given to {@code build --name}. */
    public String name() {
        return manifest.name();
    }

    /** The build id of its kernel. */
    public String buildId() {
        return manifest.kernel().buildId();
    }

    /** The target that has the module's bytes. */
    public String path() {
        return folder(manifest) + "/" + MODULE;
    }

    /** As a ring's state names it. */
    DesiredState.Load load() {
        return new DesiredState.Load(manifest.module(), path(), module.sha256(), manifest.cves());
    }

    /** The folder of a livepatch's targets: {@code releases/BUILDID/NAME}. */
    static String folder(Manifest manifest) {
        String folder = FOLDER + "/" + manifest.kernel().buildId() + "/" + manifest.name();
        TargetPath.require(folder);
        return folder;
    }
}
