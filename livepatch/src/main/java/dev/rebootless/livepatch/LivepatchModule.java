package dev.rebootless.livepatch;

import dev.rebootless.manifest.Manifest;

/**
 * A livepatch module, ready to be loaded.
 *
 * @param bytes of the {@code .ko}; shared, not to be written to
 */
public record LivepatchModule(Manifest manifest, byte[] bytes) {
    /** The file's name: {@code livepatch-NAME.ko}. */
    public String fileName() {
        return "livepatch-" + manifest.name() + ".ko";
    }
}
