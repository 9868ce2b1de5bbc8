package dev.rebootless.release.publish;

import dev.rebootless.base.Hashes;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.manifest.Manifest;
import dev.rebootless.manifest.ManifestJson;
import dev.rebootless.trust.tuf.FileFacts;
import dev.rebootless.trust.tuf.TargetPath;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SequencedMap;

/**
 * A livepatch with all that belongs to it: module, manifest and proof, source patches.
 *
 * @param release what is released
 * @param targets the bytes by path, module last
 */
public record ReleaseFiles(Release release, SequencedMap<String, byte[]> targets) {
    /**
     * Puts them together.
     *
     * @param module the bytes of the {@code .ko}
     * @param embedded the manifest in it, which counts
     * @param beside the text of the JSON beside it
     * @param patches the bytes of the source patches that the manifest names, in any order
     * @throws RebootlessException exit status 2 {@code RBL-MANIFEST}; 4 {@code
     *     RBL-PUBLISH-UNPROVEN} when no boot has proven this module, {@code RBL-PUBLISH-PATCHES}
     *     when a source patch is missing, {@code RBL-PUBLISH-MIXED} when the two manifests differ
     */
    public static ReleaseFiles of(
            byte[] module, Manifest embedded, String beside, List<byte[]> patches) {
        ManifestJson.ModuleFile file = ManifestJson.readBeside(beside);
        FileFacts facts = FileFacts.of(module);
        if (!file.moduleSha256().equals(facts.sha256()) || !file.manifest().equals(embedded)) {
            throw RebootlessException.refused(
                    "RBL-PUBLISH-MIXED",
                    embedded.name(),
                    "the file beside the module is that of another one",
                    "give the module and the JSON of one build");
        }
        boolean proven =
                file.proof()
                        .filter(p -> p.passed())
                        .filter(p -> p.moduleSha256().filter(facts.sha256()::equals).isPresent())
                        .isPresent();
        if (!proven) {
            throw RebootlessException.refused(
                    "RBL-PUBLISH-UNPROVEN",
                    embedded.name(),
                    "no boot has proven this module, and what is published runs on every host",
                    "build it without --no-test");
        }
        Release release = new Release(embedded, facts);
        String folder = Release.folder(embedded) + "/";
        SequencedMap<String, byte[]> targets = new LinkedHashMap<>();
        addPatches(embedded, patches, folder + "patches/", targets);
        targets.put(
                folder + Release.BESIDE, beside.getBytes(java.nio.charset.StandardCharsets.UTF_8));
        targets.put(folder + Release.MODULE, module);
        return new ReleaseFiles(release, targets);
    }

    private static void addPatches(
            Manifest manifest, List<byte[]> patches, String folder, Map<String, byte[]> targets) {
        Map<String, byte[]> byHash = new LinkedHashMap<>();
        patches.forEach(p -> byHash.put(Hashes.sha256(p), p));
        int number = 0;
        for (Manifest.Input wanted : manifest.inputs().patches()) {
            byte[] patch = byHash.get(wanted.sha256());
            if (patch == null) {
                throw RebootlessException.refused(
                        "RBL-PUBLISH-PATCHES",
                        wanted.name(),
                        "this source patch of the livepatch is not among those that were given",
                        "give it with --patch; its SHA-256 is " + wanted.sha256());
            }
            String path = folder + "%02d-%s".formatted(++number, plain(wanted.name()));
            TargetPath.require(path);
            targets.put(path, patch);
        }
    }

    /** The name of a file as a target's path may have it. */
    private static String plain(String name) {
        String last = name.substring(name.lastIndexOf('/') + 1);
        String plain = last.replaceAll("[^A-Za-z0-9._+~-]", "_");
        return plain.substring(0, Math.min(plain.length(), 100)).toLowerCase(Locale.ROOT);
    }
}
