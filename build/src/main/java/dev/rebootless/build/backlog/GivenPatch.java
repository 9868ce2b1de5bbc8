package dev.rebootless.build.backlog;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.build.exposure.CveRow;
import dev.rebootless.build.exposure.ExposedCves;
import dev.rebootless.cve.CveId;
import dev.rebootless.source.history.SourceDifference;
import dev.rebootless.source.kit.Kit;
import dev.rebootless.source.patch.PatchRules;
import dev.rebootless.source.patch.PatchedTree;
import dev.rebootless.source.patch.SourcePatch;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * A fix that was given by hand: a patch of the running kernel's source, and the CVEs that it
 * closes. It is a step beside those of the packaged sources, so that it can be tried, taken
 * together with others, and kept like them.
 *
 * @param ids that it closes; at least one
 * @param name of the patch's file
 * @param difference from the kernel's source to the patched one
 */
public record GivenPatch(Set<CveId> ids, String name, SourceDifference difference) {
    private static final int HASH_CHARS = 16;

    public GivenPatch {
        ids = java.util.Collections.unmodifiableSet(new TreeSet<>(ids));
    }

    /**
     * Reads one and applies it.
     *
     * @param folder of the cache, for what it changes
     * @throws RebootlessException exit status 2 where it is no patch or does not apply; 4 where it
     *     is one of what no livepatch can do ({@link PatchRules})
     */
    public static GivenPatch of(Kit kit, Path file, Set<CveId> ids, Path folder) {
        SourcePatch patch = SourcePatch.read(List.of(file));
        PatchRules.require(patch);
        PatchedTree tree = PatchedTree.apply(kit.tree(), patch);
        String name = "given:" + patch.origins().getFirst().sha256().substring(0, HASH_CHARS);
        SourceDifference difference =
                SourceDifference.ofPatch(
                        kit.facts().sourceVersion(),
                        name,
                        tree.files().values(),
                        folder.resolve("given").resolve(name.replace(':', '-')));
        if (difference.changed().isEmpty()) {
            throw RebootlessException.usage(
                    "RBL-PATCH-EMPTY",
                    file.toString(),
                    "it changes nothing that a kernel is made of",
                    "see whether it is the patch that you meant");
        }
        return new GivenPatch(ids, file.toString(), difference);
    }

    /** A CVE's row, where the patch says which files the fix changes. */
    CveRow row(CveRow row, ExposedCves exposed) {
        return exposed.row(row.cve().withFiles(difference.changed(), name));
    }
}
